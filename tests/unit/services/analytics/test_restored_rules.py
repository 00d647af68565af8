"""An analytics file that was lost with rules in it: made anew from the log and the decision table, it says the same."""

import asyncio
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from contracts import rules as r
from contracts.events import LogEntry
from contracts.money import Money
from contracts.vocabulary import AlertSeverity
from services.analytics.alert_log import StoredEntry
from services.analytics.alert_queries import entries_after
from services.analytics.consumer import Consumer
from services.analytics.rule_book import seed_bank_rules
from services.analytics.rule_store import create_rule, rules_of
from services.analytics.signals import Signal
from services.analytics.tables import DECIDED, SCHEMA
from services.database import Database
from services.decisions import Decisions
from tests.contract.decision_table_contract import MemoryDecisionTable
from tests.examples import examples
from tests.unit.services.analytics.logs import LATENESS_S, Log, people
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


async def read_entries(database: Database) -> list[StoredEntry]:
    return await database.read(lambda c: entries_after(c, 0, 1000))


def above(amount: int) -> r.AlertRuleInput:
    condition = r.AmountCondition(amount=Money(f"{amount}.00", "EUR"))
    return r.AlertRuleInput("cust-1", f"above {amount}", AlertSeverity.INFO, condition)


async def lived(path: Path, table: MemoryDecisionTable, log: Log, made_after: Sequence[int]) -> list[StoredEntry]:
    """Apply a log with a rule made after each of some offsets; return the alert log."""
    async with analytics(path, table) as (database, consumer, decisions):
        for entry in log.entries:
            await consumer.apply([entry])
            for number in range(made_after.count(entry.offset)):
                id, wanted = f"rule-{entry.offset}-{number}", above(number + 1)
                await decisions.noted(partial(create_rule, rule_id=id, wanted=wanted))
        while await decisions.carry():
            pass
        return await read_entries(database)


async def made_anew(path: Path, table: MemoryDecisionTable, log: Log) -> tuple[int, list[StoredEntry]]:
    """Start on an empty file and apply the same log; return how many own rules were there first, and the alert log."""
    async with analytics(path, table) as (database, consumer, _):
        rules = await database.read(lambda c: rules_of(c, "cust-1"))
        reader = OneBatch(log)
        running = asyncio.create_task(consumer.run(reader))
        await reader.applied.wait()
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        return sum(rule.customer_id is not None for rule in rules), await read_entries(database)


@examples(12)
@given(
    made_after=st.lists(st.integers(FIRST, FIRST + PAYMENTS), min_size=1, max_size=4),
    amounts=st.lists(st.integers(1, 5), min_size=PAYMENTS, max_size=PAYMENTS),
)
def test_each_event_is_judged_by_the_rules_before_it(made_after: list[int], amounts: list[int]) -> None:
    """The alerts are the same at the same seqs, so that each finds itself in the alert table; rules are there first."""
    log, table = people(), MemoryDecisionTable()
    for amount in amounts:
        log.pay(f"-{amount}.00")

    async def story(folder: Path) -> None:
        raised = await lived(folder / "first.sqlite3", table, log, made_after)
        rules, again = await made_anew(folder / "second.sqlite3", table, log)
        assert rules == len(made_after)
        assert again == raised

    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        asyncio.run(story(Path(folder)))
