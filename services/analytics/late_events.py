"""Events that came after their window had closed: recorded by the consumer, read by operators; the newest million."""

import sqlite3
from collections.abc import Sequence

from contracts.insights import LateEvent

LATE_EVENTS_KEPT_MAX = 1_000_000
"""About 150 MB."""

LateRow = tuple[int, str, str, str, str, int]
"""Offset, event id, source, account, event time as sent, seconds late."""


class LateEvents:
    """Keeps late events, and of too many the newest; the writer thread's alone."""

    def __init__(self, kept_max: int = LATE_EVENTS_KEPT_MAX) -> None:
        self._kept_max = kept_max
        self._count: int | None = None  # not known: it was never counted, or a transaction was undone since

    def keep(self, connection: sqlite3.Connection, rows: Sequence[LateRow]) -> None:
        """Record events; those recorded before stay as they are."""
        if self._count is None:
            self._count = int(connection.execute("SELECT count(*) FROM late_events").fetchone()[0])
        self._count += connection.executemany(
            "INSERT OR IGNORE INTO late_events VALUES (?, ?, ?, ?, ?, ?)", rows
        ).rowcount
        excess = self._count - self._kept_max
        if excess > 0:
            oldest = "SELECT log_offset FROM late_events ORDER BY log_offset LIMIT ?"
            connection.execute(f"DELETE FROM late_events WHERE log_offset IN ({oldest})", (excess,))  # noqa: S608 - ours
            self._count = self._kept_max

    def forget(self) -> None:
        """Count again."""
        self._count = None


def late_events(connection: sqlite3.Connection, after: int, limit: int) -> list[LateEvent]:
    """Read the events that came too late, after an offset, in the log's order."""
    query = "SELECT * FROM late_events WHERE log_offset > ? ORDER BY log_offset LIMIT ?"
    return [LateEvent(*row) for row in connection.execute(query, (after, limit))]
