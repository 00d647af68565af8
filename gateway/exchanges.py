"""One HTTP request and its answer on the wire: ASGI's `receive` and `send`, and the writer of a stream taken over.

Stands in for uvicorn's RequestResponseCycle, whose attributes uvicorn's protocol reads and sets, and keeps its rules:
one head, then exactly the body it promised. It costs a third: what need not wait is no coroutine, of a head all but the
values is kept, which are checked in one pass instead of two searches a header, and what runs does not refer back to the
scope it is an extension of, so that a request is freed when it is over, while its memory is still in the processor's
caches.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator
from functools import lru_cache
from http import HTTPStatus
from typing import Any, NamedTuple, Protocol

from starlette.types import ASGIApp, Message, Scope
from uvicorn.protocols.http.flow_control import FlowControl

from gateway.gates import Gate
from gateway.writers import ChunkWriter

UNREAD_BYTES_MAX = 64 * 1024
"""Of a body nobody has asked for yet; beyond it the client is not read from."""

_STATUSES = frozenset(map(int, HTTPStatus))
_WITHOUT_BODY = frozenset({204, 304})
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_TEXT = bytes([0x09, *range(0x20, 0x7F), *range(0x80, 0x100)])
"""The bytes that may be in a line of a head (RFC 9110, 5.5)."""
_NAME = frozenset(b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz")
_CHUNKED = b"transfer-encoding: chunked\r\n"
_CLOSING = b"connection: close\r\n"
_LAST_CHUNK = b"0\r\n\r\n"
_FAILED = b"Internal Server Error"

_log = logging.getLogger("uvicorn.error")


class _Done(Awaitable[None]):
    """What need not be waited for."""

    def __await__(self) -> Iterator[Any]:  # type: ignore[override]  # an exhausted one is all that is needed
        return iter(())


_DONE = _Done()


class Owner(Protocol):
    """The connection an exchange belongs to."""

    def on_response_complete(self) -> None:
        """The answer is whole: the connection is free for the next one."""

    def take_over(self, exchange: "Exchange") -> None:
        """The answer goes on without the application: `end` it with the connection."""


class Exchange(ChunkWriter):
    """A request and its answer."""

    __slots__ = (
        "_body", "_chunked", "_flow", "_head", "_left", "_on_over", "_owes_continue", "_owner", "_scope", "_shows_body",
        "disconnected", "keep_alive", "message_event", "more_body", "response_complete", "response_started",
        "transport",
    )  # fmt: skip

    def __init__(
        self,
        transport: asyncio.Transport,
        flow: FlowControl,
        scope: Scope,
        owner: Owner,
        *,
        keep_alive: bool,
        owes_continue: bool,
    ) -> None:
        super().__init__()
        self.transport = transport
        self.keep_alive = keep_alive
        self.disconnected = False
        self.more_body = True
        self.message_event = Gate()
        self.response_started = False
        self.response_complete = False
        self._scope: Scope | None = scope
        self._flow = flow
        self._owner: Owner | None = owner
        self._on_over: Callable[[], None] | None = None
        """Called once a stream that was taken over has ended."""
        self._owes_continue = owes_continue
        self._shows_body = scope["method"] != "HEAD"
        self._body: bytes | bytearray = b""
        self._chunked = False
        self._head = b""
        """A head waits for the first part of its body: uvloop writes at once, each time by a call of the kernel."""
        self._left = 0
        """Bytes still to be sent of a body whose length was promised."""

    async def run_asgi(self, app: ASGIApp) -> None:
        """Have the application answer, once; what it leaves undone is made up for, or the connection ended."""
        scope, self._scope = self._scope, None  # which refers to this exchange
        assert scope is not None  # noqa: S101 (it is run once)
        try:
            await app(scope, self.receive, self.say)
        except BaseException as error:  # noqa: BLE001 (the edge of the process: nothing above could answer)
            _log.error("Exception in ASGI application\n", exc_info=error)
            self._give_up()
        else:
            if not self.response_complete and not self.disconnected and self._on_over is None:
                _log.error("ASGI callable returned without completing response.")
                self._give_up()
        finally:
            if self._on_over is None:
                self._owner = None

    async def receive(self) -> Message:
        """Return the next part of the body as soon as there is one, or that nobody waits for an answer."""
        if self._owes_continue and not self.transport.is_closing():
            self._owes_continue = False
            self.transport.write(_CONTINUE)
        if not self.disconnected and not self.response_complete:
            self._flow.resume_reading()
            if not self.message_event.is_set():
                await self.message_event.wait()
            self.message_event.clear()
        if self.disconnected or self.response_complete:
            return {"type": "http.disconnect"}
        body, self._body = self._body, b""
        return {"type": "http.request", "body": bytes(body), "more_body": self.more_body}

    def say(self, message: Message) -> Awaitable[None]:
        """Write what the application says: at once while the client takes it. This is ASGI's `send`.

        Raises:
            RuntimeError: that is not the next thing to say, or the head is not one.
        """
        if self._flow.write_paused and not self.disconnected:
            return self._say_later(message)
        self._write_message(message)
        return _DONE

    def arrive(self, part: bytes) -> None:
        """Take a part of the body."""
        if not self._body:
            self._body = part  # nearly every body comes in one piece, which need not be copied
        elif isinstance(self._body, bytearray):
            self._body += part
        else:
            self._body = bytearray(self._body) + part
        if len(self._body) > UNREAD_BYTES_MAX:
            self._flow.pause_reading()
        self.message_event.set()

    def take_over(self, on_over: Callable[[], None]) -> bool:
        """See `ChunkWriter`."""
        if not self._chunked or self._head or self.response_complete or self.disconnected:
            return False
        if self.transport.is_closing():
            return False
        assert self._owner is not None  # noqa: S101 (it has one until its answer is whole)
        self._on_over = on_over
        self._owner.take_over(self)
        return True

    def write(self, data: bytes) -> bool:
        """Take a chunk of a stream that was taken over where that needs no waiting; whether it did."""
        if self._on_over is None or self._flow.write_paused or self.transport.is_closing():
            self.send_off()
            return False
        self.keep(_chunk(data))
        return True

    async def send(self, data: bytes) -> None:
        """See `ChunkWriter`."""
        await self._flow.drain()
        if self._on_over is None or self.transport.is_closing():
            raise ConnectionResetError("The client has left.")
        self.transport.write(_chunk(data))

    async def finish(self, data: bytes) -> None:
        """See `ChunkWriter`."""
        await self.send(data)
        self.transport.write(_LAST_CHUNK)
        self._complete()
        self.end()

    def end(self) -> None:
        """Say that all of a stream that was taken over is said, or that the client has left; once."""
        on_over, self._on_over, self._owner = self._on_over, None, None
        if on_over is not None:
            asyncio.get_running_loop().call_soon(on_over)

    async def _say_later(self, message: Message) -> None:
        await self._flow.drain()
        self._write_message(message)

    def _write_message(self, message: Message) -> None:
        if self.disconnected:
            return
        kind = message["type"]
        if kind == "http.response.start" and not self.response_started:
            self._write_head(message["status"], message.get("headers", ()))
        elif kind == "http.response.body" and self.response_started and not self.response_complete:
            self._write_body(message.get("body", b""), is_last=not message.get("more_body", False))
        else:
            raise RuntimeError(f"Unexpected ASGI message {kind!r}.")

    def _write_head(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        names, values = tuple(zip(*headers, strict=True)) or ((), ())
        form = _form(status, names)
        if b"".join(values).translate(None, _TEXT):
            raise RuntimeError("Invalid HTTP header value.")
        chunked, closes = self._shows_body and form.may_be_chunked, not self.keep_alive
        if form.length is not None:
            self._left = int(values[form.length])
        for place in form.connection:
            if b"close" in values[place].lower():
                closes = self.keep_alive = False  # it says so itself
        self._head = b"%b%b%b\r\n" % (form.text % values, _CHUNKED if chunked else b"", _CLOSING if closes else b"")
        self.response_started, self._owes_continue, self._chunked = True, False, chunked

    def _write_body(self, body: bytes, *, is_last: bool) -> None:
        if not self._shows_body:
            self._left, body = 0, b""
        elif self._chunked:
            body = (_chunk(body) if body else b"") + (_LAST_CHUNK if is_last else b"")
        else:
            self._left -= len(body)
            if self._left < 0:
                raise RuntimeError("Response content longer than Content-Length")
        head, self._head = self._head, b""
        if head:
            self.transport.writelines((head, body))  # one call of the kernel, which copies them anyway
        else:
            self.transport.write(body)
        if is_last:
            self._complete()

    def _complete(self) -> None:
        if self._left:
            raise RuntimeError("Response content shorter than Content-Length")
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        if self._owner is not None:
            self._owner.on_response_complete()

    def _give_up(self) -> None:
        if self.disconnected or (self.response_started and not self._head):
            self.transport.close()
            return
        self._left = 0  # what was promised by a head that has not gone out
        self._write_head(
            500,
            [
                (b"content-type", b"text/plain; charset=utf-8"),
                (b"content-length", b"%d" % len(_FAILED)),
                (b"connection", b"close"),
            ],
        )
        self._write_body(_FAILED, is_last=True)


def _chunk(data: bytes) -> bytes:
    """Return a chunk (RFC 9112, 7.1)."""
    return b"%x\r\n%b\r\n" % (len(data), data)


class _Form(NamedTuple):
    """What heads have in common whose status and names of headers are the same, as those of nearly all answers are."""

    text: bytes
    """With a place for each value."""
    length: int | None
    """Which value says how long the body is."""
    connection: tuple[int, ...]
    """Which values are about the connection."""
    may_be_chunked: bool


@lru_cache(maxsize=256)
def _form(status: int, names: tuple[bytes, ...]) -> _Form:
    """Return the form of a head; names are few, and never a client's."""
    if not all(name and _NAME.issuperset(name) for name in names):
        raise RuntimeError("Invalid HTTP header name.")
    places = {name: tuple(at for at, one in enumerate(names) if one == name) for name in names}
    length = places.get(b"content-length", (None,))[-1]
    return _Form(
        text=_status_line(status) + b"".join(map(_line, names)),
        length=length,
        connection=places.get(b"connection", ()),
        may_be_chunked=length is None and status not in _WITHOUT_BODY,
    )


def _status_line(status: int) -> bytes:
    phrase = HTTPStatus(status).phrase if status in _STATUSES else ""  # of its own making: see statuses.py
    return b"HTTP/1.1 %d %b\r\n" % (status, phrase.encode("ascii"))


def _line(name: bytes) -> bytes:
    """Return a line of a head with a place for its value; how a body is sent is not for the application to say."""
    return b"%.0b" if name == b"transfer-encoding" else name.replace(b"%", b"%%") + b": %b\r\n"
