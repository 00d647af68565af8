"""The lines of a stream, gathered: what comes while its reader works is handed on together. No socket is known here.

    quiet     each line is handed on as it comes
    busy      (many came at once) the next ones `gather_s` after those before, or once `FULL_LINES` wait
    behind    `FULL_LINES` wait at once: nothing is ever waited for

So a reader that commits what it is given commits at once on a quiet stream, seldom on a busy one, and without a pause
on one that it cannot keep up with.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any

BUSY_LINES_MIN = 100
"""Lines handed on together that tell of a busy stream."""
FULL_LINES = 600
"""Lines that are not waited with: events in batches of more cost hardly less CPU each (measured: 5 %)."""
LINE_BYTES_MAX = 16 * 1024 * 1024
"""Most bytes without an end of line; a record has at most 64 KiB, so no correct peer sends them."""


class LineTooLong(ValueError):
    """More than `LINE_BYTES_MAX` bytes without an end of line."""


class _Waiting:
    """Bytes not handed on; `lines` of them are whole."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self.lines = 0

    def add(self, chunk: bytes) -> None:
        self._bytes += chunk
        self.lines += chunk.count(b"\n")
        if not self.lines and len(self._bytes) > LINE_BYTES_MAX:
            raise LineTooLong

    def take(self) -> bytes:
        end = self._bytes.rfind(b"\n") + 1
        whole = bytes(self._bytes[:end])
        del self._bytes[:end]
        self.lines = 0
        return whole


async def gathered(
    read: Callable[[], Coroutine[Any, Any, bytes]], *, gather_s: float, idle_s: float
) -> AsyncGenerator[bytes]:
    """Yield whole lines of what `read` returns, b"" when none came for `idle_s` seconds; ends when it returns b"".

    Raises:
        LineTooLong: see there; and whatever `read` raises.
    """
    now = asyncio.get_running_loop().time
    waiting, next_at = _Waiting(), 0.0
    reading: asyncio.Task[bytes] | None = None
    try:
        while True:
            reading = reading or asyncio.create_task(read())
            pause_s = max(0.0, next_at - now()) if waiting.lines else idle_s
            done, _ = await asyncio.wait({reading}, timeout=pause_s)
            if done:
                chunk, reading = reading.result(), None
                if not chunk:
                    break
                waiting.add(chunk)
                if not waiting.lines or (waiting.lines < FULL_LINES and now() < next_at):
                    continue
            next_at = now() + gather_s if waiting.lines >= BUSY_LINES_MIN else 0.0
            yield waiting.take()
        if waiting.lines:
            yield waiting.take()
    finally:
        if reading is not None:
            reading.cancel()
