"""Real processes for the journeys; every test here starts Belfry as its operator would."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bench.processes import running
from tests.journey.bank import Bank

EVERYTHING = ("events", "accounts", "analytics", "gateway")


@pytest.fixture
async def bank(tmp_path: Path) -> AsyncIterator[Bank]:
    """A whole Belfry on free ports, with nothing in it."""
    async with running(tmp_path / "data", *EVERYTHING) as belfry, asyncio.timeout(60), Bank(belfry) as bank:
        yield bank
