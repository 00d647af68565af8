"""An analytics file that was lost: made anew from the log, the decision table and the alert table, it says the same."""

import asyncio
import sqlite3
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from contracts import rules as r
from contracts.events import LogEntry
from contracts.money import Money
from contracts.vocabulary import AlertSeverity
from services.analytics import restored_alerts
from services.analytics.alert_log import StoredEntry
from services.analytics.alert_queries import entries_after
from services.analytics.alert_states import AlertAction
from services.analytics.answers import change_alert
from services.analytics.consumer import Consumer
from services.analytics.handoffs import Bounds
from services.analytics.instants import micros_of
from services.analytics.outbox import waiting_count
from services.analytics.rule_book import seed_bank_rules
from services.analytics.rule_store import change_rule, create_rule, delete_rule, rules_of
from services.analytics.signals import Signal
from services.analytics.tables import DECIDED, SCHEMA
from services.database import Database
from services.decisions import Decisions
from tests.contract.decision_table_contract import MemoryDecisionTable
from tests.examples import examples
from tests.unit.services.analytics.logs import LATENESS_S, Log, Store, at, people
from tests.unit.services.analytics.serving import Clock
from tests.unit.services.test_decisions_model import MEMORY

PAYMENTS = 8
FIRST = len(people().entries)
"""Entries of the log before the first payment."""


