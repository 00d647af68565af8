"""How fast subscriptions begin: so many a second and at a time, in the order they came: no storm starves queries.

After a lost replica ten thousand phones come back at once, and each costs a handshake, a token, a document and a read
of the log. How many begin at a time is bounded too: a log that is slower than they come would otherwise have each wait
for it until its time is over, and come again for nothing. The line is bounded: whoever would wait too long is told to
come back.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from contracts.failures import Overloaded

BURST = 200
"""Subscriptions that may begin at once after a quiet moment."""
BEGINNING_MAX = 64
"""Subscriptions whose source is being started."""
WAIT_S_MAX = 20.0


class Admission:
    """Gives out turns."""

    def __init__(self, per_s: float, *, wait_s_max: float = WAIT_S_MAX) -> None:
        self._interval_s = 1.0 / per_s
        self._wait_s_max = wait_s_max
        self._next_at = 0.0
        self._room = asyncio.Semaphore(BEGINNING_MAX)

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        """Wait for one's turn, which lasts as long as the block.

        Raises:
            Overloaded: the line is longer than `WAIT_S_MAX`; may be retried after a while.
        """
        now = asyncio.get_running_loop().time()
        at = max(self._next_at, now - BURST * self._interval_s)
        if at - now > self._wait_s_max:
            raise self._overloaded()
        self._next_at = at + self._interval_s
        if at > now:
            await asyncio.sleep(at - now)
        if self._room.locked():
            try:
                async with asyncio.timeout_at(now + self._wait_s_max):
                    await self._room.acquire()
            except TimeoutError:
                raise self._overloaded() from None
        else:
            await self._room.acquire()
        try:
            yield
        finally:
            self._room.release()

    def _overloaded(self) -> Overloaded:
        return Overloaded("Too many subscriptions begin at once.", retry_after_s=self._wait_s_max)
