"""A batch is gone once it is applied: no service makes garbage for the collector, which comes seldom."""

import gc
import sqlite3
from collections.abc import Callable, Iterator

import pytest

from services.accounts import projection
from services.accounts.tables import SCHEMA as ACCOUNT_TABLES
from services.events.appending import Appending
from services.events.references import Known
from services.events.screening import screen
from services.events.tables import SCHEMA as EVENT_TABLES
from tests.unit.services.accounts import samples as accounts
from tests.unit.services.analytics.logs import Store, people
from tests.unit.services.events import samples as events

BATCH = 120


def events_batches() -> Iterator[Callable[[], object]]:
    """Screen and append records: good ones, duplicates and refused ones."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript(EVENT_TABLES)
    known = Known()

    def append(raws: list[bytes]) -> None:
        records = [screen(raw, events.LATEST) for raw in raws]
        Appending(connection, known, "2026-03-01T12:00:00.000000Z").append(records, 0)

    append(events.OPENING)
    for first in range(0, 4 * BATCH, BATCH):
        numbers = range(first, first + BATCH)
        raws = [events.payment(id=f"e{number}", transactionId=f"t{number}") for number in numbers]
        yield lambda raws=raws: append([*raws, raws[0], b"{"])  # type: ignore[misc]  # bound now


def accounts_batches() -> Iterator[Callable[[], object]]:
    """Project bookings onto balances."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript(ACCOUNT_TABLES)
    bookings = [
        accounts.event(
            "payment.booked",
            transactionId=f"t{number}",
            accountId="acc-1",
            amount=accounts.money("1.00"),
            creditDebitIndicator="DBIT",
        )
        for number in range(4 * BATCH)
    ]
    log = accounts.entries(*bookings)
    for first in range(0, len(log), BATCH):
        yield lambda batch=log[first : first + BATCH]: projection.apply(connection, batch)  # type: ignore[misc]  # as above


def analytics_batches() -> Iterator[Callable[[], object]]:
    """Apply card payments, some of them worth an alert."""
    store, log = Store(), people()
    for number in range(4 * BATCH):
        log.pay("-7.00" if number % 10 else "-2000.00", category="GROCERIES", cardId="k2", transactionId=f"t{number}")
    for first in range(0, len(log.entries), BATCH):
        yield lambda batch=log.entries[first : first + BATCH]: store.apply(batch)  # type: ignore[misc]  # as above


@pytest.mark.parametrize("batches", [events_batches, accounts_batches, analytics_batches])
def test_a_batch_leaves_nothing_to_the_collector(batches: Callable[[], Iterator[Callable[[], object]]]) -> None:
    """A batch that held itself in a cycle would stay, with all it decoded, until the collector comes: for hours."""
    jobs = list(batches())
    jobs[0]()  # the first fills what is kept for good
    gc.collect()
    gc.freeze()  # what other tests left is not this one's to look through
    gc.disable()
    try:
        for job in jobs[1:]:
            job()
        found = gc.collect()
    finally:
        gc.enable()
    assert found == 0
