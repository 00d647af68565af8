"""What a replay reads: a source yields records in an order that never changes, and says how far it has come.

A record is one event ready to send; `row` says which row of the file it stands for, 0 for reference data the format
needs beside the rows. A row no event can be made of is a `BadRow`: it is counted and named, never dropped silently.
"""

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, cast

import msgspec

from contracts.failures import Rejected

LINE_BYTES_MAX = 1024 * 1024
"""Longest line of an NDJSON file that is read whole; a longer one is a bad row. The event service takes far less."""


class Record(msgspec.Struct, frozen=True, gc=False):
    """One event as a line of NDJSON, and the row of the file it stands for."""

    line: bytes
    row: int = 0


class BadRow(msgspec.Struct, frozen=True, gc=False):
    """A row no event can be made of, with a stable reason and a sentence."""

    row: int
    reason: str
    message: str


Item = Record | BadRow


class Source(Protocol):
    """Where a replay's items come from."""

    def items(self) -> Iterator[Item]:
        """Yield every item from the first; the same items in the same order at each call."""

    def progress(self) -> float:
        """Return the share of the file read so far, 0 to 1."""


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn what a broken or missing file raises while it is read into a failure that names it.

    Raises:
        Rejected: `UNREADABLE_FILE`; what was sent before stays sent.
    """
    try:
        yield
    except (OSError, EOFError, zlib.error, csv.Error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise Rejected(f"{path.name} cannot be read: {reason}.", code="UNREADABLE_FILE") from error


class File:
    """A plain or gzip file (told by its first two bytes), opened for each pass; `progress` is by bytes on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._raw: io.BufferedReader | None = None
        self._size = max(1, path.stat().st_size)

    @contextmanager
    def opened(self) -> Iterator[io.BufferedIOBase]:
        """Give the decompressed bytes."""
        with readable(self.path), self.path.open("rb") as raw:
            self._raw = raw
            zipped = raw.peek(2)[:2] == b"\x1f\x8b"
            try:
                yield gzip.GzipFile(fileobj=raw) if zipped else raw
            finally:
                self._raw = None

    @contextmanager
    def opened_text(self) -> Iterator[io.TextIOWrapper]:
        """Give the decompressed text; bytes that are no UTF-8 come as surrogates: the row is refused by itself."""
        with self.opened() as stream:
            yield io.TextIOWrapper(
                cast("io.BufferedReader", stream), encoding="utf-8-sig", errors="surrogateescape", newline=""
            )

    def progress(self) -> float:
        """Return the share of the bytes on disk read in the pass under way; 1 when none is."""
        return min(1.0, self._raw.tell() / self._size) if self._raw is not None else 1.0


class CloudEventsSource:
    """An NDJSON file of CloudEvents, sent as it is; blank lines are skipped as the event service skips them."""

    def __init__(self, path: Path) -> None:
        self._file = File(path)
        self.progress = self._file.progress

    def items(self) -> Iterator[Item]:
        """Yield each line as it is.

        Raises:
            Rejected: `UNREADABLE_FILE`.
        """
        with self._file.opened() as stream:
            row = 0
            while line := stream.readline(LINE_BYTES_MAX + 1):
                row += 1
                if len(line) > LINE_BYTES_MAX:
                    _skip_line(stream, line)
                    yield BadRow(row, "TOO_LARGE", f"The line has more than {LINE_BYTES_MAX} bytes.")
                elif stripped := line.strip():
                    yield Record(stripped, row)


def _skip_line(stream: io.BufferedIOBase, line: bytes) -> None:
    while line and not line.endswith(b"\n"):
        line = stream.readline(LINE_BYTES_MAX)


def columns_of(header: list[str], needed: tuple[str, ...], path: Path) -> dict[str, int]:
    """Return where each needed column is.

    Raises:
        Rejected: `WRONG_FORMAT`: one is missing; the file is of another format.
    """
    missing = [name for name in needed if name not in header]
    if missing:
        raise Rejected(f"{path.name} has no column {', '.join(missing)}.", code="WRONG_FORMAT")
    return {name: header.index(name) for name in needed}
