"""Facts about connections: what is no request is refused, and nobody holds or fills one for nothing."""

import asyncio
import base64
import json
import re
import struct
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from starlette.applications import Starlette

from gateway.connections import Caps, address_of
from gateway.http_connections import HEADERS_MAX, PIPELINED_MAX, BoundedHttpProtocol
from gateway.listeners import server_config
from gateway.socket_connections import FRAMES_MAX, BoundedSocketProtocol
from gateway.telemetry import CUT, Cut
from tests.serving import Server

HOST = b"Host: localhost\r\n"
LIVE = b"GET /health/live HTTP/1.1\r\n" + HOST + b"\r\n"
POST = b"POST /graphql HTTP/1.1\r\nContent-Type: application/json\r\n" + HOST
UPGRADE = (
    b"GET /graphql HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: "
    + base64.b64encode(bytes(16))
    + b"\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n"
    + HOST
)
TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
WAIT_S = 10.0


class HastyHttp(BoundedHttpProtocol):
    """Waits a tenth of a second for what the gateway waits seconds."""

    header_s_max = body_s_max = write_s_max = 0.1


class RestlessHttp(BoundedHttpProtocol):
    """Lets a connection rest for a fifth of a second."""

    rest_s = 0.2

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.timeout_keep_alive = self.rest_s  # type: ignore[assignment]  # uvicorn counts whole seconds


class HastySocket(BoundedSocketProtocol):
    """The same for sockets."""

    write_s_max = 0.1


@asynccontextmanager
async def _served(app: Starlette, proxies: Sequence[str] = (), **protocols: Any) -> AsyncGenerator[int]:
    config = server_config(app, host="127.0.0.1", port=0, trusted_proxies=proxies)
    for name, protocol in protocols.items():
        setattr(config, name, protocol)
    server = Server(config)
    task = asyncio.create_task(server.serve())
    await server.listening.wait()
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.stop()
        await task


@pytest.fixture
async def port(app: Starlette) -> AsyncGenerator[int]:
    """Where the edge listens as it does in earnest."""
    async with _served(app) as found:
        yield found


