"""The connector to the services: prepared requests over a bounded pool of connections, without a client beneath it.

A call costs a write and one wait: no session, no URL, no cookie, no redirect, no timer of its own. Deadlines, retries
and bounds on answers are the transports' above (backends.py). What a stranger serves (an issuer's keys) and what is
read for ever (live streams) goes through aiohttp (transport.py); both keep one contract.
"""

import asyncio
import re
import ssl
from collections import deque
from collections.abc import AsyncIterator
from typing import NamedTuple, Self

from clients.connections import Connection, Unheard
from clients.transport import (
    CONNECT_S_MAX,
    CONNECTIONS_MAX,
    KEEPALIVE_S,
    URL,
    WITH_BODY,
    Answer,
    AsyncBaseTransport,
    AsyncByteStream,
    ConnectError,
    ConnectTimeout,
    PreparedRequest,
)
from contracts.deadlines import WAIT_HEADER

_is_target = re.compile("/[!-~]*").fullmatch


class _Origin(NamedTuple):
    """Where a service is, and the connections to it that wait for a request, those used last at the end."""

    host: str
    port: int
    tls: ssl.SSLContext | None
    idle: deque[Connection]


class HttpTransport(AsyncBaseTransport):
    """Sends prepared requests to a few services. Constructing is free; entering it opens nothing but allows it."""

    def __init__(self, tls: ssl.SSLContext | None = None, connections_max: int = CONNECTIONS_MAX) -> None:
        """Take how to prove oneself over https and whom to believe; None: believe the system's authorities.

        At most `connections_max` connections are open; further calls wait for one.
        """
        self._tls = tls
        self._connections_max = connections_max
        self._free = connections_max
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._origins: dict[str, _Origin] = {}
        self._open: set[Connection] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        return self

    async def aclose(self) -> None:
        """Close every connection; repeating it is harmless."""
        self._loop = None
        while self._open:
            self._open.pop().abort()
        self._origins.clear()
        await asyncio.sleep(0)  # the sockets are closed in the loop's next turn

    async def handle_async_request(self, request: PreparedRequest) -> Answer:  # type: ignore[override]  # no other
        """Send one prepared request and return its answer: whole when all of it came at once, else its body to be read.

        Raises:
            httpx.TransportError: nothing answers there, or the connection broke.
        """
        if self._loop is None:
            raise ConnectError("the transport is not open")
        origin = self._origins.get(request.origin) or self._meet(request)
        wire = _wire(request)
        if self._free > 0:
            self._free -= 1
        else:
            await self._wait(self._loop)
        connection = None
        try:
            connection = self._idle_one(origin, self._loop) or await self._connect(origin, self._loop)
            try:
                await connection.send(wire)
            except Unheard:
                if request.method != "GET" or not connection.idle_since:
                    raise
                # It was closed just as it was used again: a read may be sent twice (RFC 9110, 9.2.2).
                self._open.discard(connection)
                connection = await self._connect(origin, self._loop)
                await connection.send(wire)
        except BaseException:
            self.end(origin, connection)
            raise
        if not connection.whole:
            return Answer(connection.status, connection.headers, stream=_Body(self, origin, connection))
        answer = Answer(connection.status, connection.headers, connection.take())
        self.end(origin, connection)
        return answer

    def _meet(self, request: PreparedRequest) -> _Origin:
        url, tls = URL(request.origin), None
        if url.scheme == "https":
            self._tls = tls = self._tls or ssl.create_default_context()
        origin = _Origin(url.raw_host.decode("ascii"), url.port or (443 if tls else 80), tls, deque())
        return self._origins.setdefault(request.origin, origin)

    def _idle_one(self, origin: _Origin, loop: asyncio.AbstractEventLoop) -> Connection | None:
        idle = origin.idle
        while idle:
            connection = idle.pop()
            if connection.usable and loop.time() - connection.idle_since < KEEPALIVE_S:
                return connection
            self._open.discard(connection)
            connection.abort()
        return None

    async def _connect(self, origin: _Origin, loop: asyncio.AbstractEventLoop) -> Connection:
        if len(self._open) >= self._connections_max:
            self._close_an_idle_one()
        connection = Connection(loop)
        self._open.add(connection)
        try:
            async with asyncio.timeout(CONNECT_S_MAX):
                await loop.create_connection(
                    lambda: connection,
                    origin.host,
                    origin.port,
                    ssl=origin.tls,
                    server_hostname=origin.host if origin.tls else None,
                )
        except BaseException as error:
            self._open.discard(connection)
            if isinstance(error, TimeoutError):
                raise ConnectTimeout("the service did not answer in time") from error
            if isinstance(error, OSError):
                raise ConnectError(type(error).__name__) from error
            raise
        return connection

    def _close_an_idle_one(self) -> None:
        """Make room: there is an idle one, as fewer calls are under way than connections are open."""
        _, origin = min((origin.idle[0].idle_since, name) for name, origin in self._origins.items() if origin.idle)
        connection = self._origins[origin].idle.popleft()
        self._open.discard(connection)
        connection.abort()

    def end(self, origin: _Origin, connection: Connection | None) -> None:
        """Keep a connection whose answer was read to its end, close any other, and let the next call go."""
        if connection is not None:
            if self._loop is not None and connection.settle():
                connection.idle_since = self._loop.time()
                origin.idle.append(connection)
            else:
                connection.abort()
                self._open.discard(connection)
        if self._waiting:
            self._let_the_next_go()
        else:
            self._free += 1

    def _let_the_next_go(self) -> None:
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                return
        self._free += 1

    async def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        place: asyncio.Future[None] = loop.create_future()
        self._waiting.append(place)
        try:
            await place
        except BaseException:
            if place.done() and not place.cancelled():
                self._let_the_next_go()  # room was made just as the caller left
            raise


class _Body(AsyncByteStream):
    """The rest of an answer that did not come at once."""

    def __init__(self, pool: HttpTransport, origin: _Origin, connection: Connection) -> None:
        self._pool: HttpTransport | None = pool
        self._origin = origin
        self._connection = connection

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        part = await self._connection.more() if self._pool is not None else b""
        if not part:
            raise StopAsyncIteration
        return part

    async def aclose(self) -> None:
        """Give the connection back when the body was read to its end, else close it."""
        if self._pool is not None:
            pool, self._pool = self._pool, None
            pool.end(self._origin, self._connection)


def _wire(request: PreparedRequest) -> bytes:
    """Return a request as it goes on the wire."""
    if not _is_target(request.target):
        raise ConnectError("the request's target is none")
    wait = f"{WAIT_HEADER}: {request.wait_ms}\r\n" if request.wait_ms else ""
    head = f"{request.method} {request.target} HTTP/1.1\r\n{request.heading.lines}{wait}"
    if request.method not in WITH_BODY:
        return f"{head}\r\n".encode("ascii")
    return f"{head}content-length: {len(request.body)}\r\n\r\n".encode("ascii") + request.body
