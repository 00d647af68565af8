"""What writes to a client past ASGI: two extensions of ours, in `scope["extensions"]`.

    CHUNKS  takes an event stream over that has begun: the application returns, and its pieces are written straight to
            the client. An idle stream then keeps no task and none of the coroutines that led to it, one inside the
            other: a third of what it would take. And it ends with its connection, also where a further request waits
            behind it: of a lost connection uvicorn tells the application of the last request alone.
    FRAMES  writes text messages of a WebSocket: four coroutines less for each alert of each phone.

exchanges.py and socket_connections.py implement them.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable

from starlette.types import Scope, Send

CHUNKS = "belfry.chunks"
FRAMES = "belfry.frames"

UNSENT_BYTES_MAX = 16 * 1024
"""Bytes a `Writer` keeps before it sends them by itself."""


class Writer(ABC):
    """Writes past ASGI. Whoever writes sends off before anything else can write to the same client: without waiting.

    Apart so that a wave of alerts is made and encoded in one go and then sent: each call of the kernel takes from the
    processor's caches what making the next alert needs (a sixth of the cost of a one-to-one message).
    """

    __slots__ = ("_unsent",)

    transport: asyncio.Transport

    def __init__(self) -> None:
        self._unsent = b""

    @abstractmethod
    def write(self, data: bytes) -> bool:
        """Take what is not empty; False, and nothing taken, while the client takes no more or is gone."""

    def keep(self, data: bytes) -> None:
        """Keep bytes of the connection until they are sent off, so many at most."""
        self._unsent += data
        if len(self._unsent) > UNSENT_BYTES_MAX:
            self.send_off()

    def send_off(self) -> None:
        """Send what was taken."""
        unsent = self._unsent
        if unsent:
            self._unsent = b""
            if not self.transport.is_closing():
                self.transport.write(unsent)


class ChunkWriter(Writer):
    """Writes the chunks of an answer that has begun."""

    __slots__ = ()

    @abstractmethod
    def take_over(self, on_over: Callable[[], None]) -> bool:
        """Have the answer go on without the application, which may return; False where that cannot be.

        `on_over` is called once, by the loop, when all is said or the client has left.
        """

    @abstractmethod
    async def send(self, data: bytes) -> None:
        """Write a chunk as soon as the client takes it.

        Raises:
            OSError: it has left.
        """

    @abstractmethod
    async def finish(self, data: bytes) -> None:
        """Write the last chunk; raises as `send` does."""


class PassedChunks(ChunkWriter):
    """Passes chunks by ASGI, for a server without the extension: nothing is taken over."""

    __slots__ = ("_send",)

    def __init__(self, send: Send) -> None:
        super().__init__()
        self._send = send

    def take_over(self, on_over: Callable[[], None]) -> bool:  # noqa: ARG002
        """Say that it cannot."""
        return False

    def write(self, data: bytes) -> bool:  # noqa: ARG002
        """Take nothing without waiting."""
        return False

    async def send(self, data: bytes) -> None:
        """Pass a chunk."""
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def finish(self, data: bytes) -> None:
        """Pass the last chunk."""
        await self._send({"type": "http.response.body", "body": data, "more_body": False})


def chunk_writer_of(scope: Scope, send: Send) -> ChunkWriter:
    """Return what writes the chunks of a request's answer."""
    found = scope.get("extensions", {}).get(CHUNKS)
    return found if isinstance(found, ChunkWriter) else PassedChunks(send)


class _NoFrames(Writer):
    """For a server without the extension: nothing is written past ASGI."""

    def write(self, data: bytes) -> bool:  # noqa: ARG002
        """Take nothing."""
        return False


def frame_writer_of(scope: Scope) -> Writer:
    """Return what writes text messages to a socket past ASGI, where its server does."""
    found = scope.get("extensions", {}).get(FRAMES)
    return found if isinstance(found, Writer) else _NoFrames()
