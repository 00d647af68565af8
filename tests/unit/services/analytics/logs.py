"""Made-up event logs for the analytics service's tests, and what applying them leaves."""

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from contracts.alerts import AnyAlert
from contracts.events import CloudEvent, LogEntry
from services.analytics.applying import apply_batch
from services.analytics.closing import close_quiet
from services.analytics.instants import micros_of, time_text
from services.analytics.journal import Pace
from services.analytics.memory import Memory
from services.analytics.outcomes import Outcome
from services.analytics.rule_book import seed_bank_rules
from services.analytics.tables import SCHEMA

LATENESS_S = 3600
START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)

_alerts = msgspec.json.Decoder(AnyAlert)


def at(days: float = 0, *, minutes: float = 0) -> str:
    """Return a time so many days and minutes after the start."""
    return time_text(micros_of((START + timedelta(days=days, minutes=minutes)).isoformat()))


class Log:
    """A log that grows: each call appends an event; `acceptedAt` is the event's time unless it is given."""

    def __init__(self) -> None:
        self.entries: list[LogEntry] = []

    def add(self, kind: str, time: str = "", accepted: str = "", /, **data: Any) -> "Log":
        """Append an event of type `belfry.<kind>.v1`."""
        offset, when = len(self.entries) + 1, time or at()
        raw = msgspec.Raw(msgspec.json.encode(data))
        event = CloudEvent("1.0", f"e{offset}", "urn:test", f"belfry.{kind}.v1", when, raw)
        self.entries.append(LogEntry(offset, accepted or when, event))
        return self

    def customer(self, customer_id: str, residency: str = "DE") -> "Log":
        """Register a customer."""
        names = {"givenName": "Ada", "familyName": "Byron", "locale": "en", "timeZone": "UTC"}
        return self.add("customer.registered", customerId=customer_id, residencyCountry=residency, **names)

    def account(self, account_id: str, *holders: str, currency: str = "EUR", kind: str = "CACC") -> "Log":
        """Open an account."""
        parties = [{"customerId": each, "role": "JOINT" if place else "OWNER"} for place, each in enumerate(holders)]
        return self.add(
            "account.opened",
            accountId=account_id,
            kind=kind,
            currency=currency,
            displayName="Everyday",
            parties=parties,
            openedOn="2020-01-01",
        )

    def card(self, card_id: str, account_id: str, cardholder_id: str) -> "Log":
        """Issue a card."""
        ids = {"cardId": card_id, "accountId": account_id, "cardholderId": cardholder_id}
        return self.add("card.issued", maskedPan="************1234", expiry="2030-01-31", **ids)

    def pay(
        self, amount: str, /, kind: str = "payment.booked", time: str = "", accepted: str = "", **data: Any
    ) -> "Log":
        """Append a payment; a negative amount is a debit. Fields are given in camel case."""
        given = {
            "transactionId": f"t{len(self.entries) + 1}",
            "accountId": "a1",
            "amount": {"amount": amount.removeprefix("-"), "currency": "EUR"},
            "creditDebitIndicator": "DBIT" if amount.startswith("-") else "CRDT",
        }
        return self.add(kind, time, accepted, **(given | data))


def people() -> Log:
    """Return a log with cust-1 (DE) and cust-2 (FR), their joint account a1, and cust-2's card k2 on it."""
    log = Log().customer("cust-1").customer("cust-2", "FR")
    return log.account("a1", "cust-1", "cust-2").card("k2", "a1", "cust-2")


class Store:
    """A store in memory with the consumer's memory beside it."""

    def __init__(self, pace: Pace = Pace()) -> None:  # noqa: B008 - immutable
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.connection.executescript(SCHEMA)
        seed_bank_rules(self.connection)
        self._pace = pace
        self.memory = Memory(pace=pace)

    def apply(self, entries: Sequence[LogEntry]) -> Outcome:
        """Apply one batch."""
        return apply_batch(self.connection, self.memory, entries, LATENESS_S)

    def restart(self) -> None:
        """Lose the memory, as a process that is killed does."""
        self.memory = Memory(pace=self._pace)

    def undo(self, entries: Sequence[LogEntry]) -> None:
        """Apply one batch in a transaction that is undone, as a full disk does."""
        self.connection.execute("BEGIN")
        self.apply(entries)
        self.connection.execute("ROLLBACK")
        self.memory.forget()

    def settle(self) -> None:
        """Let the log be quiet, so that everything is in the tables."""
        close_quiet(self.connection, self.memory, [], 0, LATENESS_S)

    def alerts(self, *kinds: str) -> list[AnyAlert]:
        """Return the alerts in the order raised, of these kinds where any are given."""
        rows = self.connection.execute("SELECT alert FROM alert_log WHERE kind = 'RAISED' ORDER BY log_offset")
        found = [_alerts.decode(row[0]) for row in rows]
        return [alert for alert in found if not kinds or str(alert.__struct_config__.tag) in kinds]

    def rows(self, table: str) -> list[tuple[Any, ...]]:
        """Return a table whole."""
        return sorted(self.connection.execute(f"SELECT * FROM {table}"), key=repr)  # noqa: S608 - a table of ours


def applied(log: Log) -> Store:
    """Apply a log as one batch."""
    store = Store()
    store.apply(log.entries)
    return store


def kinds_for(store: Store, customer_id: str) -> list[str]:
    """Return the kinds of a customer's alerts in order."""
    return [str(alert.__struct_config__.tag) for alert in store.alerts() if alert.customer_id == customer_id]


def seqs(entries: Iterable[AnyAlert], customer_id: str) -> list[int]:
    """Return the seqs of a customer's alerts."""
    return [alert.seq for alert in entries if alert.customer_id == customer_id]
