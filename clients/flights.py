"""Reads in flight: who asks for what is already being asked for waits for that answer.

One of these belongs to one request of one customer, so nothing is ever shared between identities; and only reads that
overlap are shared, so nothing is older than its question. Whoever asks first does the work in their own task; when they
are cancelled, the next one who waits starts over.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class _Abandoned(Exception):
    """The one who read was cancelled."""


class Flights:
    """The reads of one request that are under way, by what is read."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: dict[object, list[asyncio.Future[Any]]] = {}

    async def share(self, key: object, read: Callable[[*Ts], Awaitable[T]], *args: *Ts) -> T:
        """Return what `read` answers, or what the same read that is already under way does."""
        while (waiting := self._waiting.get(key)) is not None:
            future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
            waiting.append(future)
            try:
                return await future
            except _Abandoned:
                continue
        mine = self._waiting[key] = []
        try:
            answer = await read(*args)
        except asyncio.CancelledError:
            _land(mine, _Abandoned())
            raise
        except Exception as failure:
            _land(mine, failure)
            raise
        finally:
            if self._waiting.get(key) is mine:
                del self._waiting[key]
        for future in mine:
            if not future.done():
                future.set_result(answer)
        return answer

    def part(self) -> None:
        """Let no later read join one that is under way: something was changed in between."""
        self._waiting = {}


def _land(waiting: list[asyncio.Future[Any]], failure: Exception) -> None:
    for future in waiting:
        if not future.done():
            future.set_exception(failure)
