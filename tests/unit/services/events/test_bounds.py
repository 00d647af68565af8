"""What is removed because it is old, seen from outside: late corrections, pages, dead letters, and rounds that fail."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from prometheus_client import REGISTRY

from contracts.failures import Unavailable
from contracts.ingest import Verdict
from services.database import Database
from services.events.dead_letters import LetterBounds, letters_after
from services.events.history_bounds import HistoryBounds
from services.events.history_queries import Filter, merged_page, transactions_by_id
from services.events.retention import IDLE_S_MAX, keeping
from services.events.screening import Refused
from services.events.store import SqliteEventLog
from services.events.tables import SCHEMA
from services.events.times import canonical_moment
from tests.contract.event_log_contract import opened, verdicts_of
from tests.unit.services.events.samples import NOW, payment, raw, screened
from tests.virtual_time import run_in_virtual_time

DAYS = 10.0
FUTURE_S = 300


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(tmp_path / "events.sqlite3", SCHEMA)
    await database.start()
    yield database
    await database.stop()


@pytest.fixture
async def log(database: Database, clock: Clock) -> SqliteEventLog:
    """A log whose history had a pending payment, two weeks ago, of which it has no row any more."""
    log = SqliteEventLog(database, clock)
    await opened(log)
    bounds = HistoryBounds(database, clock, DAYS, FUTURE_S)
    await log.append_batch([screened(payment("card.authorised", id="p-1", transactionId="tx-1"))])
    await bounds.remove_next()
    clock.now += timedelta(days=14)
    await log.append_batch([screened(payment(id="p-2", transactionId="tx-2"))])
    while await bounds.remove_next():
        pass
    assert await database.read(lambda connection: transactions_by_id(connection, ["tx-1"])) == []
    return log


async def test_a_page_says_from_when_on_it_is_complete(log: SqliteEventLog, database: Database) -> None:
    """From when the newest row that was removed came in, and as far as its time may have been ahead of that."""
    assert await log.last_offset() == 5
    page = await database.read(lambda connection: merged_page(connection, ["acc-1"], Filter()))
    assert page.complete_from == canonical_moment(NOW + timedelta(seconds=FUTURE_S))
    assert [msgspec.json.decode(edge.node)["id"] for edge in page.edges] == ["tx-2"]


async def test_a_late_booking_of_a_removed_movement_makes_it_anew(log: SqliteEventLog, database: Database) -> None:
    """A booking says everything of its movement."""
    [verdict] = await log.append_batch([screened(payment(id="p-3", transactionId="tx-1"))])
    [row] = await database.read(lambda connection: transactions_by_id(connection, ["tx-1"]))
    assert (verdict.verdict, msgspec.json.decode(row)["status"]) == (Verdict.ACCEPTED, "BOOK")


async def test_a_late_release_of_a_removed_movement_is_taken(log: SqliteEventLog, database: Database) -> None:
    """History cannot show it, but balances must give back what was held."""
    release = raw("card.reversed", {"transactionId": "tx-1", "accountId": "acc-1"}, id="p-3")
    assert verdicts_of(await log.append_batch([screened(release)])) == [Verdict.ACCEPTED]
    assert await database.read(lambda connection: transactions_by_id(connection, ["tx-1"])) == []


@pytest.mark.parametrize(("days", "at_most", "left"), [(10.0, 100, 2), (30.0, 1, 1), (30.0, 100, 4)])
async def test_dead_letters_go_by_age_and_by_number(
    days: float, at_most: int, left: int, database: Database, clock: Clock
) -> None:
    """Of two old and two new ones."""
    log = SqliteEventLog(database, clock)
    for number in range(4):
        clock.now += timedelta(days=14 if number == 2 else 0)
        await log.append_batch([Refused(b"%d" % number, "MALFORMED_JSON", "No.")])
    bounds = LetterBounds(database, clock, days, at_most)
    while await bounds.remove_next():
        pass
    kept = (await database.read(lambda connection: letters_after(connection, 0, 10))).items
    assert [letter.raw for letter in kept] == [b"%d" % number for number in range(4 - left, 4)]


def test_a_round_that_fails_is_counted_and_tried_again() -> None:
    """Others go on meanwhile; what is kept for ever has no rounds."""
    looks: list[str] = []

    async def fails() -> bool:
        looks.append("log")
        raise Unavailable("Away.")

    async def finds_two() -> bool:
        looks.append("seen")
        return looks.count("seen") <= 2

    async def play() -> None:
        async with keeping({"log": (1.0, fails), "seen": (1.0, finds_two), "history": (0.0, fails)}):
            await asyncio.sleep(IDLE_S_MAX * 1.5)

    before = _failures()
    run_in_virtual_time(play())
    assert (looks.count("log"), looks.count("seen"), _failures() - before) == (2, 4, 2)


def _failures() -> float:
    return REGISTRY.get_sample_value("belfry_retention_failures_total", {"what": "log"}) or 0.0
