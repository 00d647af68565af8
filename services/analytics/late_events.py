"""Events that came after their window had closed: recorded by the consumer, read by operators."""

import sqlite3

from contracts.insights import LateEvent


def late_events(connection: sqlite3.Connection, after: int, limit: int) -> list[LateEvent]:
    """Read the events that came too late, after an offset, in the log's order."""
    query = "SELECT * FROM late_events WHERE log_offset > ? ORDER BY log_offset LIMIT ?"
    return [LateEvent(*row) for row in connection.execute(query, (after, limit))]
