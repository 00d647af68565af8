"""The alert log of a file that was lost, taken back from the alert table before the log of events is applied again.

    table ──pages──▶ log ──in order──▶ alerts as they are now, unread counts, hand-offs that may still be due

So what customers answered is there, and an event that is applied again finds the alert it raised. What had expired in
the table is not raised anew: alerts of events from before then are past. A file that has alerts is left as it is.
"""

import sqlite3
from collections.abc import Sequence

import msgspec

from contracts.alerts import AnyAlert
from contracts.vocabulary import UNREAD, AlertState
from services.analytics import outbox
from services.analytics.alert_log import SqliteAlertLog, StoredEntry
from services.analytics.handoffs import Bounds, opened
from services.analytics.instants import SECOND_US, micros_of

HALF = -1
"""The offset relayed, as long as the log is not whole."""

_decode = msgspec.json.Decoder(AnyAlert).decode


def begin(connection: sqlite3.Connection) -> bool:
    """Say whether the log is to be taken from the table: it has no entry, or was taken by half."""
    is_half = connection.execute("SELECT 1 FROM relayed WHERE log_offset = ?", (HALF,)).fetchone() is not None
    if not is_half and connection.execute("SELECT 1 FROM alert_log LIMIT 1").fetchone() is not None:
        return False
    connection.execute("DELETE FROM alert_log")
    connection.execute("INSERT OR REPLACE INTO relayed VALUES (1, ?)", (HALF,))
    return True


def take(connection: sqlite3.Connection, entries: Sequence[StoredEntry]) -> None:
    """Take some entries, of whichever customers, in whatever order."""
    connection.executemany(
        "INSERT INTO alert_log (customer_id, seq, kind, at, alert) VALUES (?, ?, ?, ?, ?)",
        [(one.customer_id, one.seq, one.kind, one.at, bytes(one.alert)) for one in entries],
    )


def finish(connection: sqlite3.Connection, bounds: Bounds | None, now_us: int, expired_before: str) -> None:
    """Make from all entries what the log says now; `expired_before`: RFC 3339, from when on the table has them all."""
    log = SqliteAlertLog(connection)
    for (body,) in connection.execute("SELECT alert FROM alert_log ORDER BY customer_id, seq"):
        log.restore(_decode(body), body)
    connection.execute("INSERT INTO alert_heads SELECT customer_id, max(seq), 0 FROM alert_log GROUP BY customer_id")
    states = ", ".join(f"'{state}'" for state in sorted(UNREAD))
    connection.execute(
        "UPDATE alert_heads SET unread = (SELECT count(*) FROM alerts"  # noqa: S608 - states of ours
        f" WHERE alerts.customer_id = alert_heads.customer_id AND state IN ({states}))"
    )
    if bounds is not None:
        _reopen(connection, bounds, now_us)
    connection.execute("INSERT OR REPLACE INTO alerts_expired VALUES (1, ?)", (expired_before,))
    connection.execute("UPDATE relayed SET log_offset = (SELECT coalesce(max(log_offset), 0) FROM alert_log)")


def expired_before(connection: sqlite3.Connection) -> str:
    """Return the time before which alerts had expired when the file was made anew; empty where it never was."""
    row = connection.execute("SELECT before FROM alerts_expired").fetchone()
    return "" if row is None else str(row[0])


def _reopen(connection: sqlite3.Connection, bounds: Bounds, now_us: int) -> None:
    """Open the hand-offs that may still be due; the alert says to which channels it was handed over already."""
    for (body,) in connection.execute("SELECT body FROM alerts WHERE state = ?", (AlertState.NEW.value,)).fetchall():
        alert = _decode(body)
        if micros_of(alert.raised_at) >= now_us - bounds.age_s_max * SECOND_US:
            hand_off = opened(alert, bounds)
            if hand_off is not None:
                outbox.put(connection, hand_off)
