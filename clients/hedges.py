"""A read that takes longer than 95 of 100 of its kind is sent a second time; the first good answer is taken.

Paid from a budget, so that a service that has become slow as a whole is not asked twice for everything.
"""

import asyncio
from collections import defaultdict, deque
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
TICK_S = 0.01
"""How often it is looked who is late, with one timer for all: one each costs more than everything else here."""


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
        self._expected: dict[_Second, float] = {}
        """When each read that is under way becomes late."""
        self._ticking = False

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
            response = await self._race(request, started + max(AFTER_S_MIN, durations.p95_s))
        durations.add(self._clock() - started)
        return response

    async def _race(self, request: Request, late_at: float) -> Response:
        second = _Second(self._inner, request)
        self._expect(second, late_at)
        try:
            response = await self._inner.handle_async_request(request)
            return response if response.status_code < 500 else await second.outcome() or response
        except asyncio.CancelledError:
            return self._won_by(second.taken())
        except (TransportError, Failure) as failure:
            if (response_of_second := await second.outcome()) is None:
                raise failure from None
            return self._won_by(response_of_second)
        finally:
            self._expected.pop(second, None)
            second.give_up()

    def _expect(self, second: "_Second", late_at: float) -> None:
        self._expected[second] = late_at
        if not self._ticking:
            self._ticking = True
            asyncio.get_running_loop().call_later(TICK_S, self._tick)

    def _tick(self) -> None:
        now = self._clock()
        for second in [second for second, late_at in self._expected.items() if late_at <= now]:
            del self._expected[second]
            if self._allows():
                second.begin()
        self._ticking = bool(self._expected)
        if self._ticking:
            asyncio.get_running_loop().call_later(TICK_S, self._tick)

    def _won_by(self, response: Response) -> Response:
        self._won.inc()
        return response

    def _allows(self) -> bool:
        if not self._budget.spend():
            return False
        self._sent.inc()
        return True


class _Second:
    """The second sending of a read: nothing until its time has come.

    A good answer of it ends the first sending by cancelling its task, as a timeout would, and never swallows a
    cancellation that came from elsewhere.
    """

    def __init__(self, inner: AsyncBaseTransport, request: Request) -> None:
        self._inner = inner
        self._request = request
        self._task: asyncio.Task[None] | None = None
        self._first: asyncio.Task[Any] | None = asyncio.current_task()
        self._cancelling = self._first.cancelling() if self._first is not None else 0
        self._cut = False
        self._response: Response | None = None

    def begin(self) -> None:
        """Send it."""
        self._task = asyncio.create_task(self._run())

    def give_up(self) -> None:
        """Do not wait for it any longer."""
        if self._task is not None:
            self._task.cancel()

    def taken(self) -> Response:
        """Return the answer that ended the first sending; to be called while handling its cancellation.

        Raises:
            CancelledError: it was cancelled by somebody else, too.
        """
        if not self._cut or self._first is None or self._response is None:
            raise  # noqa: PLE0704 (what is being handled)
        if self._first.uncancel() > self._cancelling:
            raise  # noqa: PLE0704 (the same)
        return self._response

    async def outcome(self) -> Response | None:
        """Wait for a sending that has begun and return its good answer; None when there is none."""
        self._first = None
        if self._task is not None:
            await asyncio.wait([self._task])
        return self._response

    async def _run(self) -> None:
        try:
            response = await self._inner.handle_async_request(self._request)
        except (TransportError, Failure):
            return  # the first one goes on
        if response.status_code < 500:
            self._response = response
            if self._first is not None:
                self._cut = True
                self._first.cancel()