class OneBatch:
    """A log that is read in a single batch: the places where rules were made lie within it."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self.applied = asyncio.Event()

    async def batches(self, after: int, mark: str = "") -> AsyncGenerator[list[LogEntry]]:  # noqa: ARG002 - the port's
        """Yield it, then nothing for ever."""
        yield self._log.entries[after:]
        self.applied.set()
        await asyncio.Event().wait()


@asynccontextmanager
async def analytics(path: Path, table: MemoryDecisionTable) -> AsyncIterator[tuple[Database, Consumer, Decisions]]:
    """Open a file as the service does."""
    database = Database(path, SCHEMA)
    await database.start()
    decisions = Decisions(database, DECIDED, table.opened, answer_s=0)
    await decisions.begin(table)
    await database.write(seed_bank_rules)
    yield database, Consumer(database, LATENESS_S, Clock(), Signal()), decisions
    await database.stop()


class Lived(NamedTuple):
    """What a file says in the end."""

    rules: list[r.AlertRule]
    stored: list[StoredEntry]
    state: list[list[tuple[object, ...]]]


async def read_state(database: Database) -> list[list[tuple[object, ...]]]:
    """Return what is answered of alerts: the log but for its offsets, the alerts now, their unread counts."""
    queries = (
        "SELECT customer_id, seq, kind, at, alert FROM alert_log ORDER BY customer_id, seq",
        "SELECT * FROM alerts ORDER BY id",
        "SELECT * FROM alert_heads ORDER BY customer_id",
    )
    return await database.read(lambda c: [c.execute(query).fetchall() for query in queries])


def above(amount: int, cooldown_s: int = 0) -> r.AlertRuleInput:
    condition = r.AmountCondition(amount=Money(f"{amount}.00", "EUR"))
    return r.AlertRuleInput("cust-1", f"above {amount}", AlertSeverity.HIGH, condition, cooldown_s=cooldown_s)


def answer(connection: sqlite3.Connection) -> None:
    """Acknowledge the newest alert, if there is one."""
    found = connection.execute("SELECT id, customer_id FROM alerts ORDER BY seq DESC, id LIMIT 1").fetchone()
    if found is not None:
        alert_id, customer_id = found
        change_alert(connection, alert_id, customer_id, AlertAction.ACKNOWLEDGE, "2026-03-02T10:00:00Z")


async def do(action: str, id: str, decisions: Decisions, database: Database) -> None:
    """Do what customers do: make a rule, change or delete the one made first, answer an alert."""
    if action == "answer":
        await database.write(answer)
        return
    rules = [one for one in await database.read(lambda c: rules_of(c, "cust-1")) if one.customer_id]
    if action in {"make", "make patient"}:
        wanted = above(1, cooldown_s=3600 if action == "make patient" else 0)
        await decisions.noted(partial(create_rule, rule_id=id, wanted=wanted))
    elif rules and action == "change":
        await decisions.noted(partial(change_rule, rule_id=rules[0].id, wanted=above(3)))
    elif rules:
        await decisions.noted(partial(delete_rule, rule_id=rules[0].id, customer_id="cust-1"))


Actions = dict[int, list[str]]


async def lived(path: Path, table: MemoryDecisionTable, log: Log, actions: Actions) -> Lived:
    """Apply a log, with what customers do after some of its events; return what then is in the alert table."""
    async with analytics(path, table) as (database, consumer, decisions):
        for entry in log.entries:
            await consumer.apply([entry])
            for number, action in enumerate(actions.get(entry.offset, [])):
                await do(action, f"rule-{entry.offset}-{number}", decisions, database)
        while await decisions.carry():
            pass
        rules = await database.read(lambda c: rules_of(c, "cust-1"))
        return Lived(rules, await database.read(lambda c: entries_after(c, 0, 1000)), await read_state(database))


async def made_anew(path: Path, table: MemoryDecisionTable, log: Log, stored: list[StoredEntry]) -> Lived:
    """Start on an empty file beside the two tables, and apply the same log; rules are those before it is applied."""
    async with analytics(path, table) as (database, consumer, _):
        rules = await database.read(lambda c: rules_of(c, "cust-1"))
        for half in (stored[: len(stored) // 2], stored[::-1]):  # killed half way, and begun again
            assert await database.write(restored_alerts.begin)
            await database.write(partial(restored_alerts.take, entries=half))
        await database.write(lambda c: restored_alerts.finish(c, Bounds(), 0, ""))
        assert await database.write(restored_alerts.begin) == (not stored)
        reader = OneBatch(log)
        running = asyncio.create_task(consumer.run(reader))
        await reader.applied.wait()
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        return Lived(rules, [], await read_state(database))


def played(log: Log, actions: Actions, *, with_alerts: bool = True) -> tuple[Lived, Lived]:
    """Live through a log, lose the file, and make it anew."""
    table = MemoryDecisionTable()

    async def story(folder: Path) -> tuple[Lived, Lived]:
        first = await lived(folder / "first.sqlite3", table, log, actions)
        stored = first.stored if with_alerts else []
        return first, await made_anew(folder / "second.sqlite3", table, log, stored)

    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        return asyncio.run(story(Path(folder)))


def payments(amounts: list[int]) -> Log:
    log = people()
    for amount in amounts:
        log.pay(f"-{amount}.00", time=at(minutes=40 * len(log.entries)))
    return log


OFFSETS = st.integers(FIRST, FIRST + PAYMENTS)
AMOUNTS = st.lists(st.integers(1, 5), min_size=PAYMENTS, max_size=PAYMENTS)


@examples(12)
@given(
    actions=st.dictionaries(OFFSETS, st.lists(st.sampled_from(["make", "make patient"]), min_size=1, max_size=2)),
    amounts=AMOUNTS,
    with_alerts=st.booleans(),
)
def test_each_event_is_judged_by_the_rules_before_it(actions: Actions, amounts: list[int], with_alerts: bool) -> None:
    """The alerts are the same at the same seqs, raised by the log alone or known before; rules are there first."""
    first, again = played(payments(amounts), actions, with_alerts=with_alerts)
    assert (again.rules, again.state) == (first.rules, first.state)


@examples(24)
@given(
    actions=st.dictionaries(
        OFFSETS, st.lists(st.sampled_from(["make", "change", "delete", "answer"]), min_size=1, max_size=3), min_size=1
    ),
    amounts=AMOUNTS,
)
def test_what_the_tables_have_comes_back_and_nothing_is_raised_twice(actions: Actions, amounts: list[int]) -> None:
    """Rules made, changed and deleted, alerts answered: log, alerts and unread counts are what they were."""
    first, again = played(payments(amounts), actions)
    assert (again.rules, again.state) == (first.rules, first.state)


def test_an_alert_that_expired_in_the_table_is_not_raised_again() -> None:
    """The log goes further back than the table: its older events raise nothing."""
    store = Store()
    store.memory.expired_before = "2999"
    store.apply(people().pay("-5000.00").entries)
    assert store.alerts() == []
    store = Store()
    store.apply(people().pay("-5000.00").entries)
    assert store.alerts() != []


def test_hand_offs_that_may_still_be_due_are_opened_again() -> None:
    """Of alerts that nobody has seen and that are not too old: others wait for nothing."""
    first = Store()
    first.apply(people().pay("-5000.00").entries)
    raised = first.alerts()
    waiting = sum(alert.severity in {AlertSeverity.HIGH, AlertSeverity.CRITICAL} for alert in raised)
    opened = []
    for now in (raised[0].raised_at, "2999-01-01T00:00:00Z"):
        again = Store()
        assert restored_alerts.begin(again.connection)
        restored_alerts.take(again.connection, entries_after(first.connection, 0, 10))
        restored_alerts.finish(again.connection, Bounds(), micros_of(now), "")
        opened.append(waiting_count(again.connection))
    assert waiting
    assert opened == [waiting, 0]
