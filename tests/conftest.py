"""How the suite runs: alone, or split over workers (`make test`: pytest-xdist).

A worker takes a file at a time, and a folder of `TOGETHER`, whose tests share what is dear, as a whole; what takes long
comes first, so that no worker is left with it at the end. (pytest-xdist's own groups do nothing under pytest 9.2.)
At the end the time of each part is told.
"""

import gc
import os
import shutil
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
ALONE = ("test_storage_faults.py", "test_tls.py", "test_workers.py")
"""Journeys with processes of their own."""
BUSY = {"layers", "unit", "contract"}
"""Folders whose tests wait for nobody."""
WORKERS_MAX = 8
ROOT = Path(__file__).parent
MEMORY, MEMORY_BYTES_MIN = Path("/dev/shm"), 512 * 1024 * 1024  # noqa: S108 - pytest makes its own folder there
GC_THRESHOLDS = (50_000, 20, 100)
"""What tests make is small and soon gone; collecting as often as Python does costs a tenth of the CPU."""

gc.disable()  # until all is imported: what is there stays

# A store on a disk waits for it at each commit, some milliseconds: no test can tell, and a hundred start a service.
if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= MEMORY_BYTES_MIN:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))

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
        part, file = path.split("/")[1], path.rpartition("/")[2]
        return part if part in TOGETHER and file not in ALONE else path


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One worker a core, and half as many more where tests wait for processes."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    waits = not all(BUSY & set(Path(one.partition("::")[0]).parts) for one in config.args)
    return min(WORKERS_MAX, cores * 3 // 2 if waits else cores)


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
