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
from services.followed import mark_of
from services.set_aside import letters_after
from tests.unit.services.accounts.samples import NOW, ScriptedLog, account, booked, entries, event, payment


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
    changes, batch = Changes(), entries(account(), booked("t1", "1.00"))
    logs = ScriptedLog(batch), ScriptedLog(batch)
    for log in logs:
        await follow(log, SqliteProjection(database), changes)
    assert [log.mark for log in logs] == ["", mark_of(batch[-1])]
    async with aclosing(changes.follow(-1, wait_s=0)) as stream:
        assert [lines async for lines in stream] == [b'{"offset":2}\n']
    assert (await database.read(lambda connection: closing_of(connection, "acc-1"))).minor == 100


async def test_events_that_cannot_be_applied_become_dead_letters_alone(database: Database) -> None:
    """The good events around them are applied, the offset moves on; their bytes are kept with the place that failed."""
    unreadable = event("payment.booked", transactionId=5)
    absurd = payment("payment.booked", "t2", "1.00", amount={"amount": "many", "currency": "EUR"})
    batch = entries(account(), booked("t1", "1.00"), unreadable, absurd, event("novel.kind"), booked("t3", "2.00"))
    projection = SqliteProjection(database)
    await follow(ScriptedLog(batch), projection, Changes())
    assert (await database.read(lambda connection: closing_of(connection, "acc-1"))).minor == 300
    letters = (await database.read(lambda connection: letters_after(connection, 0, 10))).items
    assert [letter.id for letter in letters] == [3, 4]
    assert [letter.message.partition(":")[0] for letter in letters] == [
        "ValidationError in accounts/projection.py",
        "Rejected in contracts/money.py",
    ]
    assert b'"transactionId":5' in letters[0].raw
    assert await projection.offset() == 6


async def test_a_dead_letter_is_applied_late_once_the_code_is_mended(database: Database) -> None:
    """What was set aside takes effect, its letter says so, and the offset stays."""
    first, lost = entries(account(), booked("t1", "1.00"))
    projection = SqliteProjection(database)
    await projection.apply([first])
    await projection.set_aside(lost, "KeyError in accounts/ledger.py:1")
    await projection.apply(entries(booked("t2", "2.00"), after=2))
    await projection.replay(lost)
    (letter,) = (await database.read(lambda connection: letters_after(connection, 0, 10))).items
    assert (letter.replayed_offset, await projection.offset()) == (2, 3)
    assert (await database.read(lambda connection: closing_of(connection, "acc-1"))).minor == 300
