"""The task that keeps the projection up with the log: nothing skipped, nothing twice, whatever the store says."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from pathlib import Path

import pytest

from contracts.events import LogEntry
from contracts.failures import Overloaded, Unavailable
from services.accounts.balances import closing_of
from services.accounts.changes import Changes
from services.accounts.follower import Follower
from services.accounts.projection import Applied
from services.accounts.store import SqliteProjection
from services.accounts.tables import SCHEMA
from services.database import Database
from tests.unit.services.accounts.samples import NOW, ScriptedLog, account, booked, entries


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    store = Database(tmp_path / "accounts.sqlite3", SCHEMA)
    await store.start()
    yield store
    await store.stop()


class Failing(SqliteProjection):
    """The real projection in a store that refuses the first writes."""

    def __init__(self, database: Database, *failures: Exception) -> None:
        super().__init__(database)
        self.failures = list(failures)

    async def apply(self, batch: Sequence[LogEntry]) -> Applied:
        if self.failures:
            raise self.failures.pop()
        return await super().apply(batch)


async def follow(log: ScriptedLog, projection: SqliteProjection, changes: Changes) -> None:
    task = asyncio.create_task(Follower(log, projection, changes, lambda: NOW).run())
    await asyncio.wait_for(log.caught_up.wait(), 10)
    task.cancel()


async def test_a_refused_batch_is_applied_once_the_store_takes_it(database: Database) -> None:
    """A full, busy or overloaded store delays the projection and loses nothing."""
    projection = Failing(database, Unavailable("full", code="STORAGE_FULL"), Overloaded("many"))
    log = ScriptedLog(entries(account(), booked("t1", "1.00")), entries(booked("t2", "2.00"), after=2))
    await follow(log, projection, Changes())
    assert projection.failures == []
    assert (await database.read(lambda connection: closing_of(connection, "acc-1"))).minor == 300


async def test_a_follower_starts_where_the_projection_is(database: Database) -> None:
    """A log that is told again from before the offset adds nothing and changes nothing."""
    changes = Changes()
    for _ in range(2):
        await follow(ScriptedLog(entries(account(), booked("t1", "1.00"))), SqliteProjection(database), changes)
    async with aclosing(changes.follow(-1, wait_s=0)) as stream:
        assert [lines async for lines in stream] == [b'{"offset":2}\n']
    assert (await database.read(lambda connection: closing_of(connection, "acc-1"))).minor == 100
