"""What customers do with their alerts: each change is an entry of the same log as the alert. Run in the writer."""

import sqlite3

import msgspec

from contracts.alerts import AnyAlert, DeliveryInput, LogEntryKind, MarkReadInput, MarkReadResult
from contracts.failures import NotFound, Rejected
from contracts.vocabulary import DeliveryChannel
from services.analytics.alert_log import SqliteAlertLog
from services.analytics.alert_queries import unread_counts
from services.analytics.alert_states import ACTION_AT, STAGE_AFTER, AlertAction, state_after
from services.analytics.deliveries import with_delivery

MARKED_AT_ONCE_MAX = 1000
"""Alerts marked as read in one transaction."""


def change_alert(
    connection: sqlite3.Connection,
    alert_id: str,
    customer_id: str,
    action: AlertAction,
    at: str,
    device_id: str | None = None,
) -> tuple[AnyAlert, bool]:
    """Apply an action of the customer on a device; return the alert after it and whether it changed.

    Raises:
        NotFound: there is no such alert of this customer's.
        Conflict: `ALREADY_ANSWERED`.
    """
    log = SqliteAlertLog(connection)
    alert = log.find(alert_id)
    if alert is None or alert.customer_id != customer_id:
        raise NotFound("There is no such alert.")
    state = state_after(alert.state, action)
    changed = with_delivery(alert, DeliveryChannel.APP, STAGE_AFTER[action], at, device_id)
    if state is alert.state and changed is alert:
        return alert, False
    changed = msgspec.structs.replace(changed, state=state)
    log.append_if(log.last_seq(customer_id), LogEntryKind.CHANGED, at, changed)
    return changed, True


def acknowledge_delivery(
    connection: sqlite3.Connection, acknowledged: DeliveryInput, at: str
) -> tuple[list[AnyAlert], bool]:
    """Note how far alerts came on a device, all of them or none; return them and whether any changed.

    Raises:
        Rejected: `BAD_STAGE`; a device cannot say that by itself.
        NotFound: one of them is not the customer's.
    """
    action = ACTION_AT.get(acknowledged.stage)
    if action is None:
        raise Rejected("A device tells DELIVERED, SEEN or READ.", code="BAD_STAGE", pointer="/stage")
    changes = [
        change_alert(connection, alert_id, acknowledged.customer_id, action, at, acknowledged.device_id)
        for alert_id in dict.fromkeys(acknowledged.alert_ids)
    ]
    return [alert for alert, _ in changes], any(changed for _, changed in changes)


def mark_read(connection: sqlite3.Connection, mark: MarkReadInput, at: str) -> MarkReadResult:
    """Mark unread alerts raised at or before a seq as read, the oldest first, at most `MARKED_AT_ONCE_MAX` of them."""
    rows = connection.execute(
        "SELECT id FROM alerts WHERE customer_id = ? AND seq <= ? AND state IN ('NEW', 'SEEN') ORDER BY seq LIMIT ?",
        (mark.customer_id, mark.up_to_seq, MARKED_AT_ONCE_MAX),
    ).fetchall()
    for (alert_id,) in rows:
        change_alert(connection, alert_id, mark.customer_id, AlertAction.READ, at, mark.device_id)
    return MarkReadResult(len(rows), unread_counts(connection, [mark.customer_id])[mark.customer_id])
