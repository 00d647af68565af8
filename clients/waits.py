"""A wait that ends at once: whoever waits goes on the moment it is over, not in some later turn of the event loop.

An asyncio future puts its waiter at the end of the loop's line. Where many answers come in together, all of them are
then decoded before the first is completed, and all completed before the first is sent: sixteen dashboards of objects
at a time, more than a processor's second cache holds. With these waits one answer is decoded, completed, encoded, sent
and freed before the next is looked at, in the memory that the one before has just left.

A wait is what asyncio calls a future-like object, which tasks know how to wait for. No task goes on within another
one: what ends while a task runs goes on right after that one where `end_at_once` let it run, else in the loop's next
turn.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Generator
from contextvars import Context
from threading import local
from typing import Any


class _Line(local):
    """Who goes on next in this thread; None while nobody here lets them."""

    due: "deque[Wait] | None" = None


_line = _Line()


class Wait:
    """One wait of one task of `loop`, which awaits it once. For the loop's own thread."""

    __slots__ = ("_asyncio_future_blocking", "_context", "_done", "_error", "_loop", "_wake")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._asyncio_future_blocking = False
        self._loop = loop
        self._done = False
        self._error: BaseException | None = None
        self._wake: Callable[[Any], object] | None = None
        self._context: Context

    def __await__(self) -> Generator[Any, None, None]:
        # An iterator does for a generator: the task throws what `result` raises right where it is awaited.
        if self._done:
            self.result()
        else:
            self._asyncio_future_blocking = True
        return iter(() if self._done else (self,))  # type: ignore[return-value]

    def done(self) -> bool:
        """Say whether it is over."""
        return self._done

    def end(self, error: BaseException | None = None) -> None:
        """End it, with the error where one is given; repeating it is harmless."""
        if self._done:
            return
        self._done, self._error = True, error
        if self._wake is None:
            return
        due = _line.due
        if due is None:
            self._go_on_soon()
        else:
            due.append(self)

    def end_at_once(self) -> None:
        """End it, and let its task and all whose waits end by that go on before this returns, up to their next waits.

        For callbacks of the loop: within a task it is as `end`.
        """
        if self._done or _line.due is not None or asyncio.current_task(self._loop) is not None:
            self.end()
            return
        due = _line.due = deque((self,))
        self._done = True
        try:
            while due:
                wait = due.popleft()
                if wait._wake is not None:  # noqa: SLF001 (its own kind)
                    wait._context.run(wait._wake, wait)  # noqa: SLF001 (the same)
        finally:
            _line.due = None
            for left in due:  # the loop is being ended by what one of them raised
                left._go_on_soon()  # noqa: SLF001 (the same)

    def cancel(self, msg: Any | None = None) -> bool:
        """End it as cancelled; say whether that was in time. Called by the task that waits."""
        if self._done:
            return False
        self._done = True
        self._error = asyncio.CancelledError() if msg is None else asyncio.CancelledError(msg)
        self._go_on_soon()
        return True

    def result(self) -> None:
        """Return when it is over.

        Raises:
            BaseException: what it ended with.
        """
        if self._error is not None:
            raise self._error

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """Return the loop of its task."""
        return self._loop

    def add_done_callback(self, wake: Callable[[Any], object], *, context: Context) -> None:
        """Take what wakes the task, which calls this."""
        self._wake, self._context = wake, context
        if self._done:
            self._go_on_soon()

    def _go_on_soon(self) -> None:
        if self._wake is not None:
            self._loop.call_soon(self._wake, self, context=self._context)
