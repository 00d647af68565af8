"""Calls that may be repeated are sent again: after a pause with jitter, within their deadline and a budget.

What is sent again: no connection, a cut, a try that took too long, and the answers 502, 503, 504. A service that says
when to come back (Retry-After) is not asked before. What this gateway refuses itself (an open circuit, shedding) is not
tried again: it would refuse again.
"""

import asyncio
import random

from clients.budgets import Budget
from clients.telemetry import RETRIES
from clients.transport import PreparedRequest, Response

PAUSE_S = 0.05
"""Longest first pause; each further one may be twice as long."""
PAUSE_S_MAX = 0.5
AWAY = frozenset({502, 503, 504})


class Retries:
    """Says whether a call is sent again: a repeatable one, up to `tries_max` times in all."""

    def __init__(self, name: str, *, tries_max: int, budget: Budget) -> None:
        self._tries_max = tries_max
        self._budget = budget
        self.begin = budget.earn
        """Counts a call, which earns a part of a retry."""
        self._counted = RETRIES.labels(name)

    @staticmethod
    def may_change(response: Response) -> bool:
        """Say whether another try could bring another answer than this one."""
        return response.status_code in AWAY and "retry-after" not in response.headers

    async def again(self, request: PreparedRequest, tried: int) -> bool:
        """Say whether to send it again after so many tries, after the pause before that."""
        if not request.route.repeatable or tried >= self._tries_max:
            return False
        pause_s = random.uniform(0, min(PAUSE_S_MAX, PAUSE_S * 2 ** (tried - 1)))  # noqa: S311 (jitter, nothing secret)
        if request.deadline.remaining() <= pause_s or not self._budget.spend():
            return False
        self._counted.inc()
        await asyncio.sleep(pause_s)
        return True
