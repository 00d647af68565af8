"""Made-up events for the account service's tests, as entries of the event log."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Any

import msgspec

from contracts.events import CloudEvent, LogEntry
from services.accounts.projection import Applied, apply
from services.accounts.tables import SCHEMA

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TIME = "2026-02-03T10:00:00Z"

Named = tuple[str, dict[str, Any], str]


def event(kind: str, time: str = TIME, /, **data: Any) -> Named:
    """Name an event: its type without prefix and version, its data, its time."""
    return kind, data, time


def money(amount: str, currency: str = "EUR") -> dict[str, str]:
    return {"amount": amount, "currency": currency}


def customer(id: str = "cust-1") -> Named:
    return event(
        "customer.registered",
        customerId=id,
        givenName="Ada",
        familyName="Byron",
        locale="en-GB",
        timeZone="Europe/London",
        residencyCountry="GB",
    )


def account(id: str = "acc-1", currency: str = "EUR", roles: dict[str, str] | None = None, **more: Any) -> Named:
    parties = [{"customerId": name, "role": role} for name, role in (roles or {"cust-1": "OWNER"}).items()]
    given = {"kind": "CACC", "displayName": "Everyday", "openedOn": "2020-01-01", "parties": parties}
    return event("account.opened", accountId=id, currency=currency, **(given | more))


def payment(kind: str, transaction: str, amount: str, /, *, time: str = TIME, **more: Any) -> Named:
    """Name a payment of an amount on acc-1, negative for a debit."""
    given = {
        "transactionId": transaction,
        "accountId": "acc-1",
        "amount": money(amount.removeprefix("-")),
        "creditDebitIndicator": "DBIT" if amount.startswith("-") else "CRDT",
    }
    return event(kind, time, **(given | more))


def booked(transaction: str, amount: str, day: str | None = None, /, **more: Any) -> Named:
    return payment("payment.booked", transaction, amount, **({"bookingDate": day} if day else {}), **more)


def entries(*events: Named, after: int = 0) -> list[LogEntry]:
    """Put events into the log after an offset."""
    return [
        LogEntry(
            offset=offset,
            accepted_at="2026-03-01T11:59:59Z",
            event=CloudEvent(
                specversion="1.0",
                id=f"e-{offset}",
                source="urn:test",
                type=f"belfry.{kind}.v1",
                time=time,
                data=msgspec.Raw(msgspec.json.encode(data)),
            ),
        )
        for offset, (kind, data, time) in enumerate(events, start=after + 1)
    ]


class Store:
    """An account store in memory, fed with events directly."""

    def __init__(self, *events: Named) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.connection.executescript(SCHEMA)
        self.offset = 0
        self.add(*events)

    def add(self, *events: Named) -> Applied:
        """Apply events as the log's next entries."""
        applied = apply(self.connection, entries(*events, after=self.offset))
        self.offset = applied.offset
        return applied


class ScriptedLog:
    """An event log that has these batches, then is quiet; `caught_up` is set once its follower took them all."""

    def __init__(self, *batches: list[LogEntry]) -> None:
        self._batches = list(batches)
        self.healthy = True
        self.caught_up = asyncio.Event()

    async def batches(self, after: int, mark: str = "") -> AsyncGenerator[list[LogEntry]]:
        """Yield the batches with an entry after the offset, then that it is caught up."""
        self.mark = mark
        for batch in self._batches:
            if batch[-1].offset > after:
                yield batch
        self.caught_up.set()
        yield []
        await asyncio.Event().wait()
