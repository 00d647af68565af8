"""A read that takes longer than 95 of 100 of its kind is sent a second time; the first good answer is taken.

Paid from a budget, so that a service that has become slow as a whole is not asked twice for everything.
"""

import asyncio
from collections import defaultdict, deque
from contextlib import suppress
from typing import Any

from clients.budgets import Budget
from clients.deadline import Clock
from clients.routes import Route, call_of
from clients.telemetry import HEDGES, HEDGES_WON
from clients.transport import AsyncBaseTransport, Request, Response, TransportError
from contracts.failures import Failure

SAMPLES = 200
"""Durations remembered of each route."""
SAMPLES_MIN = 50
"""Fewer say nothing about a 95th percentile."""
RECOUNT = 25
"""After how many new durations the percentile is computed again."""
AFTER_S_MIN = 0.005
"""No hedge sooner than this: below it the wait is the gateway's own."""


class Durations:
    """The latest durations of one route and their 95th percentile."""

    def __init__(self) -> None:
        self._latest: deque[float] = deque(maxlen=SAMPLES)
        self._new = 0
        self.p95_s: float | None = None
        """None until there are enough."""

    def add(self, seconds: float) -> None:
        """Take in one duration."""
        self._latest.append(seconds)
        self._new += 1
        if self._new >= RECOUNT and len(self._latest) >= SAMPLES_MIN:
            self._new = 0
            self.p95_s = sorted(self._latest)[int(len(self._latest) * 0.95)]


class Hedges(AsyncBaseTransport):
    """Hedges the reads of one service."""

    def __init__(self, inner: AsyncBaseTransport, name: str, *, budget: Budget, clock: Clock) -> None:
        self._inner = inner
        self._budget = budget
        self._clock = clock
        self._sent, self._won = HEDGES.labels(name), HEDGES_WON.labels(name)
        self._durations: defaultdict[Route[Any], Durations] = defaultdict(Durations)

    async def handle_async_request(self, request: Request) -> Response:
        """Send the request, and again when it is late. Raises what the first one raised when neither is answered."""
        route = call_of(request).route
        if route.method != "GET":
            return await self._inner.handle_async_request(request)
        self._budget.earn()
        durations = self._durations[route]
        started = self._clock()
        if durations.p95_s is None:
            response = await self._inner.handle_async_request(request)
        else:
            response = await self._race(request, max(AFTER_S_MIN, durations.p95_s))
        durations.add(self._clock() - started)
        return response

    async def _race(self, request: Request, after_s: float) -> Response:
        second = _Second(self, request)
        # An open-ended timeout is a way for the second to take the first one's place in this task.
        try:
            async with asyncio.timeout(None) as first:
                second.arm(after_s, first)
                response = await self._inner.handle_async_request(request)
            return response if response.status_code < 500 else await second.better_than(response)
        except TimeoutError:
            if second.response is None:
                raise
            self._won.inc()
            return second.response
        except (TransportError, Failure) as failure:
            if (response_of_second := await second.outcome()) is None:
                raise failure from None
            self._won.inc()
            return response_of_second
        finally:
            second.disarm()

    def _allows(self) -> bool:
        if not self._budget.spend():
            return False
        self._sent.inc()
        return True


class _Second:
    """The second sending of a read: nothing until its time has come."""

    def __init__(self, hedges: Hedges, request: Request) -> None:
        self._hedges = hedges
        self._request = request
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self.response: Response | None = None

    def arm(self, after_s: float, first: asyncio.Timeout) -> None:
        """Begin in `after_s` seconds, and cut `first` off when the answer is a good one."""
        self._timer = asyncio.get_running_loop().call_later(after_s, self._begin, first)

    def disarm(self) -> None:
        """Give up."""
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()

    async def outcome(self) -> Response | None:
        """Return the good answer of a sending that has begun; None when there is none."""
        if self._task is not None:
            await asyncio.wait([self._task])
        return self.response

    async def better_than(self, response: Response) -> Response:
        """Return the good answer of a sending that has begun, else the response given."""
        return await self.outcome() or response

    def _begin(self, first: asyncio.Timeout) -> None:
        if self._hedges._allows():  # noqa: SLF001 (one class in two halves)
            self._task = asyncio.create_task(self._run(first))

    async def _run(self, first: asyncio.Timeout) -> None:
        try:
            response = await self._hedges._inner.handle_async_request(self._request)  # noqa: SLF001 (the same)
        except (TransportError, Failure):
            return  # the first one goes on
        if response.status_code < 500:
            self.response = response
            with suppress(RuntimeError):  # the first one ended by itself in the meantime
                first.reschedule(asyncio.get_running_loop().time())
