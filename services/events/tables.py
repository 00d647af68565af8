"""The event service's tables, all in one SQLite file.

The log is kept in segments, one a write job: the entries' finished NDJSON lines in offset order. Appending and reading
then cost hardly more for a thousand events than for one, and the stream answers the stored bytes. A transaction's body
is the JSON it is answered with; the columns beside it are only what rows are found and narrowed by.
"""

import sqlite3

from services.events import forgetting, history_bounds, places

CHECKPOINT_PAGES = 16_000
"""Pages of 4 KiB in the write-ahead log before they go to the file: one changed by many commits goes there once."""


def tune_writer(connection: sqlite3.Connection) -> None:
    """Set up the writer's connection for a log that is appended to all the time."""
    connection.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}").fetchone()


SCHEMA = (
    """
CREATE TABLE IF NOT EXISTS segments (
    last_offset INTEGER PRIMARY KEY,
    first_offset INTEGER NOT NULL,
    lines BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS event_keys (
    key BLOB PRIMARY KEY,
    log_offset INTEGER NOT NULL,
    digest BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS accounts (id TEXT PRIMARY KEY, currency TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS customers (id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS transactions (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    account_id TEXT NOT NULL,
    occurred_at TEXT NOT NULL,
    minor INTEGER NOT NULL,
    category TEXT NOT NULL,
    direction TEXT NOT NULL,
    status TEXT NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS transactions_by_account ON transactions (account_id, occurred_at DESC, id DESC);
CREATE TABLE IF NOT EXISTS dead_letters (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    received_at TEXT NOT NULL,
    reason TEXT NOT NULL,
    message TEXT NOT NULL,
    pointer TEXT,
    raw BLOB NOT NULL,
    digest BLOB NOT NULL UNIQUE,
    replayed_offset INTEGER
);
"""
    + places.SCHEMA
    + forgetting.SCHEMA
    + history_bounds.SCHEMA
)
