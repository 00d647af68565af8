"""The alert log's port, and its adapter on SQLite.

Each customer's log is gapless: an entry is appended on the condition that its seq is the next one, so there is one
writer a customer or a conflict, never a hole. The present alerts, and how many of them are unread, are kept from the
same append.
"""

import sqlite3
from collections.abc import Collection, Sequence
from typing import Protocol

import msgspec

from contracts.alerts import AnyAlert, LogEntryKind
from contracts.failures import Conflict
from contracts.vocabulary import SEVERITY_ORDER, UNREAD

LOOKUP_MAX = 500
"""Most customers of one SELECT."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(AnyAlert).decode


class StoredEntry(msgspec.Struct, frozen=True, rename="camel"):
    """`AlertLogEntry` with the alert as stored."""

    offset: int
    customer_id: str
    seq: int
    kind: str
    at: str
    alert: msgspec.Raw


class AlertLog(Protocol):
    """The append-only log of every customer's alerts and their changes."""

    def last_seq(self, customer_id: str) -> int:
        """Return the seq of the customer's newest entry, 0 when there is none."""

    def find(self, alert_id: str) -> AnyAlert | None:
        """Return an alert as it is now."""

    def append_if(self, after_seq: int, kind: LogEntryKind, at: str, alert: AnyAlert) -> int:
        """Append an entry of the alert's customer right after `after_seq`; return its offset.

        Raises:
            Conflict: `SEQ_MOVED_ON`; the customer's newest entry is another one. Read again and retry.
        """

    def last_seqs(self, customer_ids: Collection[str]) -> dict[str, int]:
        """Return the `last_seq` of each of the customers."""

    def append_raised(self, alerts: Sequence[AnyAlert]) -> None:
        """Append the entries that raise alerts, in order and all or none: each has its customer's next seq.

        Raises:
            Conflict: `SEQ_MOVED_ON`, as above.
        """

    def read_after(self, customer_id: str, after: int, limit: int) -> list[StoredEntry]:
        """Read at most `limit` entries of a customer after a seq, in order."""


