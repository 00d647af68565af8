"""How the suite runs: alone, or split over one worker a core (`make test`: pytest-xdist).

Tests that share running processes stay on one worker, so that each process is started once.
"""

import gc

import pytest

SHARED = ("bank", "mortal_bank", "tls_bank", "edge", "belfry_url")
"""Fixtures that start processes; the first one that a test asks for names its group."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Name the group of each test that has one; pytest-xdist begins with the largest."""
    for item in items:
        asked = getattr(item, "fixturenames", ())
        if group := next((name for name in SHARED if name in asked), None):
            item.add_marker(pytest.mark.xdist_group(group))


def pytest_collection_finish() -> None:
    """Take what was imported out of every later garbage collection: it stays anyway."""
    gc.collect()
    gc.freeze()
