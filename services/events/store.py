"""The event log's port, and its adapter on SQLite.

Promises (one suite in tests/contract runs on every adapter): offsets start at 1 and have no holes; a key is accepted
once, within a batch, across batches, restarts and concurrent producers; what `append_batch` returned is durable; `read`
answers whole entries in order, and nothing before it is durable.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

import structlog

from contracts.failures import Overloaded, Unavailable
from contracts.ingest import RecordVerdict, Verdict
from services.database import Database
from services.events.appending import Appending
from services.events.archived_log import ArchivedLog
from services.events.dead_letters import mark_replayed
from services.events.log_pages import TAIL_BYTES_MAX, LogPage, LogState, Segment, Tail, head_of, page_on_disk, state_of
from services.events.references import Known
from services.events.screening import Record, Refused
from services.events.times import canonical_moment
from services.isolating import SET_ASIDE_MAX, reason_of

_log = structlog.get_logger(__name__)


class EventLog(Protocol):
    """The append-only log of accepted events."""

    async def append_batch(
        self, records: Sequence[Record], first_index: int = 0, replays: int | None = None
    ) -> list[RecordVerdict]:
        """Append what is acceptable, keep what is not as dead letters, and return a verdict for each record.

        `replays` names the dead letter that a lone record is a replay of; it is marked in the same transaction.

        A record that the code fails at is refused alone, as `POISON`.

        Raises:
            Overloaded: too many batches wait; retry later.
            Unavailable: the store failed; may be retried, what is stored of this batch is then a duplicate.
        """

    async def read(self, after: int, limit: int) -> LogPage:
        """Read entries after an offset: at least one where there is one, at most `limit`."""

    async def last_offset(self) -> int:
        """Return the offset of the last entry, 0 when there is none."""

    async def state(self) -> LogState:
        """Return how far the log goes, and how much of it is on the disk."""

    def appended(self) -> asyncio.Event:
        """Return an event that is set at the next append: take it before reading, wait on it after."""


class SqliteEventLog:
    """`EventLog` in the event service's database, and in `archived` where entries were moved there from it."""

    def __init__(
        self,
        database: Database,
        clock: Callable[[], datetime],
        archived: ArchivedLog | None = None,
        *,
        tail_bytes_max: int = TAIL_BYTES_MAX,
    ) -> None:
        """Of its newest entries so many bytes are read from memory, where consumers that keep up find them."""
        self._database = database
        self._clock = clock
        self._archived = archived
        self._known = Known()
        self._tail = Tail(tail_bytes_max)
        self._head_written: int | None = None
        self._poison_in_a_row = 0
        self._appended = asyncio.Event()
        self._appends: set[asyncio.Task[list[RecordVerdict]]] = set()

    async def append_batch(
        self, records: Sequence[Record], first_index: int = 0, replays: int | None = None
    ) -> list[RecordVerdict]:
        """See `EventLog`. A caller that goes away does not stop the append, nor the waking of readers after it."""
        task = asyncio.create_task(self._append(records, first_index, replays))
        self._appends.add(task)
        task.add_done_callback(self._appends.discard)
        return await asyncio.shield(task)

    async def read(self, after: int, limit: int) -> LogPage:
        """See `EventLog`.

        Raises:
            Unavailable: also where entries were archived and the archive does not answer.
        """
        page = self._tail.page(after, limit)
        if page is None:
            page = await self._database.read(lambda connection: page_on_disk(connection, after, limit))
        if page is not None:
            return page
        if self._archived is None:
            raise Unavailable("An entry of the log is missing.", code="LOG_HOLE", detail=f"no entry {after + 1}")
        return await self._archived.page(after, limit)

    async def last_offset(self) -> int:
        """See `EventLog`."""
        return await self._database.read(head_of)

    async def state(self) -> LogState:
        """See `EventLog`."""
        return await self._database.read(state_of)

    def appended(self) -> asyncio.Event:
        """See `EventLog`."""
        return self._appended

    async def _append(self, records: Sequence[Record], first_index: int, replays: int | None) -> list[RecordVerdict]:
        def job(connection: sqlite3.Connection) -> tuple[list[RecordVerdict], Segment | None]:
            self._forget_what_was_undone(connection)
            appending = Appending(connection, self._known, canonical_moment(self._clock()))
            verdicts = appending.append(records, first_index)
            if replays is not None and verdicts[0].verdict in (Verdict.ACCEPTED, Verdict.DUPLICATE):
                mark_replayed(connection, replays, verdicts[0].offset or 0)
            self._head_written = head_of(connection)
            return verdicts, appending.segment

        try:
            verdicts, segment = await self._database.write(job)
        except (Unavailable, Overloaded):
            raise
        except Exception as error:  # noqa: BLE001 - one record must not hold up the others, whatever is wrong
            return await self._isolated(records, first_index, replays, error)
        self._poison_in_a_row = 0
        if segment is not None:
            self._tail.add(segment)
            self._appended.set()
            self._appended = asyncio.Event()
        return verdicts

    async def _isolated(
        self, records: Sequence[Record], first_index: int, replays: int | None, error: Exception
    ) -> list[RecordVerdict]:
        """Find the record that the code fails at by halving; it is refused, the others are appended in their order.

        When record after record fails it is the code that is broken: the error is raised, producers try again.
        """
        if len(records) > 1:
            middle = len(records) // 2
            before = await self._append(records[:middle], first_index, replays)
            return before + await self._append(records[middle:], first_index + middle, replays)
        if isinstance(records[0], Refused) or self._poison_in_a_row == SET_ASIDE_MAX:
            raise error
        in_a_row = self._poison_in_a_row + 1
        _log.error("poisonous record", reason=reason_of(error))
        poison = Refused(records[0].raw, "POISON", "The event could not be applied.")
        verdicts = await self._append([poison], first_index, None)
        self._poison_in_a_row = in_a_row
        return verdicts

    def _forget_what_was_undone(self, connection: sqlite3.Connection) -> None:
        # A transaction that was undone took the log's head back with it, and what memory learnt in it is not true.
        if self._head_written != head_of(connection):
            self._known.forget()
        self._head_written = None  # stays None if this job fails
