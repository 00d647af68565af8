"""The files of the audit record: chains of segments in a folder, each chain written by one process.

    <folder>/gateway-1.lock                    held by the process that writes the chain gateway-1
    <folder>/gateway-1-000000000001.ndjson     a segment, named by the number of its first record

A process takes the first chain nobody holds, so that replicas on one disk never share one and a restart goes on with
its own. What a crash left of a line is moved to a file beside it: it was never acknowledged.
"""

import errno
import fcntl
import os
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from contracts.audit import GENESIS, AuditKind, AuditRecord, chain_record
from contracts.failures import Rejected

AUDIT_FOLDER = "audit"
"""In the data folder."""
SEGMENT_BYTES_MAX = 64 * 1024 * 1024
CHAINS_MAX = 64
"""Processes that may write in one folder."""
RECORD_BYTES_MAX = 256 * 1024
"""Longest line; the end of a segment is looked for in twice as much."""


class BrokenChain(Rejected):
    """The audit record was changed; the message names the first record that does not fit."""

    code = "BROKEN_AUDIT_CHAIN"


class _End(NamedTuple):
    seq: int
    hash: str


class AuditChain:
    """One chain, appended to. Not for two threads at once."""

    def __init__(self, folder: Path, *, segment_bytes: int = SEGMENT_BYTES_MAX) -> None:
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._lock = -1
        self._name = ""
        self._segment = -1
        self._end: _End | None = None

    def append(self, records: Iterable[AuditRecord]) -> None:
        """Write records after the chain's end; they are durable on return.

        Raises:
            OSError: none of them was written; may be retried.
            BrokenChain: the chain's last line is damaged; nothing is written after it.
        """
        torn = self._resume() if self._end is None else None
        assert self._end is not None  # noqa: S101 (_resume sets it or raises)
        seq, last = self._end
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        lines = bytearray()
        for record in [torn, *records] if torn else records:
            seq += 1
            line, last = chain_record(record, seq=seq, at=at, prev_hash=last)
            lines += line + b"\n"
        self._write(bytes(lines))
        self._end = _End(seq, last)

    def close(self) -> None:
        """Let another process write the chain."""
        for descriptor in (self._segment, self._lock):
            if descriptor >= 0:
                os.close(descriptor)
        self._segment = self._lock = -1
        self._end = None

    def _write(self, lines: bytes) -> None:
        if self._segment < 0 or os.fstat(self._segment).st_size >= self._segment_bytes:
            self._begin_segment()
        size = os.fstat(self._segment).st_size
        try:
            if os.write(self._segment, lines) != len(lines):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(self._segment)
        except OSError:
            self._end = None  # the next one looks at what is really there
            os.ftruncate(self._segment, size)  # nobody was told of a part of it
            raise

    def _begin_segment(self) -> None:
        if self._segment >= 0:
            os.close(self._segment)
            self._segment = -1
        first = (self._end or _End(0, GENESIS)).seq + 1
        path = self._folder / f"{self._name}-{first:012d}.ndjson"
        self._segment = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        _sync_folder(self._folder)

    def _resume(self) -> AuditRecord | None:
        """Find the chain's end and open its last segment; return the record of a torn line where there is one."""
        if self._lock < 0:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._name, self._lock = _take_chain(self._folder)
        if self._segment >= 0:
            os.close(self._segment)
            self._segment = -1
        torn: str | None = None
        for path in reversed(segments_of(self._folder, self._name)):
            torn = _set_torn_aside(path) or torn
            end = _end_of(path)
            if end is not None:
                self._end = end
                self._segment = os.open(path, os.O_WRONLY | os.O_APPEND)
                break
            path.unlink()  # a crash came between its creation and its first line
        else:
            self._end = _End(0, GENESIS)
        return AuditRecord(kind=AuditKind.TORN_LINE, outcome=torn) if torn else None


def segments_of(folder: Path, chain: str) -> list[Path]:
    """Return a chain's segments, oldest first."""
    return sorted(folder.glob(f"{chain}-{'[0-9]' * 12}.ndjson"))


def _take_chain(folder: Path) -> tuple[str, int]:
    for number in range(1, CHAINS_MAX + 1):
        name = f"gateway-{number}"
        lock = os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        return name, lock
    raise OSError(errno.EUSERS, f"more than {CHAINS_MAX} processes write the audit record")


def _set_torn_aside(path: Path) -> str | None:
    """Move what follows the last line end into a file of its own and return its name."""
    with path.open("r+b") as file:
        tail, start = _tail(path)
        whole = start + tail.rfind(b"\n") + 1
        rest = tail[whole - start :]
        if not rest:
            return None
        aside = path.with_name(f"{path.stem}.torn-{time.time_ns()}")
        aside.write_bytes(rest)
        file.truncate(whole)
        os.fsync(file.fileno())
    return aside.name


def _end_of(path: Path) -> _End | None:
    tail, _ = _tail(path)
    lines = tail.split(b"\n")[:-1]
    if not lines:
        return None
    try:
        record = msgspec.json.decode(lines[-1], type=AuditRecord)
    except msgspec.MsgspecError:
        raise BrokenChain(f"The last line of {path.name} cannot be read.") from None
    return _End(record.seq, record.hash)


def _tail(path: Path) -> tuple[bytes, int]:
    with path.open("rb") as file:
        start = max(0, path.stat().st_size - 2 * RECORD_BYTES_MAX)
        file.seek(start)
        return file.read(), start


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