@pytest.fixture
async def hasty_port(app: Starlette) -> AsyncGenerator[int]:
    """Where it listens without patience."""
    async with _served(app, http=HastyHttp, ws=HastySocket) as found:
        yield found


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def _connected(port: int, sent: bytes = b"") -> AsyncGenerator[Streams]:
    """Connect and send; whatever happens, the connection ends with the block."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(WAIT_S):
            writer.write(sent)
            yield reader, writer
    finally:
        writer.transport.abort()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def _until_closed(reader: asyncio.StreamReader) -> bytes:
    """Return all that comes until the server closes."""
    received = b""
    with suppress(ConnectionResetError):
        while chunk := await reader.read(65_536):
            received += chunk
    return received


async def _status(port: int, *parts: bytes) -> bytes:
    """Send bytes and return the status line of the first answer, or nothing."""
    async with _connected(port) as (reader, writer):
        with suppress(ConnectionResetError, BrokenPipeError):
            for part in parts:
                writer.write(part)
                await writer.drain()
        with suppress(ConnectionResetError):
            return (await reader.readline()).strip()
    return b""


async def _flood(writer: asyncio.StreamWriter, data: bytes) -> None:
    """Send the same again and again until the server ends it."""
    with suppress(ConnectionError):
        while not writer.transport.is_closing():
            writer.write(data)
            await writer.drain()


SMUGGLED = {
    "two hosts": b"GET /health/live HTTP/1.1\r\nHost: evil.example\r\n" + HOST + b"\r\n",
    "no host": b"GET /health/live HTTP/1.1\r\n\r\n",
    "two lengths": POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n12345",
    "length and chunks": POST
    + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\n\r\n",
    "an unknown coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a coding after chunked": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "a signed length": POST + b"Content-Length: +5\r\n\r\n12345",
    "a space before the colon": b"GET /health/live HTTP/1.1\r\nHost : localhost\r\n\r\n",
    "a folded header": b"GET /health/live HTTP/1.1\r\n" + HOST + b"X: a\r\n b\r\n\r\n",
    "bare line feeds": b"GET /health/live HTTP/1.1\nHost: localhost\n\n",
    "a bare carriage return": b"GET /health/live HTTP/1.1\r\n" + HOST + b"X: a\rb\r\n\r\n",
    "a zero byte": b"GET /health/live HTTP/1.1\r\n" + HOST + b"X: a\0b\r\n\r\n",
    "a tunnel": b"CONNECT localhost:80 HTTP/1.1\r\n" + HOST + b"\r\n",
    "a path of bytes": b"GET /\xff\xfe HTTP/1.1\r\n" + HOST + b"\r\n",
    "another protocol": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a socket's path of bytes": UPGRADE.replace(b"/graphql", b"/\xff") + b"\r\n",
    "a socket with a body": UPGRADE + b"Content-Length: 5\r\n\r\n12345",
    "a socket with the length of a body": UPGRADE + b"Content-Length: 0\r\n\r\n",
    "a socket with chunks": UPGRADE + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
}


async def test_what_two_readers_could_read_differently_is_refused(port: int) -> None:
    """Request smuggling needs a proxy and a server who disagree: each such shape ends the connection with 400."""
    statuses = {name: await _status(port, sent) for name, sent in SMUGGLED.items()}
    assert statuses == dict.fromkeys(SMUGGLED, b"HTTP/1.1 400 Bad Request")


async def test_a_socket_does_not_overtake_an_answer(port: int) -> None:
    """Behind a request that is not answered yet there is none: its frames would come before the answer."""
    async with _connected(port, LIVE + UPGRADE + b"\r\n") as (reader, _):
        assert b"101" not in await _until_closed(reader)


H2C = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABk\r\n"


@pytest.mark.parametrize("size", [1, 10_000])
async def test_an_upgrade_nobody_speaks_is_ignored(port: int, token: str, size: int) -> None:
    """Java's client offers HTTP/2 with every first request: it is answered, body and all, and so is the next one."""
    body = json.dumps({"query": "{ item { name } }"}).encode()
    head = POST + b"Authorization: Bearer %s\r\n" % token.encode()
    lengths = b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
    chunks = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    sent = head + H2C + lengths + head + H2C + chunks + LIVE[:-2] + H2C + b"\r\n" + LIVE
    async with _connected(port) as (reader, writer):
        for place in range(0, len(sent), size):
            writer.write(sent[place : place + size])
            await asyncio.sleep(0)
        for answer in (b'{"data":{"item":{"name":"x"}}}',) * 2 + (b'{"status":"live"}',) * 2:
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
            assert await reader.readexactly(len(answer)) == answer


LARGE = {
    "long": LIVE[:-2] + b"X: " + b"a" * 40_000 + b"\r\n\r\n",
    "many bytes": LIVE[:-2] + b"A: b\r\n" * 6_000 + b"\r\n",
    "many": LIVE[:-2] + b"A: b\r\n" * HEADERS_MAX + b"\r\n",
    "a long path": b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "endless": LIVE[:-2] + b"X: " + b"a" * 300_000,
    "many for a socket": UPGRADE + b"A: b\r\n" * 120 + b"\r\n",
    "long for a socket": UPGRADE + b"A: " + b"b" * 9_000 + b"\r\n\r\n",
}


async def test_a_large_head_is_refused(port: int) -> None:
    """431, whether it comes in one packet or in many; a reset may overtake the answer to one still being sent."""
    for name, head in LARGE.items():
        for size in (len(head), 4_096):
            parts = [head[place : place + size] for place in range(0, len(head), size)]
            status = await _status(port, *parts)
            assert status in (b"HTTP/1.1 431 Request Header Fields Too Large", b""), name
    assert await _status(port, LIVE) == b"HTTP/1.1 200 OK"


async def test_trailers_are_no_headers(port: int) -> None:
    """What follows a chunked body cannot name another host or bring a credential."""
    body = b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nhost: evil.example\r\nauthorization: Bearer x\r\n\r\n"
    assert await _status(port, POST + body) == b"HTTP/1.1 401 Unauthorized"


