"""One service as its client sees it: typed answers in, one tree of failures out, all within the caller's deadline.

200-299                    decoded by the given decoder
application/problem+json   the failure it names; 401 and 403 are the gateway's own fault and become Unavailable
anything else              Unavailable
no connection, cut         Unavailable
deadline passed            TimedOut
body over ANSWER_BYTES_MAX TooLarge
"""

import asyncio
from typing import Any, TypeVar, cast
from urllib.parse import quote, urlencode

import msgspec

from clients.deadline import HEADER, Deadline
from clients.transport import (
    URL,
    AsyncBaseTransport,
    AsyncByteStream,
    ByteStream,
    Request,
    Response,
    TimeoutException,
    TransportError,
)
from contracts.failures import Failure, Forbidden, Problem, TimedOut, TooLarge, Unauthenticated, Unavailable, failure_of

ANSWER_BYTES_MAX = 8 * 1024 * 1024
"""Largest answer read from a service."""
READY_S_MAX = 1.0
"""How long a readiness probe waits."""

T = TypeVar("T")
Query = list[tuple[str, str]]

_problems = msgspec.json.Decoder(Problem)
_encoder = msgspec.json.Encoder()


def target(path: str, query: Query) -> str:
    """Return path and query as they go on the wire, every value percent-encoded."""
    return f"{path}?{urlencode(query)}" if query else path


def segment(text: str) -> str:
    """Return a value as one path segment, so that no id can name another path."""
    return quote(text, safe="")


def repeated(name: str, values: list[str]) -> Query:
    """Return a query parameter given once for each value."""
    return [(name, value) for value in values]


class Downstream:
    """A service at `base_url`, spoken to through `transport`; `name` is what failures call it."""

    def __init__(
        self,
        base_url: str,
        transport: AsyncBaseTransport,
        token: str = "",
        name: str = "service",
        *,
        answer_bytes_max: int = ANSWER_BYTES_MAX,
    ) -> None:
        self._url = URL(base_url)
        self._prefix = self._url.raw_path.decode("ascii").rstrip("/")
        self._transport = transport
        self._name = name
        self._answer_bytes_max = answer_bytes_max
        self._headers = [
            (b"host", self._url.netloc),
            (b"accept", b"application/json"),
            (b"accept-encoding", b"identity"),
            *([(b"authorization", f"Bearer {token}".encode())] if token else []),
        ]

    async def get(self, path: str, decoder: msgspec.json.Decoder[T], deadline: Deadline) -> T:
        """Read `path` (with its query).

        Raises:
            Failure: see the module; GET may be retried where the failure is retryable.
        """
        return decode(decoder, await self._call("GET", path, b"", deadline), self._name)

    async def post(self, path: str, body: Any, decoder: msgspec.json.Decoder[T], deadline: Deadline) -> T:
        """Send `body` (a struct, or None for none) and decode the answer. Raises as `get`."""
        return decode(decoder, await self._call("POST", path, _encoded(body), deadline), self._name)

    async def put(self, path: str, body: Any, decoder: msgspec.json.Decoder[T], deadline: Deadline) -> T:
        """Replace what is at `path` by `body` and decode the answer. Raises as `get`."""
        return decode(decoder, await self._call("PUT", path, _encoded(body), deadline), self._name)

    async def delete(self, path: str, deadline: Deadline) -> None:
        """Remove what is at `path`. Raises as `get`."""
        await self._call("DELETE", path, b"", deadline)

    async def ready(self) -> bool:
        """Say whether the service answers that it is ready, within `READY_S_MAX`."""
        try:
            await self._call("GET", "/health/ready", b"", Deadline.after(READY_S_MAX))
        except Failure:
            return False
        return True

    async def _call(self, method: str, path: str, body: bytes, deadline: Deadline) -> bytes:
        left = deadline.require()
        headers = [*self._headers, (HEADER.encode(), b"%d" % max(1, int(left * 1000)))]
        if body:
            headers.append((b"content-type", b"application/json"))
        request = Request(
            method,
            self._url,
            headers=headers,
            stream=ByteStream(body),
            extensions={"target": f"{self._prefix}{path}".encode("ascii")},
        )
        try:
            async with asyncio.timeout(left):
                response = await self._transport.handle_async_request(request)
                answer = await self._read(response)
        except (TimeoutError, TimeoutException) as error:
            raise TimedOut(f"The {self._name} service did not answer in time.") from error
        except TransportError as error:
            raise Unavailable(f"The {self._name} service is not available.", detail=str(error)) from error
        if response.is_success:
            return answer
        raise self._failure(response, answer)

    async def _read(self, response: Response) -> bytes:
        # Straight from the stream: httpx's own iteration adds a fifth to the cost of a call.
        body = cast("AsyncByteStream", response.stream)
        parts, size = [], 0
        try:
            async for chunk in body:
                size += len(chunk)
                if size > self._answer_bytes_max:
                    raise TooLarge(f"The {self._name} service answered more than {self._answer_bytes_max} bytes.")
                parts.append(chunk)
        finally:
            await body.aclose()
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _failure(self, response: Response, body: bytes) -> Failure:
        if response.headers.get("content-type", "").startswith("application/problem+json"):
            failure = failure_of(decode(_problems, body, self._name))
            if not isinstance(failure, (Unauthenticated, Forbidden)):
                return failure
        detail = f"answered {response.status_code}"
        return Unavailable(f"The {self._name} service is not available.", detail=detail)


def decode(decoder: msgspec.json.Decoder[T], body: bytes, name: str) -> T:
    """Decode what a service answered.

    Raises:
        Unavailable: it is not what the contract says (the two were deployed apart).
    """
    try:
        return decoder.decode(body)
    except msgspec.DecodeError as error:
        raise Unavailable(f"The {name} service answered something unexpected.", detail=str(error)) from error


def _encoded(body: Any) -> bytes:
    return b"" if body is None else _encoder.encode(body)
