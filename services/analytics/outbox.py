"""The alerts that may have to be handed over: one row each, opened in the transaction that raises the alert.

A row is closed once nothing more can come of it; that an alert was handed over is an entry of its log, appended in the
transaction that moves the row on. One that the code fails at is set aside until the next start, which may be of mended
code. Run in the writer, but for what only reads.
"""

import sqlite3
from typing import NamedTuple

import msgspec

from contracts.alerts import AnyAlert, LogEntryKind
from contracts.vocabulary import DeliveryChannel, DeliveryStage, NotificationChannel
from services.analytics.alert_log import SqliteAlertLog
from services.analytics.deliveries import with_delivery
from services.analytics.handoffs import HandOff

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(HandOff).decode
_alert = msgspec.json.Decoder(AnyAlert).decode

SET_ASIDE_US = 2**63 - 1
"""When a row is due that was set aside: never."""

Waiting = tuple[HandOff, AnyAlert]


class Row(NamedTuple):
    """A row that is due, as it is stored, and its alert as that is now."""

    alert_id: str
    customer_id: str
    hand_off: bytes
    alert: bytes

    def waiting(self) -> Waiting:
        """Decode it.

        Raises:
            msgspec.DecodeError: this code does not know what is stored.
        """
        return _decode(self.hand_off), _alert(self.alert)


def put(connection: sqlite3.Connection, hand_off: HandOff) -> None:
    """Open a row, or move it on."""
    connection.execute(
        "INSERT INTO outbox VALUES (?, ?, ?) ON CONFLICT (alert_id) DO UPDATE SET"
        " due_us = excluded.due_us, body = excluded.body",
        (hand_off.alert_id, hand_off.due_us, _encode(hand_off)),
    )


def close(connection: sqlite3.Connection, alert_id: str) -> None:
    """Close a row."""
    connection.execute("DELETE FROM outbox WHERE alert_id = ?", (alert_id,))


def set_aside(connection: sqlite3.Connection, alert_id: str) -> None:
    """Leave a row alone until `take_up`."""
    connection.execute("UPDATE outbox SET due_us = ? WHERE alert_id = ?", (SET_ASIDE_US, alert_id))


def take_up(connection: sqlite3.Connection, now_us: int) -> int:
    """Have what was set aside be due again; return how many rows that are."""
    return connection.execute("UPDATE outbox SET due_us = ? WHERE due_us = ?", (now_us, SET_ASIDE_US)).rowcount


def record_sent(connection: sqlite3.Connection, hand_off: HandOff, channel: NotificationChannel, at: str) -> None:
    """Move a row on and append to the alert's log that a channel took it."""
    log = SqliteAlertLog(connection)
    alert = log.find(hand_off.alert_id)
    if alert is not None:
        sent = with_delivery(alert, DeliveryChannel(channel), DeliveryStage.SENT, at)
        if sent is not alert:
            log.append_if(log.last_seq(alert.customer_id), LogEntryKind.CHANGED, at, sent)
    put(connection, hand_off)


def due(connection: sqlite3.Connection, now_us: int, limit: int) -> list[Row]:
    """Read the rows that are due, the longest due first."""
    rows = connection.execute(
        "SELECT alert_id, customer_id, outbox.body, alerts.body FROM outbox JOIN alerts ON alerts.id = alert_id"
        " WHERE due_us <= ? ORDER BY due_us LIMIT ?",
        (now_us, limit),
    )
    return [Row(*row) for row in rows]


def waiting_count(connection: sqlite3.Connection) -> int:
    """Return how many rows are open."""
    return int(connection.execute("SELECT count(*) FROM outbox").fetchone()[0])
