"""What customers do with their alerts: each change is an entry of the same log as the alert. Run in the writer."""

import sqlite3

import msgspec

from contracts.alerts import AnyAlert, LogEntryKind, MarkReadInput, MarkReadResult
from contracts.failures import NotFound
from services.analytics.alert_log import SqliteAlertLog
from services.analytics.alert_queries import unread_counts
from services.analytics.alert_states import AlertAction, state_after

MARKED_AT_ONCE_MAX = 1000
"""Alerts marked as read in one transaction."""


def change_alert(
    connection: sqlite3.Connection, alert_id: str, customer_id: str, action: AlertAction, at: str
) -> tuple[AnyAlert, bool]:
    """Apply an action of the customer; return the alert after it and whether it changed.

    Raises:
        NotFound: there is no such alert of this customer's.
        Conflict: `ALREADY_ANSWERED`.
    """
    log = SqliteAlertLog(connection)
    alert = log.find(alert_id)
    if alert is None or alert.customer_id != customer_id:
        raise NotFound("There is no such alert.")
    state = state_after(alert.state, action)
    if state is alert.state:
        return alert, False
    changed = msgspec.structs.replace(alert, state=state)
    log.append_if(log.last_seq(customer_id), LogEntryKind.CHANGED, at, changed)
    return changed, True


def mark_read(connection: sqlite3.Connection, mark: MarkReadInput, at: str) -> MarkReadResult:
    """Mark NEW alerts raised at or before a seq as read, the oldest first, at most `MARKED_AT_ONCE_MAX` of them."""
    rows = connection.execute(
        "SELECT id FROM alerts WHERE customer_id = ? AND seq <= ? AND state = 'NEW' ORDER BY seq LIMIT ?",
        (mark.customer_id, mark.up_to_seq, MARKED_AT_ONCE_MAX),
    ).fetchall()
    for (alert_id,) in rows:
        change_alert(connection, alert_id, mark.customer_id, AlertAction.READ, at)
    return MarkReadResult(len(rows), unread_counts(connection, [mark.customer_id])[mark.customer_id])
