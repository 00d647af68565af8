"""Tell a person how a replay goes, and what became of its rows: a bar on a terminal, plain lines elsewhere."""

import time
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from contracts.ingest import Verdict
from producers.replay_tallies import Tally

PLAIN_EVERY_S = 5.0
"""Seconds between two plain lines."""
_NAMES = {
    Verdict.ACCEPTED: "accepted",
    Verdict.DUPLICATE: "duplicate",
    Verdict.CONFLICT: "conflict",
    Verdict.REJECTED: "rejected",
}


class Reporter(Protocol):
    """Shows progress between `with` and its end."""

    def __enter__(self) -> Self:
        """Begin to show."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """Stop showing."""

    def show(self, share: float, done: int) -> None:
        """Show the share of the work done, 0 to 1, and how many events that were."""


class BarReporter:
    """A progress bar with rate and remaining time, for terminals."""

    def __init__(self, console: Console, title: str, *, before: int = 0) -> None:
        self._before = before
        self._started = time.monotonic()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[done]:,} events  {task.fields[rate]:,.0f}/s  ETA"),
            TimeRemainingColumn(),
            console=console,
        )
        self._task = self._bar.add_task(title, total=1.0, done=before, rate=0.0)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._bar.stop()

    def show(self, share: float, done: int) -> None:
        """Move the bar."""
        rate = (done - self._before) / max(0.001, time.monotonic() - self._started)
        self._bar.update(self._task, completed=share, done=done, rate=rate)


class LineReporter:
    """A line every few seconds, for logs and pipes."""

    def __init__(self, console: Console, title: str, *, before: int = 0) -> None:
        self._console = console
        self._title = title
        self._before = before
        self._started = self._shown = time.monotonic()
        self._first_share: float | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        return

    def show(self, share: float, done: int) -> None:
        """Print a line when the last one is old enough."""
        now = time.monotonic()
        if self._first_share is None:
            self._first_share = share
        if now - self._shown < PLAIN_EVERY_S:
            return
        self._shown, elapsed = now, now - self._started
        rate = (done - self._before) / elapsed
        left = elapsed * (1 - share) / max(1e-9, share - self._first_share)
        self._console.print(
            f"{self._title}  {share:4.0%}  {done:,} events  {rate:,.0f}/s  ETA {left:,.0f} s", highlight=False
        )


def reporter_for(console: Console, title: str, *, before: int = 0) -> Reporter:
    """Return the reporter that fits where the console writes to; `before` events were done by an earlier run."""
    kind = BarReporter if console.is_terminal else LineReporter
    return kind(console, title, before=before)


def print_outcome(console: Console, tally: Tally, elapsed_s: float, sent: int) -> None:
    """Print what became of every row, refusals by reason, and the first of them."""
    table = Table(title="What became of it", title_justify="left")
    table.add_column("verdict")
    table.add_column("rows of the file", justify="right")
    table.add_column("reference data", justify="right")
    for verdict, name in _NAMES.items():
        table.add_row(name, f"{tally.rows.get(verdict, 0):,}", f"{tally.reference.get(verdict, 0):,}")
    table.add_section()
    table.add_row("total", f"{sum(tally.rows.values()):,}", f"{sum(tally.reference.values()):,}")
    console.print(table)
    for reason, count in sorted(tally.reasons.items(), key=lambda item: -item[1]):
        console.print(f"refused, {reason}: {count:,}", highlight=False)
    for example in tally.examples:
        where = f"row {example.row:,}" if example.row else "reference data"
        console.print(f"  {where}: {example.reason} {example.message}", highlight=False, markup=False)
    console.print(f"{sent:,} events in {elapsed_s:,.1f} s: {sent / max(0.001, elapsed_s):,.0f}/s", highlight=False)
