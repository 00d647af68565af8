"""Keep the projection up with the event log: read a batch, apply it, tell who follows the changes; for ever.

A store that is full or busy is tried again with the same batch, and the log is not read meanwhile: nothing is skipped.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from datetime import datetime
from typing import Protocol

import structlog

from contracts.events import LogEntry
from contracts.failures import Overloaded, Unavailable
from services.accounts import metrics
from services.accounts.changes import Changes
from services.accounts.projection import Applied
from services.accounts.store import Projection
from services.accounts.times import utc_now

BACKOFF_S_MIN = 0.1
BACKOFF_S_MAX = 5.0

_log = structlog.get_logger(__name__)


class Log(Protocol):
    """What is followed: `services.log_reader.LogReader`, or any other source of entries in offset order."""

    @property
    def healthy(self) -> bool:
        """Whether the log was heard lately."""

    def batches(self, after: int) -> AsyncGenerator[list[LogEntry]]:
        """Yield the entries after an offset, without holes; an empty list when caught up."""


class Follower:
    """The one task that writes the projection."""

    def __init__(
        self, log: Log, projection: Projection, changes: Changes, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self._log = log
        self._projection = projection
        self._changes = changes
        self._clock = clock

    async def run(self) -> None:
        """Follow the log until cancelled."""
        offset = await self._projection.offset()
        self._changes.start_at(offset)
        metrics.APPLIED_OFFSET.set(offset)
        async with aclosing(self._log.batches(offset)) as batches:
            async for batch in batches:
                metrics.LAG_EVENTS.set(len(batch))
                if batch:
                    await self._apply(batch)
                    metrics.LAG_EVENTS.set(0)
                else:
                    metrics.LAG_SECONDS.set(0)

    async def _apply(self, batch: list[LogEntry]) -> None:
        applied = await self._applied(batch)
        self._changes.publish(applied.offset, applied.changes)
        metrics.APPLIED_OFFSET.set(applied.offset)
        metrics.EVENTS_APPLIED.inc(applied.count)
        accepted_at = datetime.fromisoformat(batch[-1].accepted_at)
        metrics.LAG_SECONDS.set(max(0.0, (self._clock() - accepted_at).total_seconds()))

    async def _applied(self, batch: list[LogEntry]) -> Applied:
        backoff_s = BACKOFF_S_MIN
        while True:
            try:
                return await self._projection.apply(batch)
            except (Overloaded, Unavailable) as failure:
                _log.error("projection waits", code=failure.reason, detail=failure.detail, after=batch[0].offset - 1)
            await asyncio.sleep(backoff_s * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, nothing secret
            backoff_s = min(backoff_s * 2, BACKOFF_S_MAX)
