"""Follow a service's live stream for ever: alert log entries for the feed, account changes for `accountChanged`.

A stream is a hint and transport only: after a cut the reader attaches again from the last offset it saw, and an empty
list tells its consumer each time it is attached (again), so that it can read the log for what it may have missed.
"""

import asyncio
import random
import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Generic, TypeVar

import msgspec
import structlog

from clients.routes import target
from clients.transport import (
    URL,
    AiohttpTransport,
    AsyncBaseTransport,
    ByteStream,
    Request,
    Response,
    TimeoutException,
    TransportError,
)
from contracts.alerts import AlertLogEntry
from contracts.failures import Unavailable
from contracts.feed import AccountChange

FROM_NOW = -1
"""As `after`: only what happens from now on."""
WAIT_S = 30
"""How long a service keeps a quiet stream open."""
SILENCE_S_MAX = 12.0
"""A stream sends a heartbeat every 5 s; one silent for longer than this is taken for dead."""
BACKOFF_S_MIN = 0.1
BACKOFF_S_MAX = 5.0
POLLED_EVERY_S = 15.0
BUFFER_BYTES_MAX = 16 * 1024 * 1024
"""Most bytes of one unfinished line and of one chunk."""

T = TypeVar("T", AlertLogEntry, AccountChange)

_log = structlog.get_logger(__name__)


class _Mark(msgspec.Struct, frozen=True):
    """A first line that only says where the stream stands."""

    offset: int


_marks = msgspec.json.Decoder(_Mark)


class _Place:
    """The offset up to which a stream was read, across its connections."""

    def __init__(self, offset: int) -> None:
        self.offset = offset

    def take_mark(self, lines: bytes) -> bytes:
        """Move to the mark a stream from now begins with, and return the lines after it; heartbeats may come before."""
        line, _, rest = lines.lstrip().partition(b"\n")
        if line:
            self.offset = _marks.decode(line).offset
        return rest


class _Stream(Generic[T]):
    """An endless reader of one NDJSON stream of entries that have an `offset`."""

    def __init__(
        self,
        url: str,
        path: str,
        token: str,
        entries: msgspec.json.Decoder[T],
        transport: AsyncBaseTransport,
        backoff_s_min: float,
    ) -> None:
        self._url = URL(url)
        self._path = self._url.raw_path.decode("ascii").rstrip("/") + path
        self._headers = [(b"host", self._url.netloc), (b"accept-encoding", b"identity")]
        if token:
            self._headers.append((b"authorization", f"Bearer {token}".encode()))
        self._backoff_s_min = backoff_s_min
        self._entries: msgspec.json.Decoder[T] = entries
        self._transport = transport

    async def entries(self, after: int) -> AsyncGenerator[list[T]]:
        """Yield entries after an offset (`FROM_NOW`: those to come), and `[]` each time the stream is attached."""
        backoff_s = self._backoff_s_min
        place = _Place(after)
        async with self._transport as transport:
            while True:
                try:
                    async with aclosing(self._follow(transport, place)) as batches:
                        async for batch in batches:
                            backoff_s = self._backoff_s_min
                            yield batch
                    continue
                except (TransportError, TimeoutException, TimeoutError, Unavailable, msgspec.DecodeError) as error:
                    reason = type(error).__name__
                _log.warning("live stream away", path=self._path, error=reason, retry_in_s=round(backoff_s, 2))
                await asyncio.sleep(backoff_s * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, nothing secret
                backoff_s = min(backoff_s * 2, BACKOFF_S_MAX)

    async def _follow(self, transport: AsyncBaseTransport, place: "_Place") -> AsyncGenerator[list[T]]:
        """Read one connection to its end, moving `place` along; the first batch is the empty one."""
        response = await self._attach(transport, place.offset)
        try:
            # A stream from now is attached once it has said where: what comes after that place is on it.
            if place.offset != FROM_NOW:
                yield []
            async for received in _lines(response):
                lines = received
                if place.offset == FROM_NOW:
                    lines = place.take_mark(received)
                    if place.offset == FROM_NOW:
                        continue
                    yield []
                batch = self._entries.decode_lines(lines)
                if batch:
                    place.offset = batch[-1].offset
                    yield batch
        finally:
            await response.aclose()

    async def _attach(self, transport: AsyncBaseTransport, after: int) -> Response:
        path = target(self._path, [("after", str(after)), ("wait", str(WAIT_S))])
        request = Request(
            "GET", self._url, headers=self._headers, stream=ByteStream(b""), extensions={"target": path.encode("ascii")}
        )
        async with asyncio.timeout(SILENCE_S_MAX):
            response = await transport.handle_async_request(request)
        if not response.is_success:
            await response.aclose()
            raise Unavailable("The live stream is not available.", detail=f"answered {response.status_code}")
        return response


async def _lines(response: Response) -> AsyncIterator[bytes]:
    """Yield whole lines (heartbeats included) as they come.

    Raises:
        TimeoutError: nothing came for `SILENCE_S_MAX`.
        Unavailable: a line is over its bound.
    """
    buffer = bytearray()
    chunks = response.aiter_raw()
    while True:
        async with asyncio.timeout(SILENCE_S_MAX):
            chunk = await anext(chunks, None)
        if chunk is None:
            return
        buffer += chunk
        end = buffer.rfind(b"\n") + 1
        if end:
            lines = bytes(buffer[:end])
            del buffer[:end]
            yield lines
        elif len(buffer) > BUFFER_BYTES_MAX:
            raise Unavailable("The live stream sent a line over its bound.")


class AlertStream(_Stream[AlertLogEntry]):
    """All customers' alert log entries as the analytics service at `url` stores them."""

    def __init__(
        self,
        url: str,
        token: str = "",
        *,
        tls: ssl.SSLContext | None = None,
        transport: AsyncBaseTransport | None = None,
        backoff_s_min: float = BACKOFF_S_MIN,
    ) -> None:
        opened = transport or AiohttpTransport(tls)
        super().__init__(url, "/alerts/stream", token, msgspec.json.Decoder(AlertLogEntry), opened, backoff_s_min)


class AccountChangeStream(_Stream[AccountChange]):
    """Accounts whose balance or status changed, as the account service at `url` projects them."""

    def __init__(
        self,
        url: str,
        token: str = "",
        *,
        tls: ssl.SSLContext | None = None,
        transport: AsyncBaseTransport | None = None,
        backoff_s_min: float = BACKOFF_S_MIN,
    ) -> None:
        opened = transport or AiohttpTransport(tls)
        super().__init__(url, "/accounts/changes", token, msgspec.json.Decoder(AccountChange), opened, backoff_s_min)


class PolledChanges:
    """Where accounts are a function there is no stream: whoever watches one looks again every `POLLED_EVERY_S`."""

    async def entries(self, after: int) -> AsyncGenerator[list[AccountChange]]:  # noqa: ARG002 - the stream's signature
        """Yield `[]`, which means that anything may have changed, for ever."""
        while True:
            yield []
            await asyncio.sleep(POLLED_EVERY_S)
