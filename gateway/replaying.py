"""The command `belfry replay`: puts source, client, state and reporter together."""

import asyncio
import time
from pathlib import Path

from rich.console import Console

from contracts.failures import Failure
from contracts.settings import Settings, service_url
from contracts.tls import service_client_tls
from gateway.exit_codes import ExitCode
from gateway.premises import open_data_dir
from producers.event_client import PATIENCE_S, EventClient
from producers.replay import format_of, replay, source_of
from producers.replay_reports import print_outcome, reporter_for
from producers.replay_tallies import StateFile
from producers.sources import Source, readable


def run_replay(settings: Settings, file: Path, format_name: str | None, *, rate: float | None, restart: bool) -> int:
    """Replay a file and print what became of its rows.

    Raises:
        Failure: the file cannot be read, or the event service stays away; what was acknowledged is remembered.
    """
    chosen = format_name or format_of(file)
    source, paths = source_of(file, chosen)
    with readable(file):
        state_file = StateFile(open_data_dir(settings), paths)
    if restart:
        state_file.forget()
    return asyncio.run(_run(settings, chosen, source, state_file, rate))


async def _run(settings: Settings, format_name: str, source: Source, state_file: StateFile, rate: float | None) -> int:
    console = Console()
    url = service_url(settings, "events")
    state = state_file.load(format_name, url)
    before, started = state.items, time.monotonic()
    if before:
        console.print(f"Going on after {before:,} events; --restart begins again.", highlight=False)

    def tell_wait(failure: Failure) -> None:
        console.print(f"{failure.message} Trying again, for {PATIENCE_S:.0f} s.", highlight=False, soft_wrap=True)

    with reporter_for(console, format_name, before=before) as reporter:
        tls = service_client_tls(settings)
        async with EventClient(url, token=settings.service_token, tls=tls, on_wait=tell_wait) as client:
            tally = await replay(
                source,
                client,
                state,
                state_file,
                rate=rate,
                on_progress=lambda share, counts: reporter.show(share, counts.total),
            )
    print_outcome(console, tally, time.monotonic() - started, tally.total - before)
    return ExitCode.REFUSED_ROWS if tally.refused else ExitCode.DONE
