"""Facts about one exchange: what goes on the wire is one head and exactly the body it promised, and nothing stays."""

import asyncio
import gc
import logging
import weakref
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.flow_control import FlowControl

from gateway.exchanges import UNREAD_BYTES_MAX, Exchange
from gateway.gates import Gate
from gateway.writers import CHUNKS

LENGTH_5 = (b"content-length", b"5")
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Client(asyncio.Transport):
    """Keeps what it is sent; and is the connection an exchange belongs to."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.writes = self.completed = 0
        self.closing = False
        self._reading = True

    def write(self, data: Any) -> None:
        self.sent += data
        self.writes += 1

    def close(self) -> None:
        self.closing = True

    def is_closing(self) -> bool:
        return self.closing

    def on_response_complete(self) -> None:
        self.completed += 1

    def take_over(self, exchange: Exchange) -> None:
        """Let it go on."""

    def is_reading(self) -> bool:
        return self._reading

    def pause_reading(self) -> None:
        self._reading = False

    def resume_reading(self) -> None:
        self._reading = True


def exchange(method: str = "GET", *, keep_alive: bool = True, owes_continue: bool = False) -> tuple[Exchange, Client]:
    """Return an exchange and who it is with."""
    client = Client()
    flow = FlowControl(client)
    flow._is_writable_event = Gate(is_open=True)  # type: ignore[assignment]  # as the gateway's connections have it
    scope = {"type": "http", "method": method, "extensions": {}}
    made = Exchange(client, flow, scope, client, keep_alive=keep_alive, owes_continue=owes_continue)
    scope["extensions"] = {CHUNKS: made}
    return made, client


def says(*messages: dict[str, Any]) -> App:
    """Return an application that says these, and asks for nothing."""

    async def app(_: Scope, __: Receive, send: Send) -> None:
        for message in messages:
            await send(message)

    return app


def start(*headers: tuple[bytes, bytes], status: int = 200) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": headers}


def body(data: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


async def answered(made: Exchange, client: Client, *messages: dict[str, Any]) -> bytes:
    """Have it answered, and return what went on the wire."""
    await made.run_asgi(says(*messages))
    return client.sent


HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("method", "keep_alive", "messages", "sent"),
    [
        ("GET", True, [start(LENGTH_5), body(b"hello")], HEAD + b"content-length: 5\r\n\r\nhello"),
        (
            "GET", True, [start(), body(b"hello", more=True), body(b"")],
            HEAD + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        ),
        (
            "GET", True, [start((b"transfer-encoding", b"gzip")), body(b"x" * 16)],
            HEAD + b"transfer-encoding: chunked\r\n\r\n10\r\n" + b"x" * 16 + b"\r\n0\r\n\r\n",
        ),
        ("HEAD", True, [start(LENGTH_5), body(b"hello")], HEAD + b"content-length: 5\r\n\r\n"),
        ("GET", True, [start(status=204), body(b"")], b"HTTP/1.1 204 No Content\r\n\r\n"),
        (
            "GET", True, [start(LENGTH_5, status=294), body(b"hello")],
            b"HTTP/1.1 294 \r\ncontent-length: 5\r\n\r\nhello",
        ),
        (
            "GET", True, [start((b"a%d", b"%b"), LENGTH_5, (b"a%d", b"c")), body(b"hello")],
            HEAD + b"a%d: %b\r\ncontent-length: 5\r\na%d: c\r\n\r\nhello",
        ),
        (
            "GET", False, [start(LENGTH_5), body(b"hello")],
            HEAD + b"content-length: 5\r\nconnection: close\r\n\r\nhello",
        ),
        (
            "GET", True, [start(LENGTH_5, (b"connection", b"close")), body(b"hello")],
            HEAD + b"content-length: 5\r\nconnection: close\r\n\r\nhello",
        ),
    ],
)  # fmt: skip
async def test_an_answer_is_framed_as_its_head_says(
    method: str, keep_alive: bool, messages: list[dict[str, Any]], sent: bytes
) -> None:
    """By its length, in chunks, without a body; and the connection ends where either side said so."""
    made, client = exchange(method, keep_alive=keep_alive)
    assert await answered(made, client, *messages) == sent
    assert client.closing == (b"connection: close" in sent)
    assert client.completed == 1


@pytest.mark.parametrize(
    "header",
    [
        (b"x", b"a\r\nset-cookie: b=c"), (b"x", b"a\nb"), (b"x", b"a\0"), (b"x", b"\x7f"), (b"x\r\ny", b"z"),
        (b"x y", b"z"), (b"x:", b"z"), (b"", b"z"), (b"X", b"z"),
    ],
)  # fmt: skip
async def test_no_header_can_end_the_head(header: tuple[bytes, bytes], caplog: pytest.LogCaptureFixture) -> None:
    """Whatever a value holds, the client gets the head that was meant or none of it."""
    made, client = exchange()
    with caplog.at_level(logging.CRITICAL, "uvicorn.error"):
        sent = await answered(made, client, start(LENGTH_5, header), body(b"hello"))
    assert sent.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
    assert sent.count(b"HTTP/1.1") == 1
    assert client.closing


@pytest.mark.parametrize(
    ("messages", "has_begun"),
    [
        ([start(LENGTH_5), body(b"hell")], True),
        ([start(LENGTH_5), body(b"hel", more=True)], True),
        ([start(LENGTH_5), body(b"hel", more=True), body(b"hel")], True),
        ([start(LENGTH_5), body(b"hello!")], False),
        ([start(LENGTH_5), start(LENGTH_5)], False),
        ([start(LENGTH_5)], False),
        ([body(b"hello")], False),
        ([], False),
    ],
)
async def test_an_answer_that_is_not_what_it_promised_ends_the_connection(
    messages: list[dict[str, Any]], has_begun: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """So that the next answer is never read as a part of it; where nothing is on the wire, it is a failure of ours."""
    made, client = exchange()
    with caplog.at_level(logging.CRITICAL, "uvicorn.error"):
        sent = await answered(made, client, *messages)
    assert client.closing
    assert sent.startswith(HEAD if has_begun else b"HTTP/1.1 500 ")
    assert sent.count(b"HTTP/1.1") == 1


async def test_nothing_is_said_after_the_answer(caplog: pytest.LogCaptureFixture) -> None:
    """A second answer on the same connection would be taken for that to the next request."""
    made, client = exchange()
    with caplog.at_level(logging.CRITICAL, "uvicorn.error"):
        sent = await answered(made, client, start(LENGTH_5), body(b"hello"), body(b"again"))
    assert sent == HEAD + b"content-length: 5\r\n\r\nhello"


async def test_a_client_that_takes_nothing_is_waited_for() -> None:
    """What it is told next goes out once it has taken what there was."""
    made, client = exchange()
    made._flow.pause_writing()
    waiting = asyncio.ensure_future(made.run_asgi(says(start(LENGTH_5), body(b"hello"))))
    await asyncio.sleep(0)
    assert (client.sent, waiting.done()) == (b"", False)
    made._flow.resume_writing()
    await waiting
    assert client.sent.endswith(b"hello")


async def test_a_head_goes_out_with_its_body() -> None:
    """Each write is a system call at once: it is a sixth of what a small request costs."""
    made, client = exchange()
    await answered(made, client, start(LENGTH_5), body(b"hello"))
    assert client.writes == 1


async def test_a_body_arrives_in_parts_and_is_not_read_ahead_of_whoever_asks() -> None:
    """Beyond the bound the client is not read from; whoever expects to be told to go on is told once."""
    made, client = exchange("POST", owes_continue=True)
    made.arrive(b"x" * UNREAD_BYTES_MAX)
    assert client.is_reading()
    made.arrive(b"y")
    assert not client.is_reading()
    part = await made.receive()
    assert (len(part["body"]), part["more_body"], client.is_reading()) == (UNREAD_BYTES_MAX + 1, True, True)
    made.arrive(b"z")
    made.more_body = False
    assert await made.receive() == {"type": "http.request", "body": b"z", "more_body": False}
    made.disconnected = True
    assert await made.receive() == {"type": "http.disconnect"}
    assert client.sent == b"HTTP/1.1 100 Continue\r\n\r\n"


async def test_a_stream_that_was_taken_over_goes_on_without_its_application() -> None:
    """Chunks are kept until they are sent off, the last one ends the answer, and its end is told once."""
    over: list[str] = []

    async def app(scope: Scope, _: Receive, send: Send) -> None:
        await send(start())
        await send(body(b"", more=True))
        assert scope["extensions"][CHUNKS].take_over(lambda: over.append("over"))

    made, client = exchange()
    await made.run_asgi(app)
    head = client.sent
    assert made.write(b"kept")
    assert client.sent == head
    made.send_off()
    await made.send(b"sent")
    await made.finish(b"last")
    assert client.sent == head + b"4\r\nkept\r\n4\r\nsent\r\n4\r\nlast\r\n0\r\n\r\n"
    made.end()
    await asyncio.sleep(0)
    assert (over, client.completed, client.closing) == (["over"], 1, False)
    assert not made.write(b"more")
    with pytest.raises(ConnectionResetError):
        await made.send(b"more")


async def test_only_a_stream_that_has_begun_is_taken_over() -> None:
    """Not an answer of a known length, nor one that is whole."""
    made, client = exchange()
    assert not made.take_over(lambda: None)
    await answered(made, client, start(LENGTH_5), body(b"hello"))
    assert not made.take_over(lambda: None)


async def test_an_exchange_leaves_nothing_to_the_collector() -> None:
    """A ring a request would be tens of megabytes of cold memory until the collector comes, which is seldom."""
    gc.collect()
    gc.disable()
    try:
        made, client = exchange()
        left = weakref.WeakSet([client])
        await answered(made, client, start(LENGTH_5), body(b"hello"))
        del made, client
        assert not left
    finally:
        gc.enable()
