"""A timer for what a client must do in time, which does not run while this process is too busy to see it done.

A loop that is behind looks at its clock before it reads. So the time is two halves, and one that ends late does not
count: else a storm that makes every turn of the loop take seconds would have everybody sent away, whose handshake was
paid for, to come again.
"""

import asyncio
from collections.abc import Callable

BEHIND_S = 0.1
"""A timer this late says that the loop is behind, and nothing of a client."""


class FairTimer:
    """Calls back after `seconds`, or later, unless it is cancelled."""

    __slots__ = ("_callback", "_half_s", "_handle", "_is_last", "_loop")

    def __init__(self, seconds: float, callback: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._half_s = seconds / 2
        self._callback = callback
        self._is_last = False
        self._wait()

    def cancel(self) -> None:
        """Do not call back; repeating it is harmless."""
        self._handle.cancel()

    def _wait(self) -> None:
        due = self._loop.time() + self._half_s
        self._handle = self._loop.call_at(due, self._ends, due)

    def _ends(self, due: float) -> None:
        is_behind = self._loop.time() - due > BEHIND_S
        if self._is_last and not is_behind:
            self._callback()
            return
        self._is_last = not is_behind
        self._wait()
