"""The event service's disk is full, or its file locked: the producer is told so, and nothing acknowledged is lost."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from typing import Any

import psutil
import pytest
import pytest_asyncio

from bench.processes import running
from tests.journey.bank import Bank, Json

pytestmark = [pytest.mark.journey, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def ledger(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bank]:
    """An event service alone, with an account that can be paid from."""
    async with running(tmp_path_factory.mktemp("ledger"), "events") as belfry, Bank(belfry) as bank:
        await bank.post(bank.customer("kim"), bank.account("kim-1", "kim"), bank.payment("kim-1", "1.00", "before"))
        yield bank


async def _send(bank: Bank, event: Json) -> tuple[int, Any, bool]:
    """Post one event; returns the status, the answer, and whether it says when to come back."""
    headers = {"Content-Type": "application/cloudevents+json"}
    async with bank.http.post(f"{bank.belfry.urls['events']}/events", json=event, headers=headers) as response:
        return response.status, await response.json(content_type=None), "Retry-After" in response.headers


async def _goes_on(bank: Bank, refused: Json) -> None:
    """Afterwards what was refused is new, and what was acknowledged before is known."""
    summary = await bank.post(refused, bank.payment("kim-1", "1.00", "before"))
    assert (summary["accepted"], summary["duplicates"], summary["rejected"]) == (1, 1, 0)


async def test_a_full_disk_is_told_and_loses_nothing(ledger: Bank) -> None:
    """503 STORAGE_FULL while the process can write no more to any file; then the same event is accepted."""
    process = psutil.Process(ledger.belfry.processes["events"].pid)
    before = process.rlimit(psutil.RLIMIT_FSIZE)
    process.rlimit(psutil.RLIMIT_FSIZE, (4096, before[1]))
    refused = ledger.payment("kim-1", "2.00", "full")
    status, problem, says_when = await _send(ledger, refused)
    process.rlimit(psutil.RLIMIT_FSIZE, before)
    assert (status, problem["code"], says_when) == (503, "STORAGE_FULL", True)
    await _goes_on(ledger, refused)


async def test_a_locked_file_is_told_and_loses_nothing(ledger: Bank) -> None:
    """503 STORAGE_BUSY when another process keeps the lock for longer than the service waits (5 s)."""
    refused = ledger.payment("kim-1", "3.00", "locked")
    with closing(sqlite3.connect(ledger.belfry.data_dir / "events.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        status, problem, says_when = await _send(ledger, refused)
        other.execute("ROLLBACK")
    assert (status, problem["code"], says_when) == (503, "STORAGE_BUSY", True)
    await _goes_on(ledger, refused)
