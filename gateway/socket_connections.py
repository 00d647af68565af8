"""uvicorn's WebSocket connection with the bounds it does not have by itself.

A client that takes nothing of what it is sent is not read from, so that its pings cost no memory, and is cut off after
WRITE_S_MAX; so is one that does not end a closing handshake. Messages of very many frames are refused.
"""

import asyncio
from typing import Any, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.http11 import Request

from gateway.gates import Gate, Inbox
from gateway.http_connections import WRITE_S_MAX
from gateway.telemetry import CUT, Cut
from gateway.writers import FRAMES, Writer

FRAMES_MAX = 1_024
"""Frames of one message; the message's bytes are bounded too, but frames may be empty."""
TOO_BIG = 1009
CLOSE_S_MAX = 15.0


class BoundedSocketProtocol(WebSocketsSansIOProtocol, Writer):
    """One socket; the time is its class's, so that tests need not wait for it."""

    write_s_max = WRITE_S_MAX
    _write_timer: asyncio.TimerHandle | None = None
    _taking = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        Writer.__init__(self)
        self.queue = Inbox()  # type: ignore[assignment]
        self.writable = Gate(is_open=True)  # type: ignore[assignment]

    def handle_connect(self, event: Request) -> None:
        """Begin the handshake; the application may write past ASGI once it has accepted."""
        super().handle_connect(event)
        if not self.close_sent:
            cast("dict[str, object]", self.scope["extensions"])[FRAMES] = self

    def write(self, data: bytes) -> bool:
        """Take a text message where that needs no waiting; whether it did."""
        if not self._taking or self.close_sent or not self.handshake_complete or self.transport.is_closing():
            self.send_off()
            return False
        self.keep(text_frame(data))
        return True

    def handle_cont(self, event: Frame) -> None:
        """Take a further frame of a message."""
        if len(self.frames) >= FRAMES_MAX:
            self.frames = []
            self.conn.fail(TOO_BIG, "too many frames")
            self.handle_parser_exception()
            return
        super().handle_cont(event)

    def pause_writing(self) -> None:
        """The client takes less than it is sent: stop reading from it, and give it time."""
        super().pause_writing()
        self._taking = False
        self.transport.pause_reading()
        self._write_timer = self.loop.call_later(self.write_s_max, self._cut, Cut.SLOW_READER)

    def resume_writing(self) -> None:
        """It took what there was."""
        super().resume_writing()
        self._taking = True
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None
        if not self.read_paused and not self.transport.is_closing():
            self.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer."""
        if self._write_timer is not None:
            self._write_timer.cancel()
        super().connection_lost(exc)

    async def send(self, message: Any) -> None:
        """Send what the application says; once it has accepted, what the handshake held is forgotten."""
        await super().send(message)
        if message["type"] == "websocket.accept":
            self.request.headers.clear()  # websockets' parser keeps the request as long as it reads
            del self.request, self.response
            self.scope["headers"] = []

    async def run_asgi(self) -> None:
        """Run the application, then give the client its time to end the closing handshake."""
        try:
            await super().run_asgi()
        finally:
            self.loop.call_later(CLOSE_S_MAX, self.transport.abort)

    def _cut(self, why: Cut) -> None:
        CUT[why].inc()
        self.transport.abort()


def text_frame(message: bytes) -> bytes:
    """Return a whole text message (UTF-8) as a server sends it, in one frame (RFC 6455, 5.2)."""
    size = len(message)
    if size < 126:
        return b"\x81%c%s" % (size, message)
    if size < 65_536:
        return b"\x81\x7e%s%s" % (size.to_bytes(2), message)
    return b"\x81\x7f%s%s" % (size.to_bytes(8), message)
