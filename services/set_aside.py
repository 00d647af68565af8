"""The dead letters of a consumer of the log: events its code failed at (`isolating.py`), in its own database.

Kept by their offset, with where the code failed and the event as JSON; the event service's log has the line itself.
When the code is mended, an operator has them applied: late, as every consumer of the log knows late events.
"""

import sqlite3
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec
from litestar import get, post
from litestar.handlers import BaseRouteHandler
from litestar.params import FromPath, QueryParameter

from contracts.events import CloudEvent, LogEntry
from contracts.failures import Conflict, Failure, NotFound
from contracts.ingest import DeadLetter, DeadLetterPage
from services.database import Database
from services.isolating import reason_of

PAGE_MAX = 500
OFFSET_MAX = 2**53
LETTERS_MAX = 10_000
"""Letters kept, of at most 64 KiB each; the log has their events for ever."""
REASON = "POISON"

SCHEMA = """
CREATE TABLE IF NOT EXISTS dead_letters (
    log_offset INTEGER PRIMARY KEY,
    accepted_at TEXT NOT NULL,
    message TEXT NOT NULL,
    raw BLOB NOT NULL,
    replayed INTEGER NOT NULL DEFAULT 0
);
"""

_SELECT = "SELECT log_offset, accepted_at, message, raw, replayed FROM dead_letters"
_REMOVE_OLDEST = (
    "DELETE FROM dead_letters WHERE log_offset <="
    " (SELECT log_offset FROM dead_letters ORDER BY log_offset DESC LIMIT 1 OFFSET ?)"
)
_encode = msgspec.json.Encoder().encode
_events = msgspec.json.Decoder(CloudEvent)


def keep_letter(connection: sqlite3.Connection, entry: LogEntry, message: str) -> None:
    """Keep an event and why it could not be applied; of more than `LETTERS_MAX` the oldest is removed."""
    row = (entry.offset, entry.accepted_at, message, _encode(entry.event))
    connection.execute("INSERT OR REPLACE INTO dead_letters VALUES (?, ?, ?, ?, 0)", row)
    connection.execute(_REMOVE_OLDEST, (LETTERS_MAX,))


def letters_after(connection: sqlite3.Connection, after: int, limit: int) -> DeadLetterPage:
    """Read the letters after an offset, oldest first; `next_after` is None on the last page."""
    rows = connection.execute(f"{_SELECT} WHERE log_offset > ? ORDER BY log_offset LIMIT ?", (after, limit + 1))
    items = [_letter(row) for row in rows]
    return DeadLetterPage(items[:limit], items[limit - 1].id if len(items) > limit else None)


def letter_of(connection: sqlite3.Connection, offset: int) -> DeadLetter:
    """Read one letter.

    Raises:
        NotFound: the event at this offset was not set aside.
    """
    known = offset <= OFFSET_MAX
    row = connection.execute(f"{_SELECT} WHERE log_offset = ?", (offset,)).fetchone() if known else None
    if row is None:
        raise NotFound("There is no such dead letter.")
    return _letter(row)


def mark_replayed(connection: sqlite3.Connection, offset: int) -> None:
    """Write down that the event of a letter is applied."""
    connection.execute("UPDATE dead_letters SET replayed = 1 WHERE log_offset = ?", (offset,))


def letter_routes(database: Database, replay: Callable[[LogEntry], Awaitable[Any]]) -> list[BaseRouteHandler]:
    """Return the handlers; `replay` applies an event again and marks its letter, in one transaction."""

    @get("/dead-letters", summary="Events that could not be applied here, in the log's order")
    async def list_letters(
        after: Annotated[int, QueryParameter(ge=0, le=OFFSET_MAX)] = 0,
        limit: Annotated[int, QueryParameter(ge=1, le=PAGE_MAX)] = 100,
    ) -> DeadLetterPage:
        return await database.read(lambda c: letters_after(c, after, limit))

    @get("/dead-letters/{offset:int}", summary="One of them, by the offset of its event")
    async def read_letter(offset: FromPath[int]) -> DeadLetter:
        return await database.read(lambda c: letter_of(c, offset))

    @post("/dead-letters/{offset:int}/replay", status_code=200, summary="Apply it now; 409 when it fails still")
    async def replay_letter(offset: FromPath[int]) -> DeadLetter:
        letter = await database.read(lambda c: letter_of(c, offset))
        if letter.replayed_offset is None:
            try:
                await replay(LogEntry(offset, letter.received_at, _events.decode(letter.raw)))
            except Failure:
                raise
            except Exception as error:
                raise Conflict(f"It fails still: {reason_of(error)}.", code="POISON") from error
        return await database.read(lambda c: letter_of(c, offset))

    return [list_letters, read_letter, replay_letter]


def _letter(row: tuple[int, str, str, bytes, int]) -> DeadLetter:
    offset, accepted_at, message, raw, replayed = row
    return DeadLetter(offset, accepted_at, REASON, message, None, raw, offset if replayed else None)
