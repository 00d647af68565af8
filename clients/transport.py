"""httpx's transport interface over one aiohttp session, and the one module that imports httpx.

httpx gives the types and the seam (a test, or later AWS Lambda, replaces the transport and nothing else); its client
layer costs 145-165 µs a call and its pool more, so `AsyncClient` is not used. The request target travels in the
standard extension `target` beside a base URL parsed once. `httpx2` is API compatible: moving to it changes this import.

A prepared request and an answer are httpx's types without the work httpx does to make them (5 µs and 4 µs): URL and
headers are those of the service, and what a transport of httpx's own would want is made when it asks. Any other httpx
request is sent as well.
"""

import re
import ssl
from collections.abc import AsyncIterator, Coroutine, Sequence
from functools import cached_property
from typing import Any, Protocol, Self

import aiohttp
import httpx
import yarl
from httpx import (
    URL,
    AsyncBaseTransport,
    AsyncByteStream,
    ByteStream,
    ConnectError,
    ConnectTimeout,
    ReadError,
    ReadTimeout,
    Request,
    Response,
    TimeoutException,
    TransportError,
)

from clients.deadline import Deadline
from clients.routes import Route
from contracts.deadlines import WAIT_HEADER

CONNECT_S_MAX = 2.0
CONNECTIONS_MAX = 256
"""Open connections to all services together; further calls wait for one within their deadline."""
KEEPALIVE_S = 60.0
WITH_BODY = frozenset({"POST", "PUT", "PATCH"})

__all__ = [
    "URL",
    "AiohttpTransport",
    "Answer",
    "AsyncBaseTransport",
    "AsyncByteStream",
    "ByteStream",
    "ConnectError",
    "ConnectTimeout",
    "Heading",
    "PreparedRequest",
    "PreparedTransport",
    "ReadError",
    "ReadTimeout",
    "Request",
    "Response",
    "TimeoutException",
    "TransportError",
    "target_of",
]


def target_of(request: Request) -> str:
    """Return the path and query a request asks for, from its `target` extension."""
    target: bytes = request.extensions["target"]
    return target.decode("ascii")


Pairs = list[tuple[str, str]]
_is_header = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+: [ -~]*").fullmatch


class Heading:
    """The headers that every request to a service has: checked and written once."""

    def __init__(self, pairs: Pairs) -> None:
        """Take names and values.

        Raises:
            ValueError: one of them would not be one header on the wire.
        """
        lines = [f"{name}: {value}" for name, value in pairs]
        if not all(map(_is_header, lines)):
            raise ValueError("A header holds what no header may.")  # it may be a secret: it is not shown
        self.pairs = pairs
        self.lines = "".join([f"{line}\r\n" for line in lines])


class PreparedRequest(Request):
    """A call made ready to be sent, and sent again: its route, until when it matters, and what goes on the wire.

    `target` is path and query. `wait_ms` is how long its caller still waits, told in the header `WAIT_HEADER`; 0: it is
    not said. Each try sets it anew, and a connector makes of it what goes on the wire before it first waits.
    """

    def __init__(
        self,
        route: Route[Any],
        deadline: Deadline,
        url: URL,
        origin: str,
        heading: Heading,
        target: str,
        body: bytes = b"",
    ) -> None:
        self.route = route
        self.deadline = deadline
        self.method = route.method
        self.url = url
        self.origin = origin
        self.heading = heading
        self.target = target
        self.body = body
        self.wait_ms = 0

    @property
    def pairs(self) -> Pairs:
        """Return the headers as text."""
        return [*self.heading.pairs, (WAIT_HEADER, str(self.wait_ms))] if self.wait_ms else self.heading.pairs

    @property
    def headers(self) -> httpx.Headers:  # type: ignore[override]  # httpx sets it when it makes a request
        """Return the headers as they are now, for transports that want httpx's."""
        return httpx.Headers(self.pairs)

    @cached_property
    def extensions(self) -> dict[str, Any]:  # type: ignore[override]  # the same
        """Return the target, for transports that want it as httpx hands it over."""
        return {"target": self.target.encode("ascii")}

    @cached_property
    def stream(self) -> ByteStream:  # type: ignore[override]  # the same
        """Return the body, for transports that want httpx's."""
        return ByteStream(self.body)


