"""Run a coroutine as far as it goes without waiting: most writes to a socket end there, and need no task.

Only for coroutines that do not ask which task runs them (no `asyncio.timeout`) before they first wait.
"""

from collections.abc import Awaitable, Coroutine, Generator
from typing import Any


class Rest(Awaitable[None]):
    """What is left of a coroutine that has begun: to be awaited once, in a task."""

    __slots__ = ("_coroutine", "_waits_for")

    def __init__(self, coroutine: Coroutine[Any, Any, None], waits_for: Any) -> None:
        self._coroutine = coroutine
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, None]:
        waits_for = self._waits_for
        try:
            while True:
                try:
                    got = yield waits_for
                except BaseException as error:  # noqa: BLE001 (a cancellation, too, is the coroutine's to handle)
                    waits_for = self._coroutine.throw(error)
                else:
                    waits_for = self._coroutine.send(got)
        except StopIteration:
            return


def begin(coroutine: Coroutine[Any, Any, None]) -> Rest | None:
    """Run a coroutine until it ends (None) or first waits; then the rest of it."""
    try:
        waits_for = coroutine.send(None)
    except StopIteration:
        return None
    return Rest(coroutine, waits_for)
