"""The entry of the log a consumer applied last, kept with its offset: by it the log is known again.

Offsets mean nothing in another log: one made anew from the stream has each account's order but not the same one
overall, one restored from an old copy goes on differently. Read on there a consumer would miss events unnoticed.
"""

import sqlite3

from contracts.events import LogEntry

SCHEMA = """
CREATE TABLE IF NOT EXISTS followed (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    log_offset INTEGER NOT NULL,
    mark TEXT NOT NULL
);
"""

_UPSERT = (
    "INSERT INTO followed VALUES (1, ?, ?) ON CONFLICT (id) DO UPDATE SET log_offset = excluded.log_offset,"
    " mark = excluded.mark"
)


def mark_of(entry: LogEntry) -> str:
    """Return what tells an entry from that of another log at the same offset."""
    event = entry.event
    return f"{entry.accepted_at} {event.source} {event.id}"


def keep_mark(connection: sqlite3.Connection, entry: LogEntry) -> None:
    """Note the entry applied last, in the transaction that moves the offset to it."""
    connection.execute(_UPSERT, (entry.offset, mark_of(entry)))


def mark_at(connection: sqlite3.Connection, offset: int) -> str:
    """Return the mark of the entry at an offset, empty where it was not noted."""
    row = connection.execute("SELECT mark FROM followed WHERE log_offset = ?", (offset,)).fetchone()
    return "" if row is None else str(row[0])
