"""A read that takes longer than 95 of 100 of its kind is sent a second time; the first good answer is taken.

Paid from a budget, so that a service that has become slow as a whole is not asked twice for everything.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from clients.budgets import Budget
from clients.deadline import Clock
from clients.routes import Route
from clients.telemetry import HEDGES, HEDGES_WON
from clients.transport import Answer, PreparedRequest, TransportError
from contracts.failures import Failure

Send = Callable[[PreparedRequest], Awaitable[Answer]]

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
    """The latest durations of one route, and after which one is late."""

    def __init__(self) -> None:
        self._latest: deque[float] = deque(maxlen=SAMPLES)
        self._new = 0
        self.late_after_s: float | None = None
        """Their 95th percentile, `AFTER_S_MIN` at least; None until there are enough."""

    def add(self, seconds: float) -> None:
        """Take in one duration."""
        self._latest.append(seconds)
        self._new += 1
        if self._new >= RECOUNT and len(self._latest) >= SAMPLES_MIN:
            self._new = 0
            self.late_after_s = max(AFTER_S_MIN, sorted(self._latest)[int(len(self._latest) * 0.95)])


class Hedges:
    """Hedges the reads of one service."""

    def __init__(self, name: str, *, budget: Budget, clock: Clock) -> None:
        self._budget = budget
        self._clock = clock
        self._sent, self._won = HEDGES.labels(name), HEDGES_WON.labels(name)
        self._durations: defaultdict[Route[Any], Durations] = defaultdict(Durations)
        self._expected: dict[_Second, float] = {}
        """When each read that is under way becomes late."""
        self._ticking = False

    async def send(self, request: PreparedRequest, send: Send) -> Answer:
        """Send a request, and again when it is late. Raises what the first one raised when neither is answered."""
        route = request.route
        if route.method != "GET":
            return await send(request)
        self._budget.earn()
        durations, started = self._durations[route], self._clock()
        second = None
        if durations.late_after_s is not None:
            second = _Second(send, request, asyncio.current_task())
            self._expected[second] = started + durations.late_after_s
            if not self._ticking:
                self._begin_ticking()
        try:
            response = await send(request)
            if second is not None and response.status_code >= 500:
                response = await second.outcome() or response
        except asyncio.CancelledError:
            if second is None:
                raise
            response = self._won_by(second.taken())
        except (TransportError, Failure):
            if second is None or (answered := await second.outcome()) is None:
                raise
            response = self._won_by(answered)
        finally:
            if second is not None and self._expected.pop(second, None) is None:
                second.give_up()
        durations.add(self._clock() - started)
        return response

    def _begin_ticking(self) -> None:
        self._ticking = True
        asyncio.get_running_loop().call_later(TICK_S, self._tick)

    def _tick(self) -> None:
        now = self._clock()
        for second in [second for second, late_at in self._expected.items() if late_at <= now]:
            del self._expected[second]
            if self._allows():
                second.begin()
        self._ticking = False
        if self._expected:
            self._begin_ticking()

    def _won_by(self, response: Answer) -> Answer:
        self._won.inc()
        return response

    def _allows(self) -> bool:
        if not self._budget.spend():
            return False
        self._sent.inc()
        return True


class _Second(msgspec.Struct, eq=False):
    """The second sending of a read: nothing until its time has come.

    A good answer of it ends the first sending by cancelling its task, as a timeout would, and never swallows a
    cancellation that came from elsewhere.
    """

    send: Send
    request: PreparedRequest
    first: asyncio.Task[Any] | None
    """The task of the first sending, for as long as it may be cancelled."""
    cancelling: int = 0
    """How often that was cancelled by others before this began."""
    task: asyncio.Task[None] | None = None
    cut: bool = False
    """Whether it ended the first sending."""
    response: Answer | None = None

    def begin(self) -> None:
        """Send it."""
        if self.first is not None:
            self.cancelling = self.first.cancelling()
        self.task = asyncio.create_task(self._run())

    def give_up(self) -> None:
        """Do not wait for it any longer."""
        if self.task is not None:
            self.task.cancel()

    def taken(self) -> Answer:
        """Return the answer that ended the first sending; to be called while handling its cancellation.

        Raises:
            CancelledError: it was cancelled by somebody else, too.
        """
        if not self.cut or self.first is None or self.response is None:
            raise  # noqa: PLE0704 (what is being handled)
        if self.first.uncancel() > self.cancelling:
            raise  # noqa: PLE0704 (the same)
        return self.response

    async def outcome(self) -> Answer | None:
        """Wait for a sending that has begun and return its good answer; None when there is none."""
        self.first = None
        if self.task is not None:
            await asyncio.wait([self.task])
        return self.response

    async def _run(self) -> None:
        try:
            response = await self.send(self.request)
        except (TransportError, Failure):
            return  # the first one goes on
        if response.status_code < 500:
            self.response = response
            if self.first is not None:
                self.cut = True
                self.first.cancel()
