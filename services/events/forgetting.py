"""What was seen is forgotten, oldest first: an event that is sent again after `days` is then a new one.

The log itself says which keys are old: it is read from where the last round ended, on the disk or in the archive, so
the index of what was seen needs no second order. Keys go in their own order, as they came: neighbours share a page.
"""

import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from services.database import Database
from services.events import metrics
from services.events.screening import event_key
from services.events.store import EventLog
from services.events.times import canonical_moment

KEYS_MAX = 1000
"""Keys removed in one transaction, which ingest waits for: some milliseconds."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS forgotten (id INTEGER PRIMARY KEY CHECK (id = 1), log_offset INTEGER NOT NULL);
"""
_UPSERT = "INSERT INTO forgotten VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET log_offset = excluded.log_offset"


class _Named(msgspec.Struct, gc=False):
    id: str
    source: str


class _Entry(msgspec.Struct, rename="camel", gc=False):
    offset: int
    accepted_at: str
    event: _Named


_entries = msgspec.json.Decoder(_Entry)


class Forgetting:
    """Removes from `database` the keys of the entries of `log` that were taken in before `days` days."""

    def __init__(self, database: Database, log: EventLog, clock: Callable[[], datetime], days: float) -> None:
        self._database = database
        self._log = log
        self._clock = clock
        self._age = timedelta(days=days)

    async def forget_next(self) -> bool:
        """Forget some of what is old, and say whether there was any.

        Raises:
            Unavailable, Overloaded: nothing is forgotten; may be retried.
        """
        before = canonical_moment(self._clock() - self._age)
        page = await self._log.read(await self._database.read(_forgotten), KEYS_MAX)
        old = [entry for entry in _entries.decode_lines(page.lines) if entry.accepted_at < before]
        if not old:
            return False
        keys = sorted(event_key(entry.event.source, entry.event.id) for entry in old)
        last = old[-1].offset

        def job(connection: sqlite3.Connection) -> int:
            connection.execute(_UPSERT, (last,))
            return connection.executemany(
                "DELETE FROM event_keys WHERE key = ? AND log_offset <= ?", ((key, last) for key in keys)
            ).rowcount

        metrics.REMOVED.labels("seen").inc(await self._database.write(job))
        return True


def _forgotten(connection: sqlite3.Connection) -> int:
    row = connection.execute("SELECT log_offset FROM forgotten").fetchone()
    return 0 if row is None else int(row[0])
