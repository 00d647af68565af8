"""The alert log's port, and its adapter on SQLite.

Each customer's log is gapless: an entry is appended on the condition that its seq is the next one, so there is one
writer a customer or a conflict, never a hole. The present alerts, and how many of them are unread, are kept from the
same append.
"""

import sqlite3
from typing import Protocol

import msgspec

from contracts.alerts import AnyAlert, LogEntryKind
from contracts.failures import Conflict
from contracts.vocabulary import SEVERITY_ORDER, UNREAD

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

    def read_after(self, customer_id: str, after: int, limit: int) -> list[StoredEntry]:
        """Read at most `limit` entries of a customer after a seq, in order."""


class SqliteAlertLog:
    """`AlertLog` on a connection, within its transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def last_seq(self, customer_id: str) -> int:
        """See `AlertLog`."""
        row = self._connection.execute(
            "SELECT last_seq FROM alert_heads WHERE customer_id = ?", (customer_id,)
        ).fetchone()
        return 0 if row is None else int(row[0])

    def find(self, alert_id: str) -> AnyAlert | None:
        """See `AlertLog`."""
        row = self._connection.execute("SELECT body FROM alerts WHERE id = ?", (alert_id,)).fetchone()
        return None if row is None else _decode(row[0])

    def append_if(self, after_seq: int, kind: LogEntryKind, at: str, alert: AnyAlert) -> int:
        """See `AlertLog`."""
        body = _encode(alert)
        if kind is LogEntryKind.RAISED:
            self._move_head(alert.customer_id, after_seq, int(alert.state in UNREAD))
            self._add(alert, body)
        else:
            self._move_head(alert.customer_id, after_seq, self._unread_change(alert))
            self._change(alert, body)
        offset = self._connection.execute(
            "INSERT INTO alert_log (customer_id, seq, kind, at, alert) VALUES (?, ?, ?, ?, ?)",
            (alert.customer_id, after_seq + 1, kind.value, at, body),
        ).lastrowid
        return offset or 0

    def read_after(self, customer_id: str, after: int, limit: int) -> list[StoredEntry]:
        """See `AlertLog`."""
        rows = self._connection.execute(
            "SELECT log_offset, customer_id, seq, kind, at, alert FROM alert_log "
            "WHERE customer_id = ? AND seq > ? ORDER BY seq LIMIT ?",
            (customer_id, after, limit),
        )
        return [stored_entry(row) for row in rows]

    def _move_head(self, customer_id: str, after_seq: int, unread: int) -> None:
        """Take the next seq, or find that another entry has it; `unread` is by how much the unread count changes."""
        query = """UPDATE alert_heads SET last_seq = last_seq + 1, unread = unread + ?3
            WHERE customer_id = ?1 AND last_seq = ?2"""
        if after_seq == 0:
            query = (
                "INSERT INTO alert_heads (customer_id, last_seq, unread) VALUES (?1, ?2 + 1, ?3) ON CONFLICT DO NOTHING"
            )
        if self._connection.execute(query, (customer_id, after_seq, unread)).rowcount != 1:
            raise Conflict("The alert log has moved on.", code="SEQ_MOVED_ON")

    def _unread_change(self, alert: AnyAlert) -> int:
        (before,) = self._connection.execute("SELECT state FROM alerts WHERE id = ?", (alert.id,)).fetchone()
        return int(alert.state in UNREAD) - int(before in UNREAD)

    def _add(self, alert: AnyAlert, body: bytes) -> None:
        kind = str(alert.__struct_config__.tag)
        severity = SEVERITY_ORDER[alert.severity]
        self._connection.execute(
            "INSERT INTO alerts VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (alert.id, alert.customer_id, alert.seq, kind, severity, alert.state.value, alert.transaction_id, body),
        )

    def _change(self, alert: AnyAlert, body: bytes) -> None:
        query = "UPDATE alerts SET state = ?, body = ? WHERE id = ?"
        self._connection.execute(query, (alert.state.value, body, alert.id))


def stored_entry(row: tuple[int, str, int, str, str, bytes]) -> StoredEntry:
    """Return a row of the log as an entry."""
    return StoredEntry(*row[:5], msgspec.Raw(row[5]))
