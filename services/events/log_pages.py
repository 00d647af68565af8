"""Pages of the log as the disk has them: entries as NDJSON lines, in the order of their offsets."""

import sqlite3

import msgspec

READ_BYTES_MAX = 1024 * 1024
"""A page of the log ends with the segment that passes this size."""


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
    parts: list[bytes] = []
    size, last_read = 0, after
    query = "SELECT first_offset, last_offset, lines FROM segments WHERE last_offset > ? ORDER BY last_offset"
    for first, last, lines in connection.execute(query, (after,)):
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
