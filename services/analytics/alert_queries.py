"""What is read of alerts: pages, single ones, unread counts, the customer's log. Answers splice the stored JSON."""

import sqlite3
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as BadBase64
from collections.abc import Sequence

import msgspec

from contracts.failures import BadCursor
from contracts.vocabulary import SEVERITY_ORDER, AlertKind, AlertSeverity, AlertState
from services.analytics.alert_log import SqliteAlertLog, StoredEntry, stored_entry

PAGE_MAX = 200
"""Most alerts, and most log entries, of one answer."""


class StoredEdge(msgspec.Struct, frozen=True):
    """`AlertEdge` with the alert as stored."""

    cursor: str
    node: msgspec.Raw


class StoredPage(msgspec.Struct, frozen=True, rename="camel"):
    """`AlertPage` with the alerts as stored."""

    edges: list[StoredEdge]
    has_next_page: bool


class StoredLogPage(msgspec.Struct, frozen=True, rename="camel"):
    """`AlertLogPage` with the alerts as stored."""

    customer_id: str
    entries: list[StoredEntry]
    first_seq: int
    last_seq: int


def alert_page(
    connection: sqlite3.Connection,
    customer_id: str,
    first: int,
    after: str | None,
    states: Sequence[AlertState],
    minimum_severity: AlertSeverity,
    kinds: Sequence[AlertKind],
) -> StoredPage:
    """Read a customer's alerts, newest first by the seq that raised them; empty `states` or `kinds`: all.

    Raises:
        BadCursor: `after` is not a cursor of such a page.
    """
    query = """SELECT seq, body FROM alerts WHERE customer_id = ? AND seq < ? AND severity >= ?
        AND (? = '[]' OR state IN (SELECT value FROM json_each(?)))
        AND (? = '[]' OR kind IN (SELECT value FROM json_each(?)))
        ORDER BY seq DESC LIMIT ?"""
    before = _seq_of(after) if after is not None else 2**62
    wanted_states, wanted_kinds = _json(states), _json(kinds)
    rows = connection.execute(
        query,
        (
            customer_id, before, SEVERITY_ORDER[minimum_severity], wanted_states, wanted_states, wanted_kinds,
            wanted_kinds, first + 1,
        ),
    ).fetchall()  # fmt: skip
    edges = [StoredEdge(_cursor_of(seq), msgspec.Raw(body)) for seq, body in rows[:first]]
    return StoredPage(edges, len(rows) > first)


def alerts_by(connection: sqlite3.Connection, column: str, ids: Sequence[str]) -> list[msgspec.Raw]:
    """Read the alerts with these ids or about these transactions, whosever they are; `column` is ours."""
    query = f"""SELECT body FROM alerts WHERE {column} IN (SELECT value FROM json_each(?))
        ORDER BY customer_id, seq"""  # noqa: S608 - a column of ours
    return [msgspec.Raw(row[0]) for row in connection.execute(query, (_json(ids),))]


def unread_counts(connection: sqlite3.Connection, customer_ids: Sequence[str]) -> dict[str, int]:
    """Return how many unread alerts each customer has."""
    query = "SELECT customer_id, unread FROM alert_heads WHERE customer_id IN (SELECT value FROM json_each(?))"
    found = dict(connection.execute(query, (_json(customer_ids),)).fetchall())
    return {customer_id: found.get(customer_id, 0) for customer_id in customer_ids}


def log_page(connection: sqlite3.Connection, customer_id: str, after: int, limit: int) -> StoredLogPage:
    """Read a customer's log after a seq; nothing of a log expires here, so it begins with 1."""
    log = SqliteAlertLog(connection)
    return StoredLogPage(customer_id, log.read_after(customer_id, after, limit), 1, log.last_seq(customer_id))


def entries_after(connection: sqlite3.Connection, offset: int, limit: int) -> list[StoredEntry]:
    """Read all customers' entries after an offset, in order."""
    query = """SELECT log_offset, customer_id, seq, kind, at, alert FROM alert_log
        WHERE log_offset > ? ORDER BY log_offset LIMIT ?"""
    return [stored_entry(row) for row in connection.execute(query, (offset, limit))]


def last_offset(connection: sqlite3.Connection) -> int:
    """Return the offset of the newest entry of all, 0 when there is none."""
    return int(connection.execute("SELECT coalesce(max(log_offset), 0) FROM alert_log").fetchone()[0])


def _json(values: Sequence[str]) -> str:
    return msgspec.json.encode(list(values)).decode()


def _cursor_of(seq: int) -> str:
    return urlsafe_b64encode(b"alert:%d" % seq).decode().rstrip("=")


def _seq_of(cursor: str) -> int:
    try:
        name, _, seq = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii").partition(":")
        if name == "alert" and len(seq) <= 18:
            return int(seq)
    except (BadBase64, ValueError):
        pass  # not base64, not ASCII or not a number: all the same to its sender
    raise BadCursor("The cursor is not one of an alert page.", pointer="/after")
