"""The consumer's promise to those who read: facts as of every event applied, also while the log is busy."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from contracts.events import LogEntry
from services.analytics.consumer import Consumer
from services.analytics.rule_book import seed_bank_rules
from services.analytics.signals import Signal
from services.analytics.tables import SCHEMA
from services.database import Database
from tests.unit.services.analytics.logs import LATENESS_S, Log, people
from tests.unit.services.analytics.serving import Clock

PAYMENTS = 300


class Quiet:
    """A log with nothing new; it tells when it is followed."""

    def __init__(self) -> None:
        self.followed = asyncio.Event()

    async def batches(self, after: int) -> AsyncGenerator[list[LogEntry]]:  # noqa: ARG002 - the port's
        """Yield nothing, for ever."""
        self.followed.set()
        await asyncio.Event().wait()
        yield []


@asynccontextmanager
async def consuming(path: Path) -> AsyncIterator[Consumer]:
    """Open a consumer on the store at a path."""
    database = Database(path, SCHEMA)
    await database.start()
    await database.write(seed_bank_rules)
    yield Consumer(database, LATENESS_S, Clock(), Signal())
    await database.stop()


def busy_log() -> Log:
    """Return a log with more payments than a quiet batch has."""
    log = people()
    for number in range(PAYMENTS):
        log.pay("-1.00", transactionId=f"t{number}")
    return log


def count(connection: sqlite3.Connection) -> int:
    """Count the facts in the table."""
    found: int = connection.execute("SELECT count(*) FROM facts").fetchone()[0]
    return found


async def test_a_reader_finds_every_event_applied(tmp_path: Path) -> None:
    """A busy batch leaves its facts waiting; reading writes them first."""
    async with consuming(tmp_path / "analytics.sqlite3") as consumer:
        await consumer.apply(busy_log().entries)
        assert await consumer.read_facts(count) == PAYMENTS


async def test_what_a_killed_process_left_waiting_is_there_at_once(tmp_path: Path) -> None:
    """The next process writes the journal's facts before it reads on, however quiet the log is."""
    path = tmp_path / "analytics.sqlite3"
    async with consuming(path) as killed:
        await killed.apply(busy_log().entries)
    with sqlite3.connect(path) as connection:
        assert count(connection) == 0
    async with consuming(path) as restarted:
        log = Quiet()
        running = asyncio.create_task(restarted.run(log))
        await log.followed.wait()
        assert await restarted.read_facts(count) == PAYMENTS
        running.cancel()
        await asyncio.wait([running])
