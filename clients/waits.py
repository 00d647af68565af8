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
from collections.abc import Callable, Generator
from contextvars import Context
from typing import Any

import msgspec

_lines: "dict[asyncio.AbstractEventLoop, list[Wait]]" = {}
"""Who goes on, one after the other, in each loop that lets somebody go on right now."""


class Wait(msgspec.Struct, eq=False):
    """One wait of one task of `loop`, which awaits it once. For the loop's own thread."""

    _loop: asyncio.AbstractEventLoop
    """Where its task looks for it, as a future's."""
    _done: bool = False
    _error: BaseException | None = None
    _wake: Any = None
    """What wakes the task, and in which context; None while nobody waits."""
    _context: Context | None = None
    _asyncio_future_blocking: bool = False

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
        line = _lines.get(self._loop)
        if line is None:
            self._go_on_soon()
        else:
            line.append(self)

    def end_at_once(self) -> None:
        """End it, and let its task and all whose waits end by that go on before this returns, up to their next waits.

        For callbacks of the loop: within a task it is as `end`.
        """
        loop = self._loop
        if self._done or loop in _lines or asyncio.current_task(loop) is not None:
            self.end()
            return
        self._done = True
        line = _lines[loop] = [self]
        due = iter(line)  # those who join while it is walked, too
        try:
            for wait in due:
                if wait._context is not None:  # noqa: SLF001 (its own kind)
                    wait._context.run(wait._wake, wait)  # noqa: SLF001 (the same)
        finally:
            del _lines[loop]
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

    def add_done_callback(self, wake: Callable[[Any], object], *, context: Context) -> None:
        """Take what wakes the task, which calls this."""
        self._wake, self._context = wake, context
        if self._done:
            self._go_on_soon()

    def _go_on_soon(self) -> None:
        if self._wake is not None:
            self._loop.call_soon(self._wake, self, context=self._context)
