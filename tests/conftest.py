"""How the suite runs: alone, or split over one worker a core (`make test`: pytest-xdist).

A worker takes a file at a time, and a folder of `TOGETHER`, whose tests share what is dear, as a whole; what takes long
comes first, so that no worker is left with it at the end. (pytest-xdist's own groups do nothing under pytest 9.2.)
At the end the time of each part is told.
"""

import gc
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import structlog
from xdist.scheduler import LoadScopeScheduling

LONG = ("core", "journey", "demo", "browser", "clients", "sockets")
"""Folders whose tests start processes, the longest first."""
TOGETHER = ("journey", "layers")
"""Folders whose tests share running processes, or the code read."""
ROOT = Path(__file__).parent
GC_THRESHOLDS = (50_000, 20, 100)
"""What tests make is small and soon gone; collecting as often as Python does costs a tenth of the CPU."""

gc.disable()  # until all is imported: what is there stays

# Without rich, which takes two seconds to print its first traceback.
structlog.configure(
    processors=[
        structlog.processors.add_log_level,
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]
)


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Says which tests stay together; pytest-xdist does the rest."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        part = path.split("/")[1]
        return part if part in TOGETHER else path


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Keep the order of collection, which knows what is long."""
    config.option.loadscopereorder = False
    return Scheduling(config, log)


def _rank(item: pytest.Item) -> int:
    folder = item.path.relative_to(ROOT).parts[0]
    return LONG.index(folder) if folder in LONG else len(LONG)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what takes long first."""
    items.sort(key=_rank)


def pytest_collection_finish() -> None:
    """Take what was imported out of every later garbage collection: it stays anyway."""
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    gc.enable()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell each part's tests, their time over all workers, and from when to when it ran."""
    parts: dict[str, list[pytest.TestReport]] = defaultdict(list)
    for report in (one for kind in terminalreporter.stats.values() for one in kind):
        if isinstance(report, pytest.TestReport):
            parts[report.nodeid.split("/")[1]].append(report)
    terminalreporter.section("time of each part")
    begun = min((report.start for reports in parts.values() for report in reports), default=0.0)
    for part, reports in sorted(parts.items(), key=lambda one: min(report.start for report in one[1])):
        tests = len({report.nodeid for report in reports})
        seconds = sum(report.duration for report in reports)
        first, last = min(report.start for report in reports), max(report.stop for report in reports)
        terminalreporter.line(
            f"{part:10} {tests:5} tests {seconds:7.1f} s, from {first - begun:5.1f} to {last - begun:5.1f} s"
        )
