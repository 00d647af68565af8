"""History has its newest `days` days; what was taken in before is removed, and stays in the log.

Rows are numbered as they are taken in, and from time to time it is noted how far the numbers had come. So what is old
is told by its number, without a column or an index for it. A row's time may be older than that, as in a replay of
years past, but hardly later: so from the time of such a note on history is complete, and pages say so.
"""

import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta

from services.database import Database
from services.events import metrics
from services.events.times import canonical_moment

ROWS_MAX = 500
"""Rows removed in one transaction, which ingest waits for: some milliseconds."""
NOTES_PER_AGE = 100
"""It is noted that often in the time a row is kept, and once an hour at most."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS history_notes (number INTEGER PRIMARY KEY, at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS history_cut (id INTEGER PRIMARY KEY CHECK (id = 1), complete_from TEXT NOT NULL);
"""
_NOTE = "INSERT OR IGNORE INTO history_notes SELECT max(number), ? FROM transactions"
_OLD = "SELECT number, at FROM history_notes WHERE at < ? ORDER BY number DESC LIMIT 1"
_CUT = (
    "INSERT INTO history_cut VALUES (1, ?) ON CONFLICT (id) DO UPDATE"
    " SET complete_from = max(complete_from, excluded.complete_from)"
)
# The newest row stays: SQLite gives the number after the highest one, and none may come twice.
_REMOVE = (
    "DELETE FROM transactions WHERE number IN (SELECT number FROM transactions"
    " WHERE number <= ? AND number < (SELECT max(number) FROM transactions) ORDER BY number LIMIT ?)"
)


class HistoryBounds:
    """Removes rows taken in before `days` days; `future_s` is how far ahead a row's time may be of that, in seconds."""

    def __init__(
        self,
        database: Database,
        clock: Callable[[], datetime],
        days: float,
        future_s: int,
        *,
        rows_max: int = ROWS_MAX,
    ) -> None:
        self._database = database
        self._clock = clock
        self._age = timedelta(days=days)
        self._note_every = min(self._age / NOTES_PER_AGE, timedelta(hours=1))
        self._future = timedelta(seconds=future_s)
        self._rows_max = rows_max

    async def remove_next(self) -> bool:
        """Note how far history has come where it is time to, remove some old rows, and say whether there were any.

        Raises:
            Unavailable, Overloaded: nothing is noted or removed; may be retried.
        """
        now = self._clock()
        since = canonical_moment(now - self._note_every)
        if await self._database.read(lambda connection: _is_to_note(connection, since)):
            await self._database.write(self._note)
        before = canonical_moment(now - self._age)
        old = await self._database.read(lambda connection: connection.execute(_OLD, (before,)).fetchone())
        if old is None:
            return False
        number, noted_at = old
        complete_from = canonical_moment(datetime.fromisoformat(noted_at) + self._future)

        def job(connection: sqlite3.Connection) -> int:
            removed = connection.execute(_REMOVE, (number, self._rows_max)).rowcount
            if removed:
                connection.execute(_CUT, (complete_from,))
            if removed < self._rows_max:
                connection.execute("DELETE FROM history_notes WHERE number <= ?", (number,))
            return removed

        metrics.REMOVED.labels("history").inc(await self._database.write(job))
        return True

    def _note(self, connection: sqlite3.Connection) -> None:
        # The time is taken in the writer's thread, as that of every row is: none of these has a later one.
        connection.execute(_NOTE, (canonical_moment(self._clock()),))


def complete_from(connection: sqlite3.Connection) -> str | None:
    """Return the time from which on history has every transaction; None: it has all of them."""
    row = connection.execute("SELECT complete_from FROM history_cut").fetchone()
    return None if row is None else str(row[0])


def _is_to_note(connection: sqlite3.Connection, since: str) -> bool:
    number, at = connection.execute("SELECT max(number), max(at) FROM history_notes").fetchone()
    newest = connection.execute("SELECT max(number) FROM transactions").fetchone()[0]
    return newest is not None and (number is None or (at < since and number < newest))
