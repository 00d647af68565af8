"""Calls that may be repeated are sent again: after a pause with jitter, within their deadline and a budget.

What is sent again: no connection, a cut, a try that took too long, and the answers 502, 503, 504. A service that says
when to come back (Retry-After) is not asked before. What this gateway refuses itself (an open circuit, shedding) is not
tried again: it would refuse again.
"""

import asyncio
import random

from clients.budgets import Budget
from clients.routes import call_of
from clients.telemetry import RETRIES
from clients.transport import AsyncBaseTransport, Request, Response, TransportError

PAUSE_S = 0.05
"""Longest first pause; each further one may be twice as long."""
PAUSE_S_MAX = 0.5
AWAY = frozenset({502, 503, 504})


class Retries(AsyncBaseTransport):
    """Sends a repeatable call up to `tries_max` times in all."""

    def __init__(self, inner: AsyncBaseTransport, name: str, *, tries_max: int, budget: Budget) -> None:
        self._inner = inner
        self._tries_max = tries_max
        self._budget = budget
        self._counted = RETRIES.labels(name)

    async def handle_async_request(self, request: Request) -> Response:
        """Send the request until it is answered or no more tries are allowed. Raises what the last try raised."""
        self._budget.earn()
        tried = 0
        while True:
            tried += 1
            try:
                response = await self._inner.handle_async_request(request)
            except TransportError:
                if not await self._again(request, tried):
                    raise
                continue
            if response.status_code not in AWAY or "retry-after" in response.headers:
                return response
            if not await self._again(request, tried):
                return response

    async def _again(self, request: Request, tried: int) -> bool:
        """Say whether to try again, after the pause before it."""
        call = call_of(request)
        if not call.route.repeatable or tried >= self._tries_max:
            return False
        pause_s = random.uniform(0, min(PAUSE_S_MAX, PAUSE_S * 2 ** (tried - 1)))  # noqa: S311 (jitter, nothing secret)
        if call.deadline.remaining() <= pause_s or not self._budget.spend():
            return False
        self._counted.inc()
        await asyncio.sleep(pause_s)
        return True
