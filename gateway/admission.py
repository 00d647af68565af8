"""How fast subscriptions begin: so many a second, in the order they came, so that a storm does not starve queries.

After a lost replica ten thousand phones come back at once, and each costs a handshake, a token, a document and a read
of the log. The line is bounded: whoever would wait too long is told to come back.
"""

import asyncio

from contracts.failures import Overloaded

BURST = 200
"""Subscriptions that may begin at once after a quiet moment."""
WAIT_S_MAX = 20.0


class Admission:
    """Gives out turns."""

    def __init__(self, per_s: float) -> None:
        self._interval_s = 1.0 / per_s
        self._next_at = 0.0

    async def turn(self) -> None:
        """Return when it is one's turn.

        Raises:
            Overloaded: the line is longer than `WAIT_S_MAX`; may be retried after a while.
        """
        now = asyncio.get_running_loop().time()
        at = max(self._next_at, now - BURST * self._interval_s)
        if at - now > WAIT_S_MAX:
            raise Overloaded("Too many subscriptions begin at once.", retry_after_s=WAIT_S_MAX)
        self._next_at = at + self._interval_s
        if at > now:
            await asyncio.sleep(at - now)
