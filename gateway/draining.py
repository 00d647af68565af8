"""What is open. Stopping without a storm: it is closed bit by bit, each told when to come back and where it was.

    socket   close 1012, its reason a JSON object: {"reconnectAfterMs": …, "cursor": …}
    events   `retry: <ms>` and `id: <cursor>`, then the end: an EventSource comes back by itself, and goes on there
    parts    `{"payload": null, "errors": […]}` with code DRAINING, `retryAfter` and `cursor`

A cursor is told only where nothing was on its way to the client; otherwise the client's own last one holds. The delays
are drawn at random, so that phones come back spread out, at no more than `RETURNS_PER_S` on average.
"""

import asyncio
import random
from typing import NamedTuple, Protocol

import structlog

from contracts.failures import Unavailable

CLOSINGS_PER_S_MIN = 200
"""A gateway with few streams does not take the whole window."""
TICK_S = 0.05
RECONSIDERED_AT_ONCE = 100
RETURNS_PER_S = 1_000
RETURN_MS_MIN = 250
RETURN_MS_MAX = 30_000

_log = structlog.get_logger(__name__)


class Farewell(NamedTuple):
    """What a client is told."""

    reconnect_after_ms: int
    cursor: str | None


class Open(Protocol):
    """A socket or stream that is open."""

    def reconsider(self) -> None:
        """End what its caller may run no more, with an error that says why; does not wait for the client."""
        ...

    def drain(self, reconnect_after_ms: int) -> None:
        """Say farewell and close; does not wait for the client."""
        ...


class Draining:
    """What is open, and whether it is being closed."""

    def __init__(self) -> None:
        self._open: dict[Open, None] = {}
        self.begun = False

    def __len__(self) -> int:
        return len(self._open)

    def enter(self, one: Open) -> None:
        """Note what is open."""
        self._open[one] = None

    def leave(self, one: Open) -> None:
        """Note that it is closed; repeating it is harmless."""
        self._open.pop(one, None)

    def demand_open(self) -> None:
        """Refuse what would begin only to be closed.

        Raises:
            Unavailable: this gateway is stopping; another takes it at once.
        """
        if self.begun:
            raise Unavailable("This gateway is stopping.", code="DRAINING", retry_after_s=RETURN_MS_MIN / 1000)

    async def reconsider(self) -> None:
        """End whatever may run no more, after what may be run has changed; the rest goes on."""
        for number, one in enumerate(list(self._open)):
            one.reconsider()
            if number % RECONSIDERED_AT_ONCE == 0:
                await asyncio.sleep(0)  # requests need not wait for all of them

    async def run(self, window_s: float) -> None:
        """Close what is open within about `window_s`, oldest first."""
        self.begun = True
        waiting = list(self._open)
        if not waiting:
            return
        _log.info("draining", open=len(waiting), window_s=window_s)
        spread_ms = min(RETURN_MS_MAX, max(RETURN_MS_MIN, len(waiting) * 1000 // RETURNS_PER_S))
        per_tick = max(1, round(max(CLOSINGS_PER_S_MIN, len(waiting) / max(window_s, TICK_S)) * TICK_S))
        for start in range(0, len(waiting), per_tick):
            for one in waiting[start : start + per_tick]:
                if one in self._open:
                    one.drain(RETURN_MS_MIN + random.randrange(spread_ms))  # noqa: S311 - jitter, nothing secret
            await asyncio.sleep(TICK_S)