class Answer(Response):
    """A response as a transport received it: whole, with its `body`, or with a stream that it is still to be read from.

    `body` is None in the latter case.
    """

    is_closed = False
    is_stream_consumed = False
    _request = None
    _num_bytes_downloaded = 0

    def __init__(
        self,
        status_code: int,
        raw: Sequence[tuple[bytes, bytes]],
        body: bytes | None = None,
        *,
        stream: AsyncByteStream | None = None,
    ) -> None:
        self.status_code = status_code
        self.raw = raw
        self.body = body
        if stream is not None:
            self.stream = stream

    @cached_property
    def headers(self) -> httpx.Headers:  # type: ignore[override]  # httpx sets it when it makes a response
        """Return the headers."""
        return httpx.Headers(list(self.raw))

    @cached_property
    def extensions(self) -> dict[str, Any]:  # type: ignore[override]  # the same
        """Return what is known of it beside what came."""
        return {}

    @cached_property
    def stream(self) -> AsyncByteStream:  # type: ignore[override]  # the same
        """Return what gives the body, for whoever reads a whole answer as any other."""
        return ByteStream(self.body or b"")


class PreparedTransport(Protocol):
    """What sends prepared requests and answers with whole bodies."""

    def handle_async_request(self, request: PreparedRequest) -> Coroutine[Any, Any, Answer]:
        """Send a request."""


class AiohttpTransport(AsyncBaseTransport):
    """Sends httpx requests through aiohttp. Constructing is free; entering it opens the session."""

    def __init__(self, tls: ssl.SSLContext | None = None, connections_max: int = CONNECTIONS_MAX) -> None:
        """Take how to prove oneself over https and whom to believe; None: believe the system's authorities."""
        self._tls = tls
        self._connections_max = connections_max
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=self._connections_max, keepalive_timeout=KEEPALIVE_S, ssl=True if self._tls is None else self._tls
            ),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S_MAX),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,  # nothing compressed is asked for: what comes so is not understood
        )
        return self

    async def aclose(self) -> None:
        """Close the session and its connections; repeating it is harmless."""
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()

    async def handle_async_request(self, request: Request) -> Response:
        """Send one request and return its answer with the body still to be read.

        Raises:
            httpx.TransportError: nothing answers there, or the connection broke.
        """
        if self._session is None:
            raise httpx.ConnectError("the transport is not open")
        try:
            answer = await self._session.request(
                request.method,
                yarl.URL(_origin(request) + target_of(request), encoded=True),
                headers=_pairs(request),
                data=await _body(request),
                allow_redirects=False,
            )
        except TimeoutError as error:
            raise httpx.ConnectTimeout("the service did not answer in time") from error
        except aiohttp.ClientConnectorError as error:
            raise httpx.ConnectError(type(error).__name__) from error
        except (aiohttp.ClientError, OSError) as error:
            raise httpx.ReadError(type(error).__name__) from error
        return Answer(answer.status, answer.raw_headers, stream=_AnswerStream(answer))


def _origin(request: Request) -> str:
    if isinstance(request, PreparedRequest):
        return request.origin
    return f"{request.url.scheme}://{request.url.netloc.decode('ascii')}"


def _pairs(request: Request) -> Pairs:
    if isinstance(request, PreparedRequest):
        return request.pairs
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw]


async def _body(request: Request) -> bytes | None:
    if request.method not in WITH_BODY:
        return None
    return request.body if isinstance(request, PreparedRequest) else await request.aread()


class _AnswerStream(AsyncByteStream):
    """The body of an aiohttp answer, chunk by chunk as it arrives."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            chunk = await self._answer.content.readany()
        except TimeoutError as error:
            raise httpx.ReadTimeout("the service stopped answering") from error
        except (aiohttp.ClientError, OSError) as error:
            raise httpx.ReadError(type(error).__name__) from error
        if not chunk:
            raise StopAsyncIteration
        return chunk

    async def aclose(self) -> None:
        """Give the connection back when the body was read to its end, else close it."""
        if self._answer.content.at_eof():
            self._answer.release()
        else:
            self._answer.close()
