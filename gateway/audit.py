"""The audit record: who did what, was refused what and was shown which alert; append-only and chained by hash.

    one JSON object a line: seq, at, kind, customerId, …, previous, hash = SHA-256 of the others

A mutation's record is on disk before its answer leaves; records waiting together share one write and one fsync. The
chain shows whether a line was changed, removed or put in between; a last hash kept elsewhere shows whether the end was
cut off. Nothing secret is recorded: ids, codes and the operation's name, no variables and no answers.
"""

import asyncio
import errno
import hashlib
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import msgspec
import structlog

from contracts.failures import Overloaded, Rejected, Unavailable

QUEUE_MAX = 4_096
"""Records waiting for the disk."""
GENESIS = "0" * 64
CLIENT_TEXT_MAX = 100
"""Characters kept of what a client chose itself, such as an operation's name."""


_log = structlog.get_logger(__name__)


class AuditKind(StrEnum):
    """What a record is about."""

    MUTATION = "MUTATION"
    REFUSAL = "REFUSAL"
    ALERT_SHOWN = "ALERT_SHOWN"


class AuditRecord(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """One record; the chain's own fields are filled in when it is written."""

    kind: AuditKind
    customer_id: str
    trace_id: str
    outcome: str
    operation: str = ""
    document: str = ""
    token_id: str = ""
    subject_ids: list[str] = msgspec.field(default_factory=list)
    at: str = ""
    seq: int = 0
    previous: str = ""
    hash: str = ""


class BrokenChain(Rejected):
    """The audit file was changed; the message names the first line that does not fit."""

    code = "BROKEN_AUDIT_CHAIN"


class AuditLog:
    """Appends records to a file. Construct is free; the file is opened with the first record."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._waiting: list[tuple[AuditRecord, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None
        self._end: tuple[int, str] | None = None

    async def record(self, record: AuditRecord) -> None:
        """Return once the record is on disk.

        Raises:
            Overloaded: too many records wait; may be retried.
            Unavailable: it could not be written.
        """
        await self.note(record)

    def note(self, record: AuditRecord) -> "asyncio.Future[None]":
        """Put a record in line and return what completes when it is on disk.

        Raises:
            Overloaded: too many records wait; may be retried.
        """
        if len(self._waiting) >= QUEUE_MAX:
            raise Overloaded("Too much is going on.", code="AUDIT_OVERLOADED", retry_after_s=1.0)
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        written.add_done_callback(lambda done: done.cancelled() or done.exception())  # seen, also when nobody waits
        self._waiting.append((record, written))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_waiting())
        return written

    async def close(self) -> None:
        """Return once nothing waits any more."""
        if self._writing is not None:
            await asyncio.wait([self._writing])

    async def _write_waiting(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            await self._write(batch)

    async def _write(self, batch: list[tuple[AuditRecord, asyncio.Future[None]]]) -> None:
        failure: Unavailable | None = None
        try:
            self._end = await asyncio.to_thread(_append, self._path, self._end, [record for record, _ in batch])
        except (OSError, BrokenChain) as error:
            _log.error("audit record not written", error=str(error), records=len(batch))
            failure = Unavailable("The gateway cannot do this now.", code="AUDIT_FAILED")
        for _, written in batch:
            if written.done():
                continue  # whoever waited has left
            if failure is None:
                written.set_result(None)
            else:
                written.set_exception(failure)


def verify_audit(path: Path) -> int:
    """Return how many records the file holds, all of them in one unbroken chain.

    Raises:
        BrokenChain: a line was changed, removed, added or cut short.
    """
    count = 0
    previous = GENESIS
    for record in _records(path):
        count += 1
        unhashed = msgspec.structs.replace(record, hash="")
        if record.seq != count or record.previous != previous or record.hash != _hash(unhashed):
            raise BrokenChain(f"Line {count} of the audit record does not follow from the line before it.")
        previous = record.hash
    return count


def _records(path: Path) -> Iterable[AuditRecord]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                yield msgspec.json.decode(line, type=AuditRecord)
            except msgspec.DecodeError:
                raise BrokenChain(f"Line {number} of the audit record cannot be read.") from None


def _hash(record: AuditRecord) -> str:
    return hashlib.sha256(msgspec.json.encode(record)).hexdigest()


def _last(path: Path) -> tuple[int, str]:
    """Return where the chain stands; a last line that a crash cut short was never acknowledged and is taken off."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+b") as file:
        whole, last = 0, b""
        for line in file:
            if line.endswith(b"\n"):
                whole += len(line)
                last = line
        file.truncate(whole)
    if not last:
        return 0, GENESIS
    try:
        record = msgspec.json.decode(last, type=AuditRecord)
    except msgspec.DecodeError:
        raise BrokenChain("The last line of the audit record cannot be read.") from None
    return record.seq, record.hash


def _append(path: Path, end: tuple[int, str] | None, records: list[AuditRecord]) -> tuple[int, str]:
    """Write records after the chain's end (read from the file where it is not known yet) and return its new end."""
    seq, previous = end if end is not None else _last(path)
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    lines = b""
    for record in records:
        seq += 1
        chained = msgspec.structs.replace(record, at=at, seq=seq, previous=previous, hash="")
        previous = _hash(chained)
        lines += msgspec.json.encode(msgspec.structs.replace(chained, hash=previous)) + b"\n"
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    size = os.fstat(descriptor).st_size
    try:
        if os.write(descriptor, lines) != len(lines):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, size)  # a part of a batch must not stay: nobody was told that it is there
        raise
    finally:
        os.close(descriptor)
    return seq, previous