async def test_a_head_that_does_not_end_closes_the_connection(hasty_port: int) -> None:
    """Slow senders get 408: from the connection on, for every request."""
    for begun in (b"", b"GET /health", LIVE[:-2], LIVE + b"GET /"):
        async with _connected(hasty_port, begun) as (reader, _):
            assert (await _until_closed(reader)).endswith(TIMED_OUT)


async def test_line_ends_between_requests_keep_no_connection(hasty_port: int) -> None:
    """They begin no request, and uvicorn alone would wait for one without end."""
    async with _connected(hasty_port, LIVE) as (reader, writer):
        await reader.readuntil(b'{"status":"live"}')
        writer.write(b"\r\n")
        assert await _until_closed(reader) == TIMED_OUT


async def test_a_head_in_drops_gets_no_longer(hasty_port: int) -> None:
    """Each byte does not begin the time anew."""
    async with _connected(hasty_port, LIVE[:-2] + b"X: ") as (reader, writer):

        async def drip() -> None:
            while True:
                writer.write(b"a")
                await asyncio.sleep(0.01)

        dripping = asyncio.create_task(drip())
        assert b"408" in await _until_closed(reader)
        dripping.cancel()


async def test_a_connection_rests_from_its_last_answer_on(app: Starlette) -> None:
    """Then it is closed; one that has become a socket in the meantime is not."""
    loop = asyncio.get_running_loop()
    async with (
        _served(app, http=RestlessHttp) as port,
        _connected(port, LIVE) as (socket_reader, socket_writer),
        _connected(port, LIVE) as (reader, writer),
    ):
        await socket_reader.readuntil(b"\r\n\r\n")
        socket_writer.write(UPGRADE + b"\r\n")
        await socket_reader.readuntil(b"101 Switching Protocols")
        await reader.readuntil(b"\r\n\r\n")
        asked_at = loop.time()
        writer.write(LIVE)
        assert (await _until_closed(reader)).count(b"200 OK") == 1
        assert loop.time() - asked_at >= RestlessHttp.rest_s
        assert not socket_reader.at_eof()


async def test_a_refused_body_that_goes_on_is_cut_off(hasty_port: int) -> None:
    """An early answer does not leave a connection that a byte a minute keeps open."""
    before = _cut(Cut.SLOW_BODY)
    async with _connected(hasty_port, POST + b"Content-Length: 1000\r\n\r\n{") as (reader, _):
        assert (await _until_closed(reader)).startswith(b"HTTP/1.1 401")
    assert _cut(Cut.SLOW_BODY) == before + 1


async def test_a_body_without_end_is_cut_off(port: int) -> None:
    """Refused, and then not read for ever."""
    before = _cut(Cut.LARGE_BODY)
    async with _connected(port, POST + b"Content-Length: 1000000000\r\n\r\n") as (_, writer):
        await _flood(writer, b" " * 65_536)
    assert _cut(Cut.LARGE_BODY) == before + 1


async def test_few_requests_wait_behind_another(port: int) -> None:
    """A pipeline is answered in order up to its bound; a longer one ends the connection, however fast it is sent."""
    async with _connected(port, LIVE * PIPELINED_MAX) as (reader, writer):
        for _ in range(PIPELINED_MAX):
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
            await reader.readexactly(len(b'{"status":"live"}'))
        writer.write(LIVE * 5_000)
        assert (await _until_closed(reader)).count(b"HTTP/1.1 ") <= PIPELINED_MAX + 1


def _events(token: str, query: str) -> bytes:
    """Return a request for a stream of events."""
    body = json.dumps({"query": query}).encode()
    head = f"Accept: text/event-stream\r\nAuthorization: Bearer {token}\r\nContent-Length: {len(body)}\r\n\r\n"
    return POST + head.encode() + body


async def test_a_connection_goes_on_after_a_stream(port: int, token: str) -> None:
    """What waits behind it is answered in its turn."""
    async with _connected(port, _events(token, "subscription { count(to: 3) { name } }") + LIVE) as (reader, _):
        stream = await reader.readuntil(b"\r\n0\r\n\r\n")
        assert stream.count(b"event: next") == 3
        assert (await reader.readline()).strip() == b"HTTP/1.1 200 OK"


