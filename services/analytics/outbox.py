"""The alerts that may have to be handed over: one row each, opened in the transaction that raises the alert.

A row is closed once nothing more can come of it; that an alert was handed over is an entry of its log, appended in the
transaction that moves the row on. Run in the writer, but for what only reads.
"""

import sqlite3

import msgspec

from contracts.alerts import AnyAlert, LogEntryKind
from contracts.vocabulary import DeliveryChannel, DeliveryStage, NotificationChannel
from services.analytics.alert_log import SqliteAlertLog
from services.analytics.deliveries import with_delivery
from services.analytics.handoffs import HandOff

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(HandOff).decode
_alert = msgspec.json.Decoder(AnyAlert).decode

Waiting = tuple[HandOff, AnyAlert]


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


def record_sent(connection: sqlite3.Connection, hand_off: HandOff, channel: NotificationChannel, at: str) -> None:
    """Move a row on and append to the alert's log that a channel took it."""
    log = SqliteAlertLog(connection)
    alert = log.find(hand_off.alert_id)
    if alert is not None:
        sent = with_delivery(alert, DeliveryChannel(channel), DeliveryStage.SENT, at)
        if sent is not alert:
            log.append_if(log.last_seq(alert.customer_id), LogEntryKind.CHANGED, at, sent)
    put(connection, hand_off)


def due(connection: sqlite3.Connection, now_us: int, limit: int) -> list[Waiting]:
    """Read the rows that are due with their alerts as they are now, the longest due first."""
    rows = connection.execute(
        "SELECT outbox.body, alerts.body FROM outbox JOIN alerts ON alerts.id = alert_id"
        " WHERE due_us <= ? ORDER BY due_us LIMIT ?",
        (now_us, limit),
    )
    return [(_decode(hand_off), _alert(alert)) for hand_off, alert in rows]


def waiting_count(connection: sqlite3.Connection) -> int:
    """Return how many rows are open."""
    return int(connection.execute("SELECT count(*) FROM outbox").fetchone()[0])
