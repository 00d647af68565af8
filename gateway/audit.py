"""The audit log of one process: records in line for the disk, written batch by batch, each batch with one fsync.

`record` returns when the record is durable; `note` only puts it in line. What goes wrong on disk is told to everyone
who waits, and until a batch has been written again `failing` is true.
"""

import asyncio
from pathlib import Path

import structlog
from prometheus_client import Counter

from contracts.audit import AuditRecord
from contracts.failures import Overloaded, Unavailable
from gateway.audit_files import SEGMENT_BYTES_MAX, AuditChain, BrokenChain

QUEUE_MAX = 4_096
"""Records waiting for the disk."""

WRITTEN = Counter("belfry_gateway_audit_records", "Audit records written, by kind.", ["kind"])

_log = structlog.get_logger(__name__)


class AuditLog:
    """Appends records to a chain of the folder. Construct is free; the chain is taken with the first record."""

    def __init__(self, folder: Path, *, segment_bytes: int = SEGMENT_BYTES_MAX) -> None:
        self._chain = AuditChain(folder, segment_bytes=segment_bytes)
        self._waiting: list[tuple[AuditRecord, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None
        self.failing = False

    @property
    def full(self) -> bool:
        """Whether one more record would be refused."""
        return len(self._waiting) >= QUEUE_MAX

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
        if self.full:
            raise Overloaded("Too much is going on.", code="AUDIT_OVERLOADED", retry_after_s=1.0)
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        written.add_done_callback(lambda done: done.cancelled() or done.exception())  # seen, also when nobody waits
        self._waiting.append((record, written))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_waiting())
        return written

    async def close(self) -> None:
        """Return once nothing waits any more, and give the chain free."""
        if self._writing is not None:
            await asyncio.wait([self._writing])
        self._chain.close()

    async def _write_waiting(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            await self._write(batch)

    async def _write(self, batch: list[tuple[AuditRecord, asyncio.Future[None]]]) -> None:
        failure: Unavailable | None = None
        try:
            await asyncio.to_thread(self._chain.append, [record for record, _ in batch])
        except (OSError, BrokenChain) as error:
            _log.error("audit record not written", error=str(error), records=len(batch))
            failure = Unavailable("The gateway cannot do this now.", code="AUDIT_FAILED")
        self.failing = failure is not None
        for record, written in batch:
            if failure is None:
                WRITTEN.labels(record.kind.value).inc()
            if written.done():
                continue  # whoever waited has left
            if failure is None:
                written.set_result(None)
            else:
                written.set_exception(failure)
