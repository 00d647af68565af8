"""The load: so many connections, each sending its next request as soon as it has its answer, for so many seconds."""

import asyncio
import time
from collections.abc import Iterator
from typing import Any, NamedTuple


class Load(NamedTuple):
    """What was measured of one server."""

    requests: int
    seconds: float
    latencies_ms: list[float]

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds

    def percentile(self, share: float) -> float:
        """Return a percentile of the latencies, in milliseconds."""
        ordered = sorted(self.latencies_ms)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def request_bytes(port: int, token: str, body: bytes) -> bytes:
    """Return one POST of an operation."""
    return (
        b"POST /graphql HTTP/1.1\r\nhost: 127.0.0.1:%d\r\naccept: application/json\r\n"
        b"content-type: application/json\r\nauthorization: Bearer %s\r\ncontent-length: %d\r\n\r\n"
        % (port, token.encode(), len(body))
    ) + body


class _Client(asyncio.Protocol):
    """One connection: `ask` returns the body of the answer."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self._wanted: int | None = None
        self._answer: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError())

    def ask(self, request: bytes) -> "asyncio.Future[bytes]":
        self._answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self._answer

    def data_received(self, data: bytes) -> None:
        self._parts.append(data)
        self._size += len(data)
        if self._wanted is None:
            self._read_head()
        if self._wanted is not None and self._size >= self._wanted:
            whole = b"".join(self._parts)
            self._parts, self._size, self._wanted = [], 0, None
            assert self._answer is not None
            if not self._answer.done():
                self._answer.set_result(whole)

    def _read_head(self) -> None:
        whole = b"".join(self._parts)
        self._parts = [whole]
        end = whole.find(b"\r\n\r\n")
        if end < 0:
            return
        head = whole[:end].lower()
        at = head.find(b"content-length:")
        if b"transfer-encoding: chunked" in head:
            raise ValueError("an answer without a length")
        self._wanted = end + 4 + int(head[at + 15 :].split(b"\r\n", 1)[0])


async def ask_once(port: int, request: bytes) -> bytes:
    """Return status line and body of one answer."""
    _, client = await asyncio.get_running_loop().create_connection(_Client, "127.0.0.1", port)
    whole = await client.ask(request)
    client.transport.close()
    head, _, body = whole.partition(b"\r\n\r\n")
    return head.split(b"\r\n", 1)[0].split(b" ")[1] + b" " + body


async def load(port: int, requests: Iterator[bytes], *, connections: int, seconds: float) -> Load:
    """Send requests for so many seconds."""
    latencies: list[float] = []
    started = time.perf_counter()
    until = started + seconds

    async def one() -> None:
        _, client = await asyncio.get_running_loop().create_connection(_Client, "127.0.0.1", port)
        while (began := time.perf_counter()) < until:
            whole = await client.ask(next(requests))
            latencies.append((time.perf_counter() - began) * 1000)
            if (
                not whole.startswith(b"HTTP/1.1 200") or b'"errors":[' in whole
            ):  # a part may be missing where time ran out
                raise ValueError(whole[:200])
        client.transport.close()

    await asyncio.gather(*[one() for _ in range(connections)])
    return Load(len(latencies), time.perf_counter() - started, latencies)
