"""Old entries of the log go from the disk to the archive, a piece at a time.

    cut off the disk's first segments ──▶ put whole ──▶ read back, compare with the disk ──▶ delete, in bounded steps

Nothing is deleted that was not just read back and found equal. A kill at any point leaves a log that is whole: what is
in the archive and still on the disk is read from the disk, and found by the next round, which goes on there. Who may
still have to read an entry need not be known: the archive is a part of the log, and read as such.

Old is what was taken in before `days` days, whatever its event's time: replayed years are new. A piece is cut when it
is full, so that cutting again gives the same one. The newest segment always stays: by it the log knows its head.
"""

import asyncio
import os
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, TypeVar

from contracts.failures import Conflict
from services.database import Database
from services.events import metrics
from services.events.archive import PIECE_BYTES_MAX, Archive, Piece, pack, unpack
from services.events.log_pages import first_on_disk
from services.events.times import canonical_moment

PIECE_BYTES = 8 * 1024 * 1024
"""A piece is full with the segment that reaches this: some 15,000 entries, a MiB when packed."""
DELETED_BYTES_MAX = 4 * 1024 * 1024
"""Bytes of segments deleted in one transaction, which ingest waits for: some milliseconds."""
NICENESS = 5
"""Of the thread that packs, added to the service's own: both are for when nobody else wants the CPU."""

_OLDER = "FROM segments WHERE last_offset < (SELECT max(last_offset) FROM segments)"
"""The newest segment stays."""
_OLDEST_LINES = f"SELECT lines {_OLDER} ORDER BY last_offset LIMIT 1"
_LINES = f"SELECT last_offset, lines {_OLDER} ORDER BY last_offset"
_LENGTHS = f"SELECT last_offset, length(lines) {_OLDER} AND last_offset <= ? ORDER BY last_offset"
_SIZES = {
    "used": "SELECT (page_count - freelist_count) * page_size"
    " FROM pragma_page_count, pragma_freelist_count, pragma_page_size",
    "free": "SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size",
}

T = TypeVar("T")


class Archiver:
    """Moves what is older than `days` from the log's `database` to the `archive`. `close` ends its thread."""

    def __init__(
        self,
        database: Database,
        archive: Archive,
        clock: Callable[[], datetime],
        days: float,
        *,
        piece_bytes: int = PIECE_BYTES,
        deleted_bytes_max: int = DELETED_BYTES_MAX,
    ) -> None:
        self._database = database
        self._archive = archive
        self._clock = clock
        self._age = timedelta(days=days)
        self._piece_bytes = piece_bytes
        self._deleted_bytes_max = deleted_bytes_max
        self._thread = ThreadPoolExecutor(1, "archiver", _lower_priority)

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown()

    async def archive_next(self) -> bool:
        """Move the next piece and say whether there was one.

        Raises:
            Unavailable, Overloaded: it is not moved, or not all of it; go on with the next call.
            Conflict: `ARCHIVE_OF_ANOTHER_LOG`: what the archive has at these offsets is not what the disk has.
        """
        first, oldest = await self._database.read(_look)
        now = self._clock()
        metrics.LOG_FIRST_OFFSET.set(first)
        metrics.LOG_OLDEST_SECONDS.set((now - datetime.fromisoformat(oldest)).total_seconds() if oldest else 0)
        before = canonical_moment(now - self._age)
        if not oldest or oldest >= before:
            return False
        piece = await self._archive.find(first) or await self._put_next(first, before)
        if piece is None:
            return False
        last = piece.last
        kept = await self._database.read(lambda connection: lines_until(connection, last))
        file = await self._archive.get(piece)
        if not await self._in_thread(_is_same, piece, file, first, kept):
            detail = f"at {first}: {piece.name}"
            raise Conflict("The archive is another log's.", code="ARCHIVE_OF_ANOTHER_LOG", detail=detail)
        del kept, file
        while await self._database.write(lambda connection: self._delete(connection, last)):
            pass
        metrics.LOG_FIRST_OFFSET.set(last + 1)
        metrics.ARCHIVED_ENTRIES.inc(last + 1 - first)
        return True

    async def _put_next(self, first: int, before: str) -> Piece | None:
        cut = await self._database.read(lambda connection: next_piece(connection, before, self._piece_bytes))
        if cut is None:
            return None
        piece, file = await self._in_thread(pack, first, *cut)
        await self._archive.put(piece, file)
        metrics.ARCHIVED_BYTES.inc(len(file))
        return piece

    async def _in_thread(self, work: Callable[..., T], *given: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *given)

    def _delete(self, connection: sqlite3.Connection, last: int) -> bool:
        """Delete some of the segments up to an offset, oldest first, and say whether more remain."""
        size, reached = 0, 0
        for offset, length in connection.execute(_LENGTHS, (last,)):
            size, reached = size + length, offset
            if size >= self._deleted_bytes_max:
                break
        connection.execute("DELETE FROM segments WHERE last_offset <= ?", (reached,))
        return size >= self._deleted_bytes_max


def next_piece(connection: sqlite3.Connection, before: str, piece_bytes: int) -> tuple[int, bytes] | None:
    """Return the last offset and the lines of the next piece; None: it is not full, or not all of it is that old."""
    parts: list[bytes] = []
    size = 0
    for last, lines in connection.execute(_LINES):
        if accepted_at(lines) >= before:
            return None
        parts.append(lines)
        size += len(lines)
        if size >= piece_bytes:
            return last, b"".join(parts)
    return None


def lines_until(connection: sqlite3.Connection, last: int) -> bytes:
    """Return the lines of the segments up to an offset, of no more of them than a piece can have."""
    parts: list[bytes] = []
    size = 0
    query = "SELECT lines FROM segments WHERE last_offset <= ? ORDER BY last_offset"
    for (lines,) in connection.execute(query, (last,)):
        parts.append(lines)
        size += len(lines)
        if size > PIECE_BYTES_MAX:
            break
    return b"".join(parts)


def accepted_at(lines: bytes) -> str:
    """Return when a segment was taken in: a write job gives all its entries the same time."""
    return lines[:80].split(b'"')[5].decode()  # {"offset":1,"acceptedAt":"…


def _look(connection: sqlite3.Connection) -> tuple[int, str]:
    """Return the first offset on the disk and when it was taken in (empty: only the newest segment is there)."""
    for state, query in _SIZES.items():
        metrics.STORE_BYTES.labels(state).set(connection.execute(query).fetchone()[0])
    row = connection.execute(_OLDEST_LINES).fetchone()
    return first_on_disk(connection), accepted_at(row[0]) if row is not None else ""


def _is_same(piece: Piece, file: bytes, first: int, kept: bytes) -> bool:
    """Say whether a piece, read back, has just what the disk has from offset `first` on."""
    # It may begin before: that was deleted by a round that was ended in the middle.
    return piece.first <= first and kept.count(b"\n") == piece.last + 1 - first and unpack(piece, file).endswith(kept)


def _lower_priority() -> None:
    with suppress(OSError):  # elsewhere than on Linux a thread has no priority of its own
        niceness = os.getpriority(os.PRIO_PROCESS, 0) + NICENESS
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)
