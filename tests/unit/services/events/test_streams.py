"""Streams in and out that go on for long: lines are written while the producer pauses, readers hear a quiet log."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.database import Database
from services.events.ingest import Ingest
from services.events.store import SqliteEventLog
from services.events.streams_in import take_stream
from services.events.streams_out import follow
from services.events.tables import SCHEMA
from tests.unit.services.events.samples import NOW, OPENING, payment


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[SqliteEventLog]:
    database = Database(tmp_path / "events.sqlite3", SCHEMA)
    await database.start()
    yield SqliteEventLog(database, lambda: NOW)
    await database.stop()


async def test_lines_are_durable_while_their_producer_pauses(log: SqliteEventLog) -> None:
    """A line does not wait for the end of its stream, which may be hours away."""
    end = asyncio.Event()

    async def chunks() -> AsyncIterator[bytes]:
        yield b"\n".join(OPENING) + b"\n" + payment()[:20]
        await end.wait()
        yield payment()[20:]

    appended = log.appended()
    taking = asyncio.create_task(take_stream(Ingest(log, lambda: NOW, 300), chunks()))
    await asyncio.wait_for(appended.wait(), 5)
    before = await log.last_offset()
    end.set()
    with await taking as answer:
        summary = answer.read().splitlines()[-1]
    assert (before, await log.last_offset()) == (3, 4)
    assert b'"accepted":4' in summary


async def test_a_quiet_log_is_heard(log: SqliteEventLog) -> None:
    """While nothing is appended a reader gets blank lines, and the end once it has waited enough."""
    parts = [part async for part in follow(log, 0, 0, wait_s=0.05, heartbeat_s=0.01)]
    assert len(parts) > 1
    assert set(parts) == {b"\n"}
