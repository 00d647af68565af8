"""A bell for many waiters: whoever took it before the ring is woken, and nobody else."""

import asyncio


class Signal:
    """Take `next` before looking, wait on it after: what happens in between is not missed."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def next(self) -> asyncio.Event:
        """Return the event that is set at the next ring."""
        return self._event

    def wake(self) -> None:
        """Ring."""
        event, self._event = self._event, asyncio.Event()
        event.set()
