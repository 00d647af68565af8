"""Records that could not be accepted, kept with their bytes for so many days, to be looked at, corrected, replayed.

The same bytes refused for the same reason are one letter, however often a producer retries.
"""

import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

from contracts.failures import NotFound
from contracts.ingest import DeadLetter, DeadLetterPage
from services.database import Database
from services.events import metrics
from services.events.screening import Refused
from services.events.times import canonical_moment

PAGE_MAX = 500
"""Most dead letters of one page."""
LETTERS_MAX = 1_000_000
"""Most dead letters kept: however many records are refused, the disk is not theirs."""
REMOVED_MAX = 200
"""Letters removed in one transaction, of at most 64 KiB each."""
ID_MAX = 2**63 - 1
"""No store numbers further."""

_SELECT = "SELECT id, received_at, reason, message, pointer, raw, replayed_offset FROM dead_letters"


def keep_letter(connection: sqlite3.Connection, record: Refused, received_at: str) -> int:
    """Keep a refused record and return its letter's id: that of the first one for the same bytes and reason."""
    digest = blake2b(record.reason.encode() + b"\0" + record.raw, digest_size=16).digest()
    row = connection.execute("SELECT id FROM dead_letters WHERE digest = ?", (digest,)).fetchone()
    if row is None:
        row = connection.execute(
            "INSERT INTO dead_letters (received_at, reason, message, pointer, raw, digest) VALUES (?, ?, ?, ?, ?, ?)"
            " RETURNING id",
            (received_at, record.reason, record.message, record.pointer, record.raw, digest),
        ).fetchone()
    letter: int = row[0]
    return letter


def letters_after(connection: sqlite3.Connection, after: int, limit: int) -> DeadLetterPage:
    """Read the letters after an id, oldest first; `next_after` is None on the last page."""
    query = f"{_SELECT} WHERE id > ? ORDER BY id LIMIT ?"
    items = [_letter(row) for row in connection.execute(query, (after, limit + 1))]
    return DeadLetterPage(items[:limit], items[limit - 1].id if len(items) > limit else None)


def letter_of(connection: sqlite3.Connection, letter_id: int) -> DeadLetter:
    """Read one letter.

    Raises:
        NotFound: there is none with this id.
    """
    known = letter_id <= ID_MAX
    row = connection.execute(f"{_SELECT} WHERE id = ?", (letter_id,)).fetchone() if known else None
    if row is None:
        raise NotFound("There is no such dead letter.")
    return _letter(row)


def mark_replayed(connection: sqlite3.Connection, letter_id: int, offset: int) -> None:
    """Write down where in the log a replayed letter's event is."""
    connection.execute("UPDATE dead_letters SET replayed_offset = ? WHERE id = ?", (offset, letter_id))


class LetterBounds:
    """Removes the letters that are older than `days` days, and the oldest of more than `letters_max`."""

    def __init__(
        self, database: Database, clock: Callable[[], datetime], days: float, letters_max: int = LETTERS_MAX
    ) -> None:
        self._database = database
        self._clock = clock
        self._age = timedelta(days=days)
        self._letters_max = letters_max

    async def remove_next(self) -> bool:
        """Remove some of what is too much, and say whether there was any.

        Raises:
            Unavailable, Overloaded: nothing is removed; may be retried.
        """
        before = canonical_moment(self._clock() - self._age)
        upto = await self._database.read(lambda connection: self._last_to_go(connection, before))
        if upto is None:
            return False
        query = "DELETE FROM dead_letters WHERE id <= ?"
        removed = await self._database.write(lambda connection: connection.execute(query, (upto,)).rowcount)
        metrics.REMOVED.labels("dead_letters").inc(removed)
        return True

    def _last_to_go(self, connection: sqlite3.Connection, before: str) -> int | None:
        newest = connection.execute("SELECT max(id) FROM dead_letters").fetchone()[0]
        query = "SELECT id, received_at FROM dead_letters ORDER BY id LIMIT ?"
        oldest = connection.execute(query, (REMOVED_MAX,))
        going = [letter for letter, at in oldest if at < before or letter <= newest - self._letters_max]
        return max(going, default=None)


def _letter(row: tuple[Any, ...]) -> DeadLetter:
    return DeadLetter(*row)
