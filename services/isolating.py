"""A batch that cannot be applied: whose fault is it, and what becomes of it?

    the store's (full, busy, away) ──▶ the same batch again, after a pause that grows, for as long as it takes
    an event's (the code fails at it) ──▶ halves, in order ──▶ … ──▶ that event alone ──▶ set aside, on with the next

So no event is skipped because a disk was full, and none stops those behind it. Where event after event fails, the code
is broken, or older than what it reads: then nothing more is set aside, and the consumer ends.
"""

import asyncio
import random
import traceback
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

import structlog
from prometheus_client import Counter

from contracts.events import LogEntry
from contracts.failures import Overloaded, Unavailable

T = TypeVar("T")
U = TypeVar("U")

BACKOFF_S_MIN = 0.1
BACKOFF_S_MAX = 5.0
HEALTHY_WITHIN_S = 10.0
"""A store that fails for longer is told by readiness."""
SET_ASIDE_MAX = 100
"""Events set aside one after the other, none applied in between, before the code is held to be broken."""

SET_ASIDE = Counter("belfry_events_set_aside", "Events that this consumer's code failed at: see its dead letters.")
_log = structlog.get_logger(__name__)


class CodeBroken(Exception):
    """Events fail one after the other: a bad deployment. They are not set aside, the log keeps them."""


class Patience:
    """Waits out a store that is full, busy or away, and knows for how long it has been."""

    def __init__(self) -> None:
        self._failing_since: float | None = None

    @property
    def healthy(self) -> bool:
        """Whether the store takes what it is given, or failed only just now."""
        return self._failing_since is None or _now() - self._failing_since < HEALTHY_WITHIN_S

    async def patiently(self, work: Callable[[], Awaitable[U]]) -> U:
        """Do something with the store, again and again while it is the store that fails."""
        backoff_s = BACKOFF_S_MIN
        while True:
            try:
                outcome = await work()
            except (Unavailable, Overloaded) as failure:
                _log.error("store away", code=failure.reason, detail=failure.detail, retry_in_s=round(backoff_s, 2))
                self._failing_since = self._failing_since or _now()
            else:
                self._failing_since = None
                return outcome
            await asyncio.sleep(backoff_s * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, nothing secret
            backoff_s = min(backoff_s * 2, BACKOFF_S_MAX)


class Isolating(Patience, Generic[T]):
    """Applies batches by `apply`, all or nothing each, and hands an event that fails alone to `set_aside`.

    Both commit the offset with what they do. `set_aside` is given the event and why.
    """

    def __init__(
        self, apply: Callable[[list[LogEntry]], Awaitable[T]], set_aside: Callable[[LogEntry, str], Awaitable[T]]
    ) -> None:
        super().__init__()
        self._apply = apply
        self._set_aside = set_aside
        self._in_a_row = 0

    async def apply(self, entries: list[LogEntry]) -> list[T]:
        """Apply consecutive entries, however long the store takes for it; return the outcome of each commit.

        Raises:
            CodeBroken: see there. Those before are applied or set aside.
        """
        try:
            outcome = await self.patiently(lambda: self._apply(entries))
        except Exception as error:  # noqa: BLE001 - one event must not stop those behind it, whatever is wrong with it
            return await self._isolated(entries, error)
        self._in_a_row = 0
        return [outcome]

    async def _isolated(self, entries: list[LogEntry], error: Exception) -> list[T]:
        if len(entries) > 1:
            middle = len(entries) // 2
            return [*await self.apply(entries[:middle]), *await self.apply(entries[middle:])]
        if self._in_a_row == SET_ASIDE_MAX:
            raise CodeBroken(f"{SET_ASIDE_MAX} events failed one after the other") from error
        (entry,), reason = entries, reason_of(error)
        _log.error("event set aside", offset=entry.offset, type=entry.event.type, reason=reason)
        outcome = await self.patiently(lambda: self._set_aside(entry, reason))
        self._in_a_row += 1
        SET_ASIDE.inc()
        return [outcome]


def reason_of(error: Exception) -> str:
    """Name an error and the place it comes from; its text is left out: it may quote what is nobody's business."""
    frames: Sequence[traceback.FrameSummary] = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/services/" in frame.filename or "/contracts/" in frame.filename]
    if not ours:
        return type(error).__name__
    folder, _, name = ours[-1].filename.rpartition("/")
    return f"{type(error).__name__} in {folder.rpartition('/')[2]}/{name}:{ours[-1].lineno}"


def _now() -> float:
    return asyncio.get_running_loop().time()
