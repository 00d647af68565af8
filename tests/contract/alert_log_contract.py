"""What every alert log promises, whatever it is kept in; an adapter's tests inherit this suite."""

import asyncio
from typing import Protocol

import msgspec
import pytest

from contracts.alerts import AnyAlert, LargeTransactionAlert, LogEntryKind
from contracts.failures import Conflict
from contracts.money import Money
from contracts.vocabulary import AlertSeverity, AlertState
from services.analytics.alert_log import StoredEntry

AT = "2026-03-01T12:00:00Z"


class Log(Protocol):
    """An alert log as the suite drives it: each call is durable when it returns."""

    async def append_if(self, entry: StoredEntry) -> None: ...

    async def last_seq(self, customer_id: str) -> int: ...

    async def read_after(self, customer_id: str, after: int, limit: int) -> list[StoredEntry]: ...


def alert_of(customer_id: str, name: str, seq: int) -> AnyAlert:
    """Return an alert that is told from others by its name."""
    money = Money("1200.00", "EUR")
    return LargeTransactionAlert(
        id=f"{customer_id}-{name}", customer_id=customer_id, seq=seq, severity=AlertSeverity.INFO,
        state=AlertState.NEW, title="Large", body="A large payment.", occurred_at=AT, raised_at=AT, rule_id="rule-1",
        rule_version=1, reasons=[], amount=money, threshold=money,
    )  # fmt: skip


def entry_of(customer_id: str, name: str, seq: int) -> StoredEntry:
    """Return the entry that raises such an alert."""
    body = msgspec.json.encode(alert_of(customer_id, name, seq))
    return StoredEntry(seq, customer_id, seq, LogEntryKind.RAISED, AT, msgspec.Raw(body))


def seqs(entries: list[StoredEntry]) -> list[int]:
    return [entry.seq for entry in entries]


class AlertLogContract:
    """The suite; a subclass provides the fixture `log`."""

    async def test_an_empty_log_ends_at_zero(self, log: Log) -> None:
        """A customer without alerts has seq 0 and nothing to read."""
        assert (await log.last_seq("ada"), await log.read_after("ada", 0, 10)) == (0, [])

    async def test_entries_come_back_in_order_as_they_were_put(self, log: Log) -> None:
        """What was appended one after the other is read whole, in order, once; after twelve entries too."""
        for seq in range(1, 13):
            await log.append_if(entry_of("ada", f"a{seq}", seq))
        entries = await log.read_after("ada", 0, 100)
        assert seqs(entries) == list(range(1, 13))
        assert [bytes(entry.alert) for entry in entries][3] == bytes(entry_of("ada", "a4", 4).alert)
        assert await log.last_seq("ada") == 12

    async def test_pages_join_without_hole_or_repeat(self, log: Log) -> None:
        """Reading after a seq gives the next ones, at most as many as asked."""
        for seq in range(1, 6):
            await log.append_if(entry_of("ada", f"a{seq}", seq))
        pages = [seqs(await log.read_after("ada", after, 2)) for after in (0, 2, 4, 5)]
        assert pages == [[1, 2], [3, 4], [5], []]

    async def test_a_writer_that_is_behind_is_fenced(self, log: Log) -> None:
        """Another entry at a seq that is taken is a conflict and changes nothing."""
        await log.append_if(entry_of("ada", "first", 1))
        with pytest.raises(Conflict) as refused:
            await log.append_if(entry_of("ada", "other", 1))
        entries = await log.read_after("ada", 0, 10)
        assert refused.value.reason == "SEQ_MOVED_ON"
        assert [bytes(entry.alert) for entry in entries] == [bytes(entry_of("ada", "first", 1).alert)]

    async def test_of_writers_at_once_one_wins(self, log: Log) -> None:
        """Writers that take the same seq at the same time: exactly one is told that it is stored."""
        tries = [log.append_if(entry_of("ada", f"w{number}", 1)) for number in range(8)]
        outcomes = await asyncio.gather(*tries, return_exceptions=True)
        assert [type(one) for one in outcomes if one is not None] == [Conflict] * 7
        assert seqs(await log.read_after("ada", 0, 10)) == [1]

    async def test_customers_do_not_meet(self, log: Log) -> None:
        """Each customer counts from 1 and reads their own."""
        await log.append_if(entry_of("ada", "a", 1))
        await log.append_if(entry_of("ben", "b", 1))
        assert [entry.customer_id for entry in await log.read_after("ben", 0, 10)] == ["ben"]
