"""Calls over the connector to the services, against a server that speaks raw HTTP on a free port."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import msgspec
import pytest

from clients.deadline import Deadline
from clients.downstream import Downstream
from clients.http_transport import HttpTransport
from clients.routes import Priority, Route, reads
from clients.tries import Tries
from contracts.failures import NotFound, TimedOut, TooLarge, Unavailable

ANSWER = msgspec.json.Decoder(dict[str, int])
X = reads("/x", ANSWER, Priority.BALANCES)
Y = Route("POST", "/y", ANSWER, Priority.BALANCES, repeatable=False)


class Server:
    """Answers every request with the bytes it is given, and keeps what it was sent."""

    def __init__(self, answer: bytes | None) -> None:
        self.answer = answer
        self.requests: list[str] = []
        self.connections = 0
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = next((line for line in head.lower().split("\r\n") if line.startswith("content-length:")), ":0")
                body = await reader.readexactly(int(length.partition(":")[2]))
                self.requests.append(head + body.decode())
                if self.answer is None:
                    continue
                writer.write(self.answer)
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


def response(body: bytes, status: str = "200 OK", kind: str = "application/json") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@asynccontextmanager
async def serving(answer: bytes | None, answer_bytes_max: int = 1000) -> AsyncGenerator[tuple[Server, Downstream]]:
    """Run a server, and a downstream that speaks to it."""
    server = Server(answer)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    async with HttpTransport() as transport:
        yield server, Downstream(f"{server.url}/prefix", Tries(transport, 10.0, answer_bytes_max), "secret", "test")
    listener.close()


async def test_a_request_carries_path_token_and_the_time_left() -> None:
    """What the service needs to know is on the wire, and one connection serves several calls."""
    async with serving(response(b'{"a": 1}')) as (server, service):
        assert await service.call(X, Deadline.after(1), [("id", "a&b")]) == {"a": 1}
        assert await service.call(Y, Deadline.after(1), body={"b": 2}) == {"a": 1}
    first, second = server.requests
    assert first.startswith("GET /prefix/x?id=a%26b HTTP/1.1\r\n")
    assert "authorization: Bearer secret" in first
    [left] = [line for line in first.lower().split("\r\n") if line.startswith("x-request-timeout-ms:")]
    assert 900 <= int(left.partition(":")[2]) <= 1000
    assert second.endswith('\r\n\r\n{"b":2}')
    assert server.connections == 1


async def test_a_problem_becomes_the_failure_it_names() -> None:
    """problem+json comes back as the same kind of failure with the same code."""
    body = b'{"status": 404, "code": "NO_CARD", "detail": "There is no such card."}'
    async with serving(response(body, "404 Not Found", "application/problem+json")) as (_, service):
        with pytest.raises(NotFound) as raised:
            await service.call(X, Deadline.after(1))
    assert raised.value.reason == "NO_CARD"


@pytest.mark.parametrize(
    "answer",
    [
        response(b"oops", "500 Internal Server Error", "text/plain"),
        response(b'{"status": 401, "code": "UNAUTHENTICATED", "detail": "x"}', "401 x", "application/problem+json"),
        response(b'{"status": 421, "code": "HOST_NOT_ALLOWED", "detail": "x"}', "421 x", "application/problem+json"),
        response(b"{}", "302 Found"),
        response(b"not json"),
        response(b'{"a": "text"}'),
        response(b"oops", "404 Not Found", "application/problem+json"),
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        b"garbage\r\n\r\n",
    ],
)
async def test_what_is_no_answer_is_unavailable(answer: bytes) -> None:
    """Broken answers, and refusals of the gateway itself, are the service's trouble and not the caller's."""
    async with serving(answer) as (server, service):
        call = asyncio.create_task(service.call(X, Deadline.after(0.3)))
        with pytest.raises((Unavailable, TimedOut)):
            await call
    assert server.connections >= 1


async def test_silence_ends_with_the_deadline() -> None:
    """A service that does not answer costs what was left, not more."""
    async with serving(None) as (_, service):
        with pytest.raises(TimedOut):
            await service.call(X, Deadline.after(0.05))


async def test_a_service_that_is_not_there_is_unavailable() -> None:
    """No listener is no answer, and not ready."""
    async with HttpTransport() as transport:
        service = Downstream("http://127.0.0.1:1", Tries(transport, 10.0), name="test")
        with pytest.raises(Unavailable, match="The test service is not available"):
            await service.call(X, Deadline.after(1))
        assert not await service.ready()


async def test_an_answer_has_a_bound() -> None:
    """Reading stops at the bound."""
    async with serving(response(b" " * 1001), answer_bytes_max=1000) as (server, service):
        with pytest.raises(TooLarge):
            await service.call(X, Deadline.after(1))
    assert len(server.requests) == 1


async def test_a_transport_that_is_not_open_answers_unavailable() -> None:
    """Construct is free, start connects."""
    service = Downstream("http://127.0.0.1:1", Tries(HttpTransport(), 10.0))
    with pytest.raises(Unavailable):
        await service.call(X, Deadline.after(1))
