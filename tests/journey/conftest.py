"""Real processes for the journeys; every test here starts Belfry as its operator would.

`bank` is one Belfry for all journeys: each uses customers of its own. `mortal_bank` is for those that kill processes.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bench.processes import running
from tests.journey.bank import Bank

EVERYTHING = ("events", "accounts", "analytics", "gateway")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def bank(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bank]:
    """A whole Belfry on free ports; nobody kills it."""
    folder = tmp_path_factory.mktemp("belfry")
    async with running(folder, *EVERYTHING) as belfry, Bank(belfry) as bank:
        yield bank


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def mortal_bank(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bank]:
    """Another one, whose processes are killed; each test brings them back. It pushes; events long past wake nobody.

    A second after it came in its log is archived, in pieces of some fifteen entries.
    """
    folder = tmp_path_factory.mktemp("mortal-belfry")
    waits = {"HIGH": "2.5", "CRITICAL": "1", "SMS": "2"}
    push = {"BELFRY_PUSH": "log", **{f"BELFRY_PUSH_{name}_AFTER_S": seconds for name, seconds in waits.items()}}
    archive = {"BELFRY_LOG_DAYS": f"{1 / 86_400:f}", "BELFRY_ARCHIVE_PIECE_BYTES": "4096"}
    async with running(folder, *EVERYTHING, settings=push | archive) as belfry, Bank(belfry) as bank:
        yield bank