@pytest.mark.parametrize("behind", [b"", LIVE])
async def test_a_stream_ends_with_its_connection(app: Starlette, port: int, token: str, behind: bytes) -> None:
    """Whatever waits behind it: nothing is kept of it, and its customer may open another."""
    app.state.streams.heartbeat_s = 0.01
    app.state.streams.customers = Caps(1, "streams")
    silent = _events(token, "subscription { silent { name } }")
    async with _connected(port, silent + behind) as (reader, _):
        await reader.readuntil(b":\n\n")
    async with asyncio.timeout(5):
        while await _status(port, silent) != b"HTTP/1.1 200 OK":
            pass  # until the server has noticed that the client left


async def test_a_slow_reader_of_a_stream_misses_nothing(app: Starlette, token: str) -> None:
    """The stream waits for it."""
    paused = asyncio.Event()

    class Noting(BoundedHttpProtocol):
        def pause_writing(self) -> None:
            super().pause_writing()
            paused.set()

    query = f"subscription {{ count(to: 3000) {{ name {'x' * 4000}: cursor }} }}"
    async with _served(app, http=Noting) as port, _connected(port, _events(token, query)) as (reader, _):
        await paused.wait()
        stream = b""
        while not stream.endswith(b"\r\n0\r\n\r\n"):
            stream += await reader.read(1_000_000)
    names = re.findall(rb'"count":{"name":"(\d+)"', stream)
    assert names == [b"%d" % number for number in range(1, 3001)]


async def test_who_takes_no_answer_is_cut_off(hasty_port: int, token: str) -> None:
    """Answers that nobody reads do not stay in memory."""
    before = _cut(Cut.SLOW_READER)
    body = json.dumps({"query": "{ item(size: 800000) { name } }"}).encode()
    ask = POST + b"Authorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s" % (token.encode(), len(body), body)
    async with _connected(hasty_port) as (_, writer):
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        while _cut(Cut.SLOW_READER) == before:
            writer.write(ask)
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(("proxies", "believed"), [(["127.0.0.0/8"], True), (["10.0.0.1"], False), ([], False)])
async def test_only_a_trusted_proxy_says_where_a_request_came_from(
    app: Starlette, proxies: list[str], believed: bool
) -> None:
    """What anybody else claims of address and scheme is ignored."""
    forwarded = LIVE[:-2] + b"X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n\r\n"
    async with _served(app, proxies) as port, _connected(port, forwarded) as (reader, _):
        assert (b"strict-transport-security" in await reader.readuntil(b"\r\n\r\n")) is believed


@pytest.mark.parametrize(
    ("host", "counted"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::9", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("fe80::1%eth0", "fe80::/64"),
        ("a:b", "a:b"),
    ],
)
def test_a_subscriber_has_one_address(host: str, counted: str) -> None:
    """Limits by address are not lifted by the billions of addresses that come with every IPv6 connection."""
    assert address_of({"type": "http", "client": (host, 1)}) == counted


def _frame(opcode: int, data: bytes = b"", *, fin: bool = True) -> bytes:
    return struct.pack("!BB4x", (0x80 if fin else 0) | opcode, 0x80 | len(data)) + data


async def test_pings_that_nobody_takes_the_answers_of_are_not_read(hasty_port: int) -> None:
    """A socket that only sends is cut off before its answers fill the memory."""
    before = _cut(Cut.SLOW_READER)
    async with _connected(hasty_port, UPGRADE + b"\r\n") as (reader, writer):
        assert (await reader.readline()).startswith(b"HTTP/1.1 101")
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        await _flood(writer, _frame(0x9, b"x" * 125) * 1_000)
    assert _cut(Cut.SLOW_READER) == before + 1


async def test_a_message_of_endless_empty_frames_is_refused(port: int) -> None:
    """1009: frames are bounded where bytes are not used."""
    frames = _frame(0x1, fin=False) + _frame(0x0, fin=False) * FRAMES_MAX
    async with _connected(port, UPGRADE + b"\r\n") as (reader, writer):
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
        writer.write(frames)
        assert struct.pack("!H", 1009) in await _until_closed(reader)


def _cut(reason: Cut) -> float:
    return float(CUT[reason]._value.get())
