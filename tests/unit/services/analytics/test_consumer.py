"""The consumer's promise to those who read: facts as of every event applied, also while the log is busy."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from contracts import rules as r
from contracts.events import LogEntry
from contracts.failures import Unavailable
from contracts.money import Money
from contracts.vocabulary import AlertSeverity, Comparison
from services.analytics.consumer import Consumer
from services.analytics.rule_book import seed_bank_rules
from services.analytics.rule_store import create_rule
from services.analytics.signals import Signal
from services.analytics.tables import SCHEMA
from services.database import Database
from services.set_aside import keep_letter, letters_after
from tests.unit.services.analytics.logs import LATENESS_S, Log, people
from tests.unit.services.analytics.serving import Clock

PAYMENTS = 300


class Quiet:
    """A log with nothing new; it tells when it is followed."""

    def __init__(self) -> None:
        self.followed = asyncio.Event()

    async def batches(self, after: int, mark: str = "") -> AsyncGenerator[list[LogEntry]]:  # noqa: ARG002 - the port's
        """Yield nothing, for ever."""
        self.followed.set()
        await asyncio.Event().wait()
        yield []


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[Database]:
    """Open the store at a path."""
    database = Database(path, SCHEMA)
    await database.start()
    await database.write(seed_bank_rules)
    yield database
    await database.stop()


@asynccontextmanager
async def consuming(path: Path) -> AsyncIterator[Consumer]:
    """Open a consumer on the store at a path."""
    async with opened(path) as database:
        yield Consumer(database, LATENESS_S, Clock(), Signal())


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


class Hold:
    """A job of the writer that lasts until it is released."""

    def __init__(self) -> None:
        self.entered, self.release = threading.Event(), threading.Event()

    def __call__(self, _: sqlite3.Connection) -> None:
        """Wait for the release."""
        self.entered.set()
        self.release.wait(5)


def then_a_quiet_payment() -> tuple[list[LogEntry], list[LogEntry]]:
    """Return a busy batch and the quiet one after it."""
    log = busy_log()
    busy = list(log.entries)
    return busy, log.pay("-1.00", transactionId="last").entries[len(busy) :]


async def test_a_reader_is_not_fooled_by_a_batch_that_is_not_committed(tmp_path: Path) -> None:
    """A quiet batch takes the waiting facts out of the memory; until its commit the table does not have them."""
    busy, quiet = then_a_quiet_payment()
    before, commit = Hold(), Hold()
    async with opened(tmp_path / "analytics.sqlite3") as database:
        consumer = Consumer(database, LATENESS_S, Clock(), Signal())
        await consumer.apply(busy)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(database.write(before))
            await asyncio.to_thread(before.entered.wait, 5)
            tasks.create_task(consumer.apply(quiet))
            await asyncio.sleep(0)
            tasks.create_task(database.write(commit))
            await asyncio.sleep(0)
            before.release.set()
            await asyncio.to_thread(commit.entered.wait, 5)
            reading = tasks.create_task(consumer.read_facts(count))
            await asyncio.wait([reading], timeout=0.1)
            commit.release.set()
        assert reading.result() == PAYMENTS + 1


async def test_what_an_undone_transaction_had_taken_is_read_again(tmp_path: Path) -> None:
    """After it the facts that waited are known to the journal only; a reader still finds them."""
    busy, quiet = then_a_quiet_payment()
    before = Hold()
    async with opened(tmp_path / "analytics.sqlite3") as database:
        consumer = Consumer(database, LATENESS_S, Clock(), Signal())
        await consumer.apply(busy)
        holding = asyncio.create_task(database.write(before))
        await asyncio.to_thread(before.entered.wait, 5)
        applying = asyncio.create_task(consumer.apply(quiet))
        await asyncio.sleep(0)
        undoing = asyncio.create_task(database.write(lambda connection: connection.execute("ROLLBACK").fetchone()))
        await asyncio.sleep(0)
        before.release.set()
        outcomes = await asyncio.gather(holding, applying, undoing, return_exceptions=True)
        assert isinstance(outcomes[1], Unavailable)
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


async def test_a_dead_letter_is_applied_late_once_the_code_is_mended(tmp_path: Path) -> None:
    """Its fact and its alert are there afterwards, its letter says so, and the offset stays where the log is."""
    log = people().pay("-1500.00").pay("-1.00")
    lost = log.entries[4]
    async with opened(tmp_path / "analytics.sqlite3") as database:
        consumer = Consumer(database, LATENESS_S, Clock(), Signal())
        await consumer.apply(log.entries[:4])
        await database.write(lambda connection: keep_letter(connection, lost, "KeyError in analytics/rules.py:1"))
        await consumer.apply(log.entries[5:])
        await consumer.replay(lost)
        (letter,) = (await database.read(lambda connection: letters_after(connection, 0, 10))).items
        raised = await database.read(
            lambda connection: connection.execute("SELECT body FROM alerts WHERE transaction_id = 't5'").fetchall()
        )
        assert (letter.replayed_offset, await consumer.read_facts(count)) == (5, 2)
        assert len(raised) >= 2  # each holder's
        assert consumer.offset == 6


class Told:
    """A log that is told batches and says when the consumer asks for more than there are."""

    def __init__(self, *batches: list[LogEntry]) -> None:
        self._batches = batches
        self.finished = asyncio.Event()

    async def batches(self, after: int, mark: str = "") -> AsyncGenerator[list[LogEntry]]:  # noqa: ARG002 - the port's
        """Yield the batches, then nothing more."""
        for batch in self._batches:
            yield batch
        self.finished.set()
        await asyncio.Event().wait()


async def test_an_account_that_cannot_be_closed_does_not_hold_up_the_others(tmp_path: Path) -> None:
    """Its state is broken; the other account's window closes at the same tick of the clock, and raises its alert."""
    log = people().account("a2", "cust-1").pay("-1.00").pay("-1.00", accountId="a2")
    below = r.AggregateCondition(comparison=Comparison.BELOW, window_hours=24, total=Money("50.00", "EUR"))
    wanted = r.AlertRuleInput(customer_id="cust-1", name="Mine", severity=AlertSeverity.LOW, condition=below)
    async with opened(tmp_path / "analytics.sqlite3") as database:
        clock, told = Clock(), Told([], [])
        consumer = Consumer(database, LATENESS_S, clock, Signal())
        await consumer.apply(log.entries)
        await database.write(lambda connection: create_rule(connection, "rule-0", wanted))
        await database.write(lambda c: c.execute("UPDATE account_states SET value = x'01' WHERE key = 'a1'").rowcount)
        clock.now += timedelta(days=2)
        restarted = Consumer(database, LATENESS_S, clock, Signal())
        running = asyncio.create_task(restarted.run(told))
        await asyncio.wait({running, asyncio.create_task(told.finished.wait())}, return_when=asyncio.FIRST_COMPLETED)
        query = "SELECT json_extract(body, '$.accountId') FROM alerts WHERE json_extract(body, '$.ruleId') = 'rule-0'"
        accounts = await database.read(lambda connection: connection.execute(query).fetchall())
        running.cancel()
        await asyncio.wait([running])
        assert {account_id for (account_id,) in accounts} == {"a2"}