class SqliteAlertLog:
    """`AlertLog` on a connection, within its transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def last_seq(self, customer_id: str) -> int:
        """See `AlertLog`."""
        return self.last_seqs((customer_id,))[customer_id]

    def last_seqs(self, customer_ids: Collection[str]) -> dict[str, int]:
        """See `AlertLog`."""
        asked = list(customer_ids)
        found = dict.fromkeys(asked, 0)
        for start in range(0, len(asked), LOOKUP_MAX):
            some = asked[start : start + LOOKUP_MAX]
            marks = ",".join("?" * len(some))
            query = f"SELECT customer_id, last_seq FROM alert_heads WHERE customer_id IN ({marks})"  # noqa: S608 - marks
            found.update(self._connection.execute(query, some))
        return found

    def find(self, alert_id: str) -> AnyAlert | None:
        """See `AlertLog`."""
        row = self._connection.execute("SELECT body FROM alerts WHERE id = ?", (alert_id,)).fetchone()
        return None if row is None else _decode(row[0])

    def append_if(self, after_seq: int, kind: LogEntryKind, at: str, alert: AnyAlert) -> int:
        """See `AlertLog`."""
        body = _encode(alert)
        if kind is LogEntryKind.RAISED:
            self._move_head(alert.customer_id, after_seq, int(alert.state in UNREAD))
            self._connection.execute(_INSERT_ALERT, _row(alert, body))
        else:
            self._move_head(alert.customer_id, after_seq, self._unread_change(alert))
            self._change(alert, body)
        entry = (alert.customer_id, after_seq + 1, kind.value, at, body)
        return self._connection.execute(_INSERT_ENTRY, entry).lastrowid or 0

    def append_raised(self, alerts: Sequence[AnyAlert]) -> None:
        """See `AlertLog`."""
        heads = self.last_seqs({alert.customer_id for alert in alerts})
        unread = dict.fromkeys(heads, 0)
        for alert in alerts:
            customer_id = alert.customer_id
            heads[customer_id] += 1
            unread[customer_id] += alert.state in UNREAD
            if alert.seq != heads[customer_id]:
                raise _moved_on()
        rows = [_row(alert, _encode(alert)) for alert in alerts]
        entries = [
            (alert.customer_id, alert.seq, LogEntryKind.RAISED.value, alert.raised_at, row[-1])
            for alert, row in zip(alerts, rows, strict=True)
        ]
        self._connection.executemany(_INSERT_ENTRY, entries)
        rows.sort()  # as the tree is: neighbours fall into the same page
        self._connection.executemany(_INSERT_ALERT, rows)
        self._connection.executemany(_MOVE_HEADS, [(name, seq, unread[name]) for name, seq in heads.items()])

    def read_after(self, customer_id: str, after: int, limit: int) -> list[StoredEntry]:
        """See `AlertLog`."""
        rows = self._connection.execute(
            "SELECT log_offset, customer_id, seq, kind, at, alert FROM alert_log "
            "WHERE customer_id = ? AND seq > ? ORDER BY seq LIMIT ?",
            (customer_id, after, limit),
        )
        return [stored_entry(row) for row in rows]

    def restore(self, alert: AnyAlert, body: bytes) -> None:
        """Keep an alert as a later entry of a whole log says it is; heads and unread counts are made afterwards."""
        if self.find(alert.id) is None:
            self._connection.execute(_INSERT_ALERT, _row(alert, body))
        else:
            self._change(alert, body)

    def _move_head(self, customer_id: str, after_seq: int, unread: int) -> None:
        """Take the next seq, or find that another entry has it; `unread` is by how much the unread count changes."""
        query = """UPDATE alert_heads SET last_seq = last_seq + 1, unread = unread + ?3
            WHERE customer_id = ?1 AND last_seq = ?2"""
        if after_seq == 0:
            query = (
                "INSERT INTO alert_heads (customer_id, last_seq, unread) VALUES (?1, ?2 + 1, ?3) ON CONFLICT DO NOTHING"
            )
        if self._connection.execute(query, (customer_id, after_seq, unread)).rowcount != 1:
            raise _moved_on()

    def _unread_change(self, alert: AnyAlert) -> int:
        (before,) = self._connection.execute("SELECT state FROM alerts WHERE id = ?", (alert.id,)).fetchone()
        return int(alert.state in UNREAD) - int(before in UNREAD)

    def _change(self, alert: AnyAlert, body: bytes) -> None:
        query = "UPDATE alerts SET state = ?, body = ? WHERE id = ?"
        self._connection.execute(query, (alert.state.value, body, alert.id))


_INSERT_ENTRY = "INSERT INTO alert_log (customer_id, seq, kind, at, alert) VALUES (?, ?, ?, ?, ?)"
_INSERT_ALERT = "INSERT INTO alerts VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_MOVE_HEADS = """INSERT INTO alert_heads VALUES (?, ?, ?)
    ON CONFLICT (customer_id) DO UPDATE SET last_seq = excluded.last_seq, unread = unread + excluded.unread"""


def _row(alert: AnyAlert, body: bytes) -> tuple[str, str, int, str, int, str, str | None, bytes]:
    kind = str(alert.__struct_config__.tag)
    severity = SEVERITY_ORDER[alert.severity]
    return alert.id, alert.customer_id, alert.seq, kind, severity, alert.state.value, alert.transaction_id, body


def _moved_on() -> Conflict:
    return Conflict("The alert log has moved on.", code="SEQ_MOVED_ON")


def stored_entry(row: tuple[int, str, int, str, str, bytes]) -> StoredEntry:
    """Return a row of the log as an entry."""
    return StoredEntry(*row[:5], msgspec.Raw(row[5]))
