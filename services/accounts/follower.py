"""Keep the projection up with the event log: read a batch, apply it, tell who follows the changes; for ever.

A store that is full or busy is tried again with the same batch, and the log is not read meanwhile: nothing is skipped.
An event the projection fails at becomes a dead letter alone (`services/isolating.py`).
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from datetime import datetime
from typing import Protocol

from contracts.events import LogEntry
from services.accounts import metrics
from services.accounts.changes import Changes
from services.accounts.store import Projection
from services.accounts.times import utc_now
from services.isolating import Isolating


class Log(Protocol):
    """What is followed: `services.log_reader.LogReader`, or any other source of entries in offset order."""

    @property
    def healthy(self) -> bool:
        """Whether the log was heard lately."""

    def batches(self, after: int, mark: str = "") -> AsyncGenerator[list[LogEntry]]:
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
        self._isolating = Isolating(projection.apply, projection.set_aside)

    @property
    def healthy(self) -> bool:
        """Whether the store takes what is applied, or failed only just now."""
        return self._isolating.healthy

    async def run(self) -> None:
        """Follow the log until cancelled.

        Raises:
            CodeBroken: events fail one after the other.
        """
        offset = await self._isolating.patiently(self._projection.offset)
        self._changes.start_at(offset)
        metrics.APPLIED_OFFSET.set(offset)
        mark = await self._isolating.patiently(self._projection.mark)
        async with aclosing(self._log.batches(offset, mark)) as batches:
            async for batch in batches:
                metrics.LAG_EVENTS.set(len(batch))
                async for piece in self._projection.in_turn(batch):
                    await self._apply(piece)
                metrics.LAG_EVENTS.set(0)

    async def _apply(self, batch: list[LogEntry]) -> None:
        if not batch:
            metrics.LAG_SECONDS.set(0)
            return
        for applied in await self._isolating.apply(batch):
            self._changes.publish(applied.offset, applied.changes)
            metrics.APPLIED_OFFSET.set(applied.offset)
            metrics.EVENTS_APPLIED.inc(applied.count)
        accepted_at = datetime.fromisoformat(batch[-1].accepted_at)
        metrics.LAG_SECONDS.set(max(0.0, (self._clock() - accepted_at).total_seconds()))
