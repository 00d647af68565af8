"""Records that could not be accepted, kept with their bytes until someone has looked, corrected and replayed them.

The same bytes refused for the same reason are one letter, however often a producer retries.
"""

import sqlite3
from hashlib import blake2b
from typing import Any

from contracts.failures import NotFound
from contracts.ingest import DeadLetter, DeadLetterPage
from services.events.screening import Refused

PAGE_MAX = 500
"""Most dead letters of one page."""
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


def _letter(row: tuple[Any, ...]) -> DeadLetter:
    return DeadLetter(*row)
