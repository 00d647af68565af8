"""How the suite runs: alone, or split over one worker a core (`make test`: pytest-xdist).

A worker takes a file at a time, and the journeys, which share running processes, as a whole; what takes long comes
first, so that no worker is left with it at the end. (pytest-xdist's own groups do nothing under pytest 9.2.)
"""

import gc
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

LONG = ("core", "journey", "demo", "browser", "clients")
"""Folders whose tests start processes, the longest first."""
TOGETHER = "journey"
ROOT = Path(__file__).parent


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Says which tests stay together; pytest-xdist does the rest."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return TOGETHER if path.startswith(f"tests/{TOGETHER}/") else path


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
    gc.collect()
    gc.freeze()
