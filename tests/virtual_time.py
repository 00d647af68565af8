"""An event loop whose clock jumps to the next timer when nothing else is to be done: hours pass in milliseconds.

For protocols of leases and retries, without threads and sockets. A loop with nothing left to wait for is a deadlock.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Skipping(selectors.SelectSelector):
    """Waits for nobody: what would be waited is added to the clock."""

    now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return at once; `timeout` is how long the loop has nothing to do."""
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("every task waits for another")
        if not ready:
            self.now_s += timeout or 0.0
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """The loop; its time starts at 0."""

    def __init__(self) -> None:
        self._skipping = _Skipping()
        super().__init__(self._skipping)

    def time(self) -> float:
        """Return the seconds passed."""
        return self._skipping.now_s

    def jump(self, seconds: float) -> None:
        """Let time pass in which nothing runs, as on a machine that is stopped."""
        self._skipping.now_s += seconds


def run_in_virtual_time(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end on a loop of its own."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)
