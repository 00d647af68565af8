"""httpx's transport interface over one aiohttp session, and the one module that imports httpx.

httpx gives the types and the seam (a test, or later AWS Lambda, replaces the transport and nothing else); its client
layer costs 145-165 µs a call and its pool more, so `AsyncClient` is not used. The request target travels in the
standard extension `target` beside a base URL parsed once. `httpx2` is API compatible: moving to it changes this import.
"""

import ssl
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self

import aiohttp
import httpx
import yarl
from httpx import (
    URL,
    AsyncBaseTransport,
    AsyncByteStream,
    ByteStream,
    Request,
    Response,
    TimeoutException,
    TransportError,
)

CONNECT_S_MAX = 2.0
CONNECTIONS_MAX = 256
"""Open connections to all services together; further calls wait for one within their deadline."""
KEEPALIVE_S = 60.0
WITH_BODY = frozenset({"POST", "PUT", "PATCH"})

__all__ = [
    "URL",
    "AiohttpTransport",
    "AsyncBaseTransport",
    "AsyncByteStream",
    "ByteStream",
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


class AiohttpTransport(AsyncBaseTransport):
    """Sends httpx requests through aiohttp. Constructing is free; entering it opens the session."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        """Take how to prove oneself over https and whom to believe; None: believe the system's authorities."""
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=CONNECTIONS_MAX, keepalive_timeout=KEEPALIVE_S, ssl=True if self._tls is None else self._tls
            ),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S_MAX),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self.aclose()

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
        origin = f"{request.url.scheme}://{request.url.netloc.decode('ascii')}"
        try:
            answer = await self._session.request(
                request.method,
                yarl.URL(origin + target_of(request), encoded=True),
                headers=[(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw],
                data=await request.aread() if request.method in WITH_BODY else None,
                allow_redirects=False,
            )
        except TimeoutError as error:
            raise httpx.ConnectTimeout("the service did not answer in time") from error
        except (aiohttp.ClientError, OSError) as error:
            raise httpx.ConnectError(type(error).__name__) from error
        return Response(answer.status, headers=list(answer.raw_headers), stream=_AnswerStream(answer))


class _AnswerStream(AsyncByteStream):
    """The body of an aiohttp answer, chunk by chunk as it arrives."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._answer.content.iter_any():
                yield chunk
        except TimeoutError as error:
            raise httpx.ReadTimeout("the service stopped answering") from error
        except (aiohttp.ClientError, OSError) as error:
            raise httpx.ReadError(type(error).__name__) from error

    async def aclose(self) -> None:
        """Give the connection back when the body was read to its end, else close it."""
        if self._answer.content.at_eof():
            self._answer.release()
        else:
            self._answer.close()
