"""The audit log of one process: records in line for the disk, written batch by batch, each batch with one fsync.

`record` returns when the record is durable; `note` only puts it in line; `show` gathers the alerts that answers and
streams carry, many in one record. What goes wrong on disk is told to everyone who waits, and until a batch has been
written again `failing` is true. What was shown is never given up: it is tried again, and while it waits `holding` keeps
anything further from being shown.
"""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import structlog
from prometheus_client import Counter

from contracts.audit import AuditKind, AuditRecord, Showing
from contracts.failures import Overloaded, Unavailable
from gateway.audit_files import SEGMENT_BYTES_MAX, AuditChain, BrokenChain

QUEUE_MAX = 4_096
"""Records waiting for the disk."""
SHOWN_MAX = 20_000
"""Showings waiting for the disk; beyond it nothing more is shown."""
SUBJECTS_PER_RECORD = 500
"""Alerts that one record of showings is closed at, so that its line stays far below what is read of a segment's end."""
RETRY_S = 0.25
GATHER_S = 0.01
"""Between two writes of showings alone, so that a burst costs a few syncs of the disk and not hundreds."""

WRITTEN = Counter("belfry_gateway_audit_records", "Audit records written, by kind.", ["kind"])
LOST = Counter("belfry_gateway_audit_lost", "Showings a stopping gateway could not write.")

_log = structlog.get_logger(__name__)


class AuditLog:
    """Appends records to a chain of the folder. Construct is free; the chain is taken with the first record."""

    def __init__(self, folder: Path, *, segment_bytes: int = SEGMENT_BYTES_MAX) -> None:
        self._chain = AuditChain(folder, segment_bytes=segment_bytes)
        self._waiting: list[tuple[AuditRecord, asyncio.Future[None]]] = []
        self._shown: list[Showing] = []
        self._writing: asyncio.Task[None] | None = None
        self._settled = asyncio.Event()
        self._try_again = asyncio.Event()
        self._closing = False
        self.failing = False
        self.holding = False
        """Whether no more alerts may be shown before `settled`; a plain value, as each alert of each phone asks."""

    @property
    def full(self) -> bool:
        """Whether one more record would be refused."""
        return len(self._waiting) >= QUEUE_MAX

    async def settled(self) -> None:
        """Return once more may be shown."""
        while self.holding:
            self._settled.clear()
            await self._settled.wait()

    def show(self, showing: Showing) -> None:
        """Gather what is shown now; it is on disk within milliseconds, or nothing further is shown."""
        self._shown.append(showing)
        if len(self._shown) >= SHOWN_MAX:
            self.holding = True
        if self._writing is None:
            self._write_on()

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
        self._try_again.set()
        self._write_on()
        return written

    async def close(self) -> None:
        """Return once nothing waits any more, and give the chain free."""
        self._closing = True
        self._try_again.set()
        if self._writing is not None:
            await asyncio.wait([self._writing])
        self._chain.close()

    def _write_on(self) -> None:
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_waiting())

    async def _write_waiting(self) -> None:
        try:
            while self._waiting or self._shown or self.failing:  # a disk that failed is tried until it is back
                waiting, self._waiting = self._waiting, []
                shown, self._shown = self._shown, []
                if await self._write(waiting, shown):
                    if self._shown:
                        await self._pause(GATHER_S)
                elif await self._gives_up(shown):
                    return
        finally:
            self._writing = None

    async def _gives_up(self, shown: list[Showing]) -> bool:
        """Keep what was shown for the next try, after a while; when the gateway stops there is none."""
        if self._closing:
            LOST.inc(len(shown))
            return not self._waiting
        self._shown[:0] = shown
        await self._pause(RETRY_S)
        return False

    async def _pause(self, most_s: float) -> None:
        """Wait a while, but no longer than until somebody waits for a record."""
        self._try_again.clear()
        if not self._waiting and not self._closing:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._try_again.wait(), most_s)

    async def _write(self, waiting: list[tuple[AuditRecord, asyncio.Future[None]]], shown: list[Showing]) -> bool:
        failure: Unavailable | None = None
        records = [record for record, _ in waiting]
        try:
            await asyncio.to_thread(self._chain.append, [*records, *_gathered(shown)])
        except (OSError, BrokenChain) as error:
            if waiting or not self.failing:  # not for every try of a disk that is known to fail
                _log.error("audit record not written", error=str(error), records=len(waiting), showings=len(shown))
            failure = Unavailable("The gateway cannot do this now.", code="AUDIT_FAILED")
        self.failing = failure is not None
        self.holding = self.failing or len(self._shown) >= SHOWN_MAX
        if failure is None:
            self._settled.set()
            if shown:
                WRITTEN.labels(AuditKind.ALERT_SHOWN.value).inc()
        for record, written in waiting:
            if failure is None:
                WRITTEN.labels(record.kind.value).inc()
            if written.done():
                continue  # whoever waited has left
            if failure is None:
                written.set_result(None)
            else:
                written.set_exception(failure)
        return failure is None


def _gathered(shown: list[Showing]) -> Iterator[AuditRecord]:
    """Yield records that hold the showings, in their order."""
    start = subjects = 0
    for end, showing in enumerate(shown, start=1):
        subjects += len(showing.subjects)
        if subjects >= SUBJECTS_PER_RECORD or end == len(shown):
            yield AuditRecord(kind=AuditKind.ALERT_SHOWN, outcome="DONE", shown=shown[start:end])
            start, subjects = end, 0
