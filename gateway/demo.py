"""The command `belfry demo`: the three services and the gateway as processes, seeded customers, live events, one panel.

Ends with 0 on Ctrl-C or SIGTERM, with 1 when one of its processes ends by itself: that is told, never hidden.
"""

import asyncio
import os
import signal
import socket
import sys
import time
from datetime import UTC, datetime

import httpx
import msgspec
from rich.console import Console

from contracts.failures import TimedOut
from contracts.settings import Settings, service_url
from gateway import demo_folder
from gateway.demo_folder import Seeding
from gateway.demo_issuer import TOKEN_LIFETIME_S
from gateway.demo_notifications import handed_over
from gateway.demo_panel import print_panel
from gateway.exit_codes import ExitCode
from gateway.premises import demand_free_port, open_data_dir
from gateway.supervisor import Program, Supervisor
from producers.demo_history import history_lines
from producers.demo_seeding import seed
from producers.event_client import EventClient
from producers.replay_reports import reporter_for
from producers.simulator import simulate

SEED = 20_240_229
"""Of the demo's people and of its live events."""
STEP_UP = "BELFRY_STEP_UP_MAX_AGE_S"
"""In the demo nobody can sign in again: unless it is set, a token does for as long as it lives."""
PLAIN = dict.fromkeys(
    ("tls_certificate", "tls_key", "service_tls_ca", "service_tls_certificate", "service_tls_key"), ""
)
"""The demo never leaves this machine: it speaks plain HTTP."""
PUSH = "BELFRY_PUSH"
"""In the demo alerts that nobody's app acknowledges are shown as they are pushed."""
CATCH_UP_S_MAX = 120.0
"""From the last seeded event until accounts and analytics have applied it."""
SERVICES = ("events", "accounts", "analytics")
_PORTS = {"port": "BELFRY_PORT", **{f"{name}_port": f"BELFRY_{name.upper()}_PORT" for name in SERVICES}}


def run_demo(settings: Settings, *, port: int | None, fresh: bool, simulated: bool) -> int:
    """Run the demo until it is stopped.

    Raises:
        BadSetting: a port is taken, or the data folder cannot be used; nothing was started.
        Failure: a process does not get ready, or the history is not taken.
    """
    settings = msgspec.structs.replace(settings, **PLAIN)
    folder = open_data_dir(settings).resolve()
    with demo_folder.locked(folder):
        chosen = _with_ports(settings, settings.port if port is None else port)
        if fresh:
            demo_folder.clear(folder)
        return asyncio.run(_Demo(msgspec.structs.replace(chosen, data_dir=folder), simulated=simulated).run())


def _with_ports(settings: Settings, port: int) -> Settings:
    wanted = {"port": port, **{f"{name}_port": getattr(settings, f"{name}_port") for name in SERVICES}}
    for field, number in wanted.items():
        demand_free_port(settings.host, number, _PORTS[field])
    return msgspec.structs.replace(
        settings, **{field: number or _free_port(settings.host) for field, number in wanted.items()}
    )


def _free_port(host: str) -> int:
    with socket.create_server((host, 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


class _Demo:
    def __init__(self, settings: Settings, *, simulated: bool) -> None:
        self._settings = settings
        self._simulated = simulated
        self._folder = settings.data_dir
        self._console = Console()
        self._supervisor = Supervisor(self._folder / "logs")

    async def run(self) -> int:
        stopped = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        try:
            for program in _programs(self._settings):
                await self._supervisor.start(program)
            return await self._until_end(stopped)
        finally:
            await self._supervisor.stop()

    async def _until_end(self, stopped: asyncio.Event) -> int:
        life = asyncio.create_task(self._live())
        ended = asyncio.create_task(self._supervisor.first_ended())
        stop = asyncio.create_task(stopped.wait())
        done, waiting = await asyncio.wait({life, ended, stop}, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        if stop in done:
            self._say("Stopping.")
            return ExitCode.DONE
        if ended in done:
            self._say(f"The demo stops: {ended.result()}")
            return ExitCode.FAILED
        life.result()
        return ExitCode.FAILED

    async def _live(self) -> None:
        started = time.monotonic()
        await self._supervisor.wait_until_ready()
        token = self._settings.service_token
        async with EventClient(service_url(self._settings, "events"), token=token) as client:
            await self._seed(client)
            print_panel(self._console, self._settings, started_in_s=time.monotonic() - started)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._show_notifications())
                if self._simulated:
                    tasks.create_task(simulate(client, SEED, lambda: datetime.now(UTC), self._tell))

    async def _show_notifications(self) -> None:
        async for handed in handed_over(self._folder):
            self._tell(f"  [bold]{handed}[/]")

    async def _seed(self, client: EventClient) -> None:
        seeding = demo_folder.read_seeding(self._folder) or Seeding(datetime.now(UTC))
        if seeding.is_complete:
            return
        demo_folder.write_seeding(self._folder, seeding)
        lines = history_lines(seeding.now, SEED)
        with reporter_for(self._console, "a year of history") as reporter:
            offset = await seed(client, lines, reporter.show)
        await _catch_up(self._settings, offset)
        demo_folder.write_seeding(self._folder, Seeding(seeding.now, is_complete=True))

    def _tell(self, story: str) -> None:
        self._console.print(f"[dim]{datetime.now(UTC):%H:%M:%S} UTC[/]  {story}", highlight=False)

    def _say(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)


def _programs(settings: Settings) -> list[Program]:
    """Return what to start, in order: the gateway last, so that it is stopped first."""
    environment = _environment(settings)
    services = [
        Program(
            name,
            [sys.executable, "-m", f"services.{name}"],
            f"{service_url(settings, name)}/health/ready",
            environment,
        )
        for name in SERVICES
    ]
    gateway_url = f"http://127.0.0.1:{settings.port}/health/ready"
    return [*services, Program("gateway", [sys.executable, "-m", "gateway", "gateway"], gateway_url, environment)]


def _environment(settings: Settings) -> dict[str, str]:
    ports = {variable: str(getattr(settings, field)) for field, variable in _PORTS.items()}
    urls = {f"BELFRY_{name.upper()}_URL": "" for name in SERVICES}
    return {
        **ports,
        **urls,
        "BELFRY_DATA_DIR": str(settings.data_dir),
        "BELFRY_DEMO": "true",
        "BELFRY_ISSUER": "",
        "BELFRY_JWKS_URL": "",
        **{f"BELFRY_{field.upper()}": "" for field in PLAIN},
        PUSH: os.environ.get(PUSH, "log"),
        STEP_UP: os.environ.get(STEP_UP, str(TOKEN_LIFETIME_S)),
    }


async def _catch_up(settings: Settings, offset: int) -> None:
    """Wait until accounts and analytics have applied the log up to an offset.

    Raises:
        TimedOut: one has not within `CATCH_UP_S_MAX`.
    """
    headers = {"Authorization": f"Bearer {settings.service_token}"} if settings.service_token else {}
    deadline = time.monotonic() + CATCH_UP_S_MAX
    async with httpx.AsyncClient(headers=headers, trust_env=False) as http:
        for name in ("accounts", "analytics"):
            url = f"{service_url(settings, name)}/projection"
            while (await http.get(url)).raise_for_status().json()["offset"] < offset:
                if time.monotonic() > deadline:
                    raise TimedOut(f"The service {name} has not applied the history after {CATCH_UP_S_MAX:g} s.")
                await asyncio.sleep(0.1)
