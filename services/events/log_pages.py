"""Pages of the log as the disk and the memory of its newest part have them: NDJSON lines in the order of offsets."""

import sqlite3
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

READ_BYTES_MAX = 1024 * 1024
"""A page of the log ends with the segment that passes this size."""
TAIL_BYTES_MAX = 4 * 1024 * 1024
"""Of the newest segments: who keeps up with the log reads nothing else."""


class Segment(NamedTuple):
    """Entries that were appended together; as many lines as offsets from `first` to `last`."""

    first: int
    last: int
    lines: bytes


class LogPage(msgspec.Struct, frozen=True):
    """Entries of the log as NDJSON lines; `last` is the offset of the last one, or the one asked after when empty."""

    lines: bytes
    count: int
    last: int


class LogState(msgspec.Struct, frozen=True, rename="camel"):
    """The last offset (0: the log is empty), and the first one on the disk: what is before it is in the archive."""

    last_offset: int
    first_on_disk: int


def page_on_disk(connection: sqlite3.Connection, after: int, limit: int) -> LogPage | None:
    """Read the entries after an offset; None: the next one is not on the disk any more, it was archived."""
    query = "SELECT first_offset, last_offset, lines FROM segments WHERE last_offset > ? ORDER BY last_offset"
    return page_of(map(Segment._make, connection.execute(query, (after,))), after, limit)


def page_of(segments: Iterable[Segment], after: int, limit: int) -> LogPage | None:
    """Make a page of the segments with entries after an offset, given in order; None: the next entry is in none."""
    parts: list[bytes] = []
    size, last_read = 0, after
    for first, last, lines in segments:
        if first > last_read + 1:
            return None
        if last <= after + limit and first > after:
            parts.append(lines)
            last_read = last
        elif not parts:  # only a page's first segment is cut: the next page takes the others whole
            last_read = min(last, after + limit)
            parts.append(_cut(lines, after + 1 - first, last_read + 1 - first))
            break
        else:
            break
        size += len(lines)
        if size >= READ_BYTES_MAX:
            break
    return LogPage(b"".join(parts), last_read - after, last_read)


def head_of(connection: sqlite3.Connection) -> int:
    """Return the last offset of the log, 0 when it is empty."""
    offset: int = connection.execute("SELECT coalesce(max(last_offset), 0) FROM segments").fetchone()[0]
    return offset


def state_of(connection: sqlite3.Connection) -> LogState:
    """Return how far the log goes."""
    return LogState(head_of(connection), first_on_disk(connection))


def first_on_disk(connection: sqlite3.Connection) -> int:
    """Return the first offset that is not only in the archive; that of the next entry where the log is empty."""
    row = connection.execute("SELECT first_offset FROM segments ORDER BY last_offset LIMIT 1").fetchone()
    return int(row[0]) if row is not None else 1


def _cut(lines: bytes, start: int, end: int) -> bytes:
    return b"".join(line + b"\n" for line in lines.split(b"\n")[max(start, 0) : end])


class Tail:
    """The newest segments in memory; each is added once it is durable, in order."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._segments: deque[Segment] = deque()
        self._bytes = 0

    def add(self, segment: Segment) -> None:
        """Add the next segment; the oldest ones leave."""
        self._segments.append(segment)
        self._bytes += len(segment.lines)
        while self._bytes > self._bytes_max:
            self._bytes -= len(self._segments.popleft().lines)

    def page(self, after: int, limit: int) -> LogPage | None:
        """Return the entries after an offset; None where they may not all be here."""
        if not self._segments or after < self._segments[0].first - 1:
            return None
        return page_of([segment for segment in self._segments if segment.last > after], after, limit)
