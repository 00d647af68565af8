"""One HTTP/1.1 connection to a service: a request is written, its answer parsed by httptools (llhttp) as it comes.

    idle ──send──▶ asked ──head──▶ answering ──end of message──▶ whole ──(its caller gives it back)──▶ idle
      └────────────────┴───────────────┴──── cut, broken, speaks unasked ──▶ closed, never used again

One caller owns a connection from `send` until it gives it back, so no two requests are ever under way on one. An answer
is whole by its content-length or its last chunk only: one that would end with the connection cannot be told from one
that was cut, and counts as cut. This is the path of every call to a service; nothing here knows what is asked for.
"""

import asyncio
from typing import cast

import httptools

from clients.transport import ReadError, TransportError
from clients.waits import Wait

HEAD_BYTES_MAX = 64 * 1024
"""Largest head of an answer."""
BUFFERED_BYTES_MAX = 256 * 1024
"""An answer that nobody takes is read no further than this and what one more read of the socket brings."""


class Unheard(ReadError):
    """The connection was closed before a byte of an answer came: a service closes what was idle for long."""


class Connection(asyncio.Protocol):
    """A connection; `status` and `headers` are those of the answer under way."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._transport = cast("asyncio.Transport", None)  # until it is connected, before anybody has it
        self._parser = httptools.HttpResponseParser(self)
        self._waiter: Wait | None = None
        self._failure: TransportError | None = None
        self._asked = False
        self._received = 0
        """Bytes received since the last request, head included, until the head is whole."""
        self._paused = False
        self._parts: list[bytes] = []
        self._buffered = 0
        self._has_head = False
        self._keeps = False
        self.usable = True
        """Whether it may be given a request."""
        self.whole = False
        """Whether the answer under way has come to its end."""
        self.idle_since = 0.0
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []

    def send(self, wire: bytes) -> Wait:
        """Write a request and return what is done once the head of its answer, and what came with it, was read.

        It raises ReadError when the connection breaks instead, Unheard when nothing came before that.
        """
        self._asked, self.whole, self._has_head, self._received = True, False, False, 0
        self.headers = []
        self._waiter = waiter = Wait(self._loop)
        if not self.usable:
            self._fail(Unheard("the service closed an idle connection"))
            return waiter
        self._transport.write(wire)
        return waiter

    def take(self) -> bytes:
        """Return what was received of the body and not taken before."""
        parts, self._parts, self._buffered = self._parts, [], 0
        if self._paused:
            self._paused = False
            self._transport.resume_reading()
        return b"".join(parts)

    async def more(self) -> bytes:
        """Return the next part of the body as soon as there is one; nothing at its end.

        Raises:
            ReadError: the connection broke first.
        """
        while not self._parts:
            if self.whole:
                return b""
            if self._failure is not None:
                raise self._failure
            self._waiter = Wait(self._loop)
            await self._waiter
        return self.take()

    def settle(self) -> bool:
        """End the exchange and say whether the connection may have another one."""
        self._asked, self._waiter, self._parts, self._buffered = False, None, [], 0
        return self.whole and self._keeps and self.usable

    def abort(self) -> None:
        """Close it at once."""
        self.usable = False
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the socket."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        """Parse what came; a head over its bound, and anything that was not asked for, ends the connection."""
        if not self._asked:
            self.abort()
            return
        if not self._has_head:
            self._received += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(ReadError(f"the service answered something that is not HTTP ({type(error).__name__})"))
            return
        if self._has_head:
            if self._buffered > BUFFERED_BYTES_MAX and not self._paused and not self.whole:
                self._paused = True
                self._transport.pause_reading()
            if self._waiter is not None:
                self._waiter.end_at_once()
        elif self._received > HEAD_BYTES_MAX:
            self._fail(ReadError("the head of the answer is over its bound"))

    def eof_received(self) -> None:
        """Close it: a service that says no more is not asked any more."""
        self.usable = False

    def connection_lost(self, exc: Exception | None) -> None:
        """Let who waits know."""
        self.usable = False
        if self._asked and not self.whole:
            kind = ReadError if self._received else Unheard
            self._fail(kind("the service cut the connection" if exc is None else type(exc).__name__))

    def on_message_begin(self) -> None:
        """Refuse a second answer to one question (called by the parser, as the following are)."""
        if self.whole:
            raise ReadError("more than one answer")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Take the status."""
        self.status = self._parser.get_status_code()
        if self.status >= 200:
            self._has_head = True
            self._keeps = self._parser.should_keep_alive()

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._parts.append(body)
        self._buffered += len(body)

    def on_message_complete(self) -> None:
        """End the answer, or go on after an interim one (1xx)."""
        if self._has_head:
            self.whole = True
        else:
            self.headers = []

    def _fail(self, failure: TransportError) -> None:
        if self._failure is None:
            self._failure = failure
        self.abort()
        if self._waiter is not None:
            self._waiter.end(self._failure)
