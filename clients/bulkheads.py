"""A bound on the calls under way to one service, so that a slow one cannot take what the others need.

Calls beyond the bound wait, the urgent ones first, as long as their deadlines allow; beyond as many waiting again, the
least urgent is refused.
"""

import asyncio
from heapq import heapify, heappop, heappush
from itertools import count

from clients.telemetry import CALLS_OPEN, SHED
from clients.transport import PreparedRequest
from contracts.failures import Shed, TimedOut

_Waiting = tuple[int, int, "asyncio.Future[None]"]


class Bulkhead:
    """Lets `calls_max` calls through at a time, and as many wait."""

    def __init__(self, name: str, *, calls_max: int) -> None:
        self._name = name
        self._free = calls_max
        self._calls_max = calls_max
        self._waiting: list[_Waiting] = []
        self._order = count()
        CALLS_OPEN.labels(name).set_function(lambda: calls_max - self._free)

    def enter(self) -> bool:
        """Take a place where there is one."""
        if self._free <= 0:
            return False
        self._free -= 1
        return True

    async def wait(self, request: PreparedRequest) -> None:
        """Wait for a place and take it.

        Raises:
            Shed: too many more urgent calls wait.
            TimedOut: the deadline passed while it waited.
        """
        if len(self._waiting) >= self._calls_max:
            self._make_room(request.route.priority)
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = (int(request.route.priority), next(self._order), place)
        heappush(self._waiting, waiting)
        try:
            async with asyncio.timeout(request.deadline.require()):
                await place
        except BaseException as error:
            if place.done() and not place.cancelled() and place.exception() is None:
                self.leave()  # room was made just as the caller left
            else:
                self._forget(waiting)
            if isinstance(error, TimeoutError):
                raise TimedOut(f"The {self._name} service did not answer in time.") from error
            raise

    def _make_room(self, priority: int) -> None:
        """Refuse the one who waits with least right, when it has less than the newcomer; else the newcomer."""
        last = max(self._waiting)
        SHED.labels(self._name, "bulkhead").inc()
        if last[0] <= priority:
            raise Shed(f"Too many calls wait for the {self._name} service.", retry_after_s=1)
        self._forget(last)
        if not last[2].done():
            last[2].set_exception(Shed(f"Too many calls wait for the {self._name} service.", retry_after_s=1))

    def _forget(self, waiting: _Waiting) -> None:
        if waiting in self._waiting:
            self._waiting.remove(waiting)
            heapify(self._waiting)

    def leave(self) -> None:
        """Give a place back, to the most urgent one who still waits."""
        while self._waiting:
            _, _, place = heappop(self._waiting)
            if not place.done():
                place.set_result(None)
                return
        self._free += 1
