"""Follow the event log for ever: each batch is applied and committed together with its offset, or not at all.

A crash, a repeat or another cut into batches changes nothing: the offset says what is applied, and alerts have ids made
from what they are about. A batch is committed as it comes, never waited for to fill.
"""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from datetime import datetime
from typing import Protocol, TypeVar

import structlog

from contracts.events import LogEntry
from contracts.failures import Overloaded, Unavailable
from services.analytics import metrics
from services.analytics.applying import apply_batch
from services.analytics.closing import close_quiet, watched_accounts
from services.analytics.handoffs import Bounds
from services.analytics.instants import micros_at
from services.analytics.memory import Memory
from services.analytics.outcomes import Outcome
from services.analytics.restored_alerts import expired_before
from services.analytics.rule_book import count_change
from services.analytics.signals import Signal
from services.analytics.tables import DECIDED
from services.analytics.workspace import applied_offset, keep_offset
from services.database import Database
from services.decisions_ahead import Ahead
from services.followed import keep_mark, mark_at
from services.isolating import Isolating, reason_of
from services.set_aside import keep_letter, mark_replayed

T = TypeVar("T")

_log = structlog.get_logger(__name__)


class ReadFacts(Protocol):
    """How facts are read: see `Consumer.read_facts`."""

    async def __call__(self, query: Callable[[sqlite3.Connection], T], /) -> T: ...


class Reader(Protocol):
    """Where batches come from: `[]` means caught up and quiet."""

    def batches(self, after: int, mark: str = "") -> AsyncGenerator[list[LogEntry]]: ...


class Consumer:
    """The one consumer of the log in this service; nobody else writes facts, states and new alerts."""

    def __init__(
        self,
        database: Database,
        lateness_s: int,
        clock: Callable[[], datetime],
        appended: Signal,
        bounds: Bounds | None = None,
    ) -> None:
        self._database = database
        self._lateness_s = lateness_s
        self._clock = clock
        self._appended = appended
        self._memory = Memory(bounds)
        self._facts_wait = True  # as of the last commit: what a batch under way writes is not in the table yet
        self._turn = asyncio.Lock()  # one job at a time has the memory, until it is known whether it was undone
        self._isolating = Isolating(self.apply, self._set_aside)
        self._ahead = Ahead(database, DECIDED, count_change)
        self._unclosable: set[str] = set()
        metrics.watch(self._memory)
        self.offset = 0
        self.lag_ms = 0

    @property
    def healthy(self) -> bool:
        """Whether the store takes what is applied, or failed only just now."""
        return self._isolating.healthy

    async def run(self, reader: Reader) -> None:
        """Apply what the reader yields, from where the store stands; goes on after failures of the store.

        Raises:
            CodeBroken: events fail one after the other.
        """
        patiently = self._isolating.patiently
        self.offset = await patiently(lambda: self._database.read(applied_offset))
        self._memory.expired_before = await patiently(lambda: self._database.read(expired_before))
        await patiently(lambda: self._close([], 0))  # what a crash left in the journal
        mark = await patiently(lambda: self._database.read(lambda connection: mark_at(connection, self.offset)))
        async with aclosing(reader.batches(self.offset, mark)) as batches:
            async for batch in batches:
                async for piece in self._ahead.in_turn(batch):
                    await (self._isolating.apply(piece) if piece else patiently(self._tick))

    async def apply(self, entries: list[LogEntry]) -> None:
        """Apply entries right after the applied offset; those applied already are left out.

        Raises:
            Unavailable, Overloaded: nothing of it is stored; may be retried.
            Exception: the code fails at one of them; nothing of it is stored.
        """

        def job(connection: sqlite3.Connection) -> Outcome:
            applied = applied_offset(connection)
            fresh = [entry for entry in entries if entry.offset > applied]
            if not fresh:
                return Outcome(0, {}, 0, 0, offset=applied)
            outcome = apply_batch(connection, self._memory, fresh, self._lateness_s)
            keep_offset(connection, outcome.offset)
            keep_mark(connection, fresh[-1])
            return outcome

        outcome = await self._commit(job)
        self.offset = outcome.offset
        self.lag_ms = max(0, micros_at(self._clock()) - outcome.accepted_us) // 1000
        metrics.OFFSET.set(self.offset)
        metrics.LAG.set(self.lag_ms / 1000)

    async def replay(self, entry: LogEntry) -> None:
        """Apply an event that was set aside, and mark its letter; the offset stays.

        Raises:
            Unavailable, Overloaded: nothing of it is stored; may be retried.
            Exception: the code fails at it still.
        """

        def job(connection: sqlite3.Connection) -> Outcome:
            outcome = apply_batch(connection, self._memory, [entry], self._lateness_s)
            mark_replayed(connection, entry.offset)
            return outcome

        await self._commit(job)

    async def _set_aside(self, entry: LogEntry, reason: str) -> None:
        def job(connection: sqlite3.Connection) -> Outcome:
            keep_letter(connection, entry, reason)
            keep_offset(connection, entry.offset)
            keep_mark(connection, entry)
            return Outcome(0, {}, 0, 0, offset=entry.offset)

        self.offset = (await self._commit(job)).offset

    async def _tick(self) -> None:
        account_ids = await self._database.read(watched_accounts)
        account_ids = [one for one in account_ids if one not in self._unclosable]
        if account_ids or self._memory.journal.has_rows:
            await self._close(account_ids, micros_at(self._clock()))

    async def _close(self, account_ids: list[str], now_us: int) -> None:
        """Close what the clock closes. An account the code fails at is left to its next event."""
        try:
            await self._commit(lambda c: close_quiet(c, self._memory, account_ids, now_us, self._lateness_s))
        except (Unavailable, Overloaded):
            raise
        except Exception as error:
            if not account_ids:
                raise
            if len(account_ids) == 1:
                _log.error("account not closed", reason=reason_of(error))
                self._unclosable.update(account_ids)
                return
            middle = len(account_ids) // 2
            await self._close(account_ids[:middle], now_us)
            await self._close(account_ids[middle:], now_us)

    async def read_facts(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """Read what facts say as of every event applied: those that wait for their table are written first.

        Raises:
            Unavailable, Overloaded: may be retried.
        """
        if self._facts_wait:
            await asyncio.shield(asyncio.create_task(self._settle()))  # who asked may leave: memory must stay whole
        return await self._database.read(query)

    async def _settle(self) -> None:
        async with self._turn:
            if self._facts_wait:
                await self._write(self._memory.settle_facts)

    async def _commit(self, job: Callable[[sqlite3.Connection], Outcome]) -> Outcome:
        async with self._turn:
            outcome = await self._write(job)
        metrics.count(outcome)
        if outcome.raised:
            self._appended.wake()
        return outcome

    async def _write(self, job: Callable[[sqlite3.Connection], T]) -> T:
        try:
            outcome = await self._database.write(job)
        except Exception:
            self._memory.forget()  # the transaction was undone: what memory learnt in it is not true
            raise
        self._facts_wait = self._memory.facts.waiting
        return outcome
