"""asyncio's Event, Queue and deque as ten thousand idle connections can afford them: a deque takes 760 bytes, empty.

For the loop's own thread; what is bounded is bounded by whoever fills them.
"""

import asyncio
from typing import Any


class Gate:
    """An `asyncio.Event` whose waiters wait until they see it open; closed at first."""

    __slots__ = ("_open", "_waiting")

    def __init__(self, *, is_open: bool = False) -> None:
        self._open = is_open
        self._waiting: list[asyncio.Future[None]] = []

    def is_set(self) -> bool:
        """Say whether it is open."""
        return self._open

    def set(self) -> None:
        """Open it for all who wait."""
        self._open = True
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            if not one.done():
                one.set_result(None)

    def clear(self) -> None:
        """Close it."""
        self._open = False

    async def wait(self) -> None:
        """Return once it is open."""
        while not self._open:
            opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(opened)
            await opened


class Inbox:
    """An `asyncio.Queue` for one reader; the connection that fills it is not read from while something is in it."""

    __slots__ = ("_filled", "_messages")

    def __init__(self) -> None:
        self._messages: list[Any] = []
        self._filled = Gate()

    def put_nowait(self, message: Any) -> None:
        """Add a message."""
        self._messages.append(message)
        self._filled.set()

    def empty(self) -> bool:
        """Say whether there is none."""
        return not self._messages

    async def get(self) -> Any:
        """Return the oldest message, once there is one."""
        await self._filled.wait()
        message = self._messages.pop(0)
        if not self._messages:
            self._filled.clear()
        return message


class Line(list[Any]):
    """A deque of the few requests that wait on one connection: filled on the left, taken from the right."""

    __slots__ = ()

    def appendleft(self, one: Any) -> None:
        """Let one wait behind all others."""
        self.insert(0, one)
