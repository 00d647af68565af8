"""What a connector must do, whatever is beneath it: one suite for each way to send httpx requests over the wire.

The peer is a socket that answers with the bytes it is given, so that it can be as wrong as a peer can be.
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

import pytest
import trustme
from msgspec.json import Decoder

from clients.deadline import Deadline
from clients.routes import Priority, Route
from clients.transport import (
    URL,
    AsyncBaseTransport,
    AsyncByteStream,
    Heading,
    PreparedRequest,
    Response,
    TimeoutException,
    TransportError,
)

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Kind: plain\r\n\r\nhello"


@dataclass
class Peer:
    """Reads a request, then does what its script says, until the connection ends."""

    script: Script
    port: int = 0
    connections: int = 0
    open: int = 0
    open_max: int = 0
    heads: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    asked: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        self.open_max = max(self.open_max, self.open)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                self.bodies.append(await reader.readexactly(int(lengths[0].split(b":")[1]) if lengths else 0))
                self.heads.append(head)
                self.asked.release()
                await self.script(reader, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open -= 1
            writer.close()


def says(*parts: bytes, close: bool = False) -> Script:
    """Return a script that writes these bytes, and closes after them where asked to."""

    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
        if close:
            writer.close()

    return script


async def hangs(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Answer nothing for as long as the other side is there."""
    await reader.read(1)
    raise ConnectionError


@asynccontextmanager
async def peer_that(script: Script, tls: ssl.SSLContext | None = None) -> AsyncGenerator[Peer]:
    """Run a peer on a free port."""
    peer = Peer(script)
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0, ssl=tls)
    peer.port = server.sockets[0].getsockname()[1]
    yield peer
    server.close()


def request_to(port: int, method: str = "GET", body: bytes = b"", scheme: str = "http") -> PreparedRequest:
    """Return a request to a peer."""
    origin = f"{scheme}://127.0.0.1:{port}"
    pairs = [("host", f"127.0.0.1:{port}"), ("accept-encoding", "identity"), ("x-own", "kept")]
    route = Route(method, "/path", Decoder(), Priority.BALANCES, repeatable=False)
    return PreparedRequest(route, Deadline.after(60), URL(origin), origin, Heading(pairs), "/path?q=a%26b", body)


async def read(response: Response) -> bytes:
    """Read an answer's body and give the connection back."""
    assert isinstance(response.stream, AsyncByteStream)
    try:
        return b"".join([chunk async for chunk in response.stream])
    finally:
        await response.stream.aclose()


async def ask(connector: AsyncBaseTransport, request: PreparedRequest) -> bytes:
    """Send a request and read the answer's body."""
    return await read(await connector.handle_async_request(request))


def server_tls(authority: trustme.CA, *, mutual: bool = False) -> ssl.SSLContext:
    """Return how a peer of an authority proves itself, and whether it wants the same of who calls."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    if mutual:
        context.verify_mode = ssl.CERT_REQUIRED
        authority.configure_trust(context)
    return context


def client_tls(authority: trustme.CA, *, mutual: bool = False) -> ssl.SSLContext:
    """Return what believes one authority only, and shows a certificate of it where asked to."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    if mutual:
        authority.issue_cert("gateway").configure_cert(context)
    return context


class ConnectorContract:
    """The facts; a subclass says how its connector is opened."""

    def opened(
        self, tls: ssl.SSLContext | None = None, connections_max: int = 10
    ) -> AbstractAsyncContextManager[AsyncBaseTransport]:
        """Return the connector, to be entered."""
        raise NotImplementedError

    async def test_a_request_is_sent_as_it_is(self) -> None:
        """Method, target, headers and body; status, headers and body come back."""
        async with peer_that(says(OK)) as peer, self.opened() as connector:
            response = await connector.handle_async_request(request_to(peer.port, "POST", b"data"))
            assert (response.status_code, response.headers["x-kind"]) == (200, "plain")
            assert await read(response) == b"hello"
        assert peer.heads[0].startswith(b"POST /path?q=a%26b HTTP/1.1\r\n")
        assert b"x-own: kept" in peer.heads[0].lower()
        assert peer.bodies == [b"data"]

    async def test_one_connection_serves_one_call_after_another(self) -> None:
        """Once an answer is read its connection is used again."""
        async with peer_that(says(OK)) as peer, self.opened() as connector:
            for _ in range(5):
                assert await ask(connector, request_to(peer.port)) == b"hello"
        assert peer.connections == 1

    async def test_connections_have_a_bound(self) -> None:
        """Further calls wait for one."""

        async def slowly(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await asyncio.sleep(0.005)
            writer.write(OK)

        async with peer_that(slowly) as peer, self.opened(connections_max=3) as connector:
            bodies = await asyncio.gather(*(ask(connector, request_to(peer.port)) for _ in range(20)))
        assert bodies == [b"hello"] * 20
        assert peer.open_max <= 3

    async def test_a_cancelled_call_costs_no_connection(self) -> None:
        """After more cancelled calls than there may be connections the next one is answered."""
        async with peer_that(hangs) as peer, self.opened(connections_max=3) as connector:
            for _ in range(5):
                calls = [asyncio.create_task(ask(connector, request_to(peer.port))) for _ in range(3)]
                for _ in calls:
                    await peer.asked.acquire()
                for call in calls:
                    call.cancel()
                await asyncio.gather(*calls, return_exceptions=True)
            peer.script = says(OK)
            async with asyncio.timeout(2):
                assert await ask(connector, request_to(peer.port)) == b"hello"

    async def test_a_call_cancelled_in_its_body_costs_no_connection(self) -> None:
        """Half an answer is no answer, and its connection is not used again."""
        half = says(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
        async with peer_that(half) as peer, self.opened(connections_max=1) as connector:
            for _ in range(3):
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await ask(connector, request_to(peer.port))
            peer.script = says(OK)
            async with asyncio.timeout(2):
                assert await ask(connector, request_to(peer.port)) == b"hello"
        assert peer.connections >= 4

    @pytest.mark.parametrize(
        "answer",
        [
            b"",
            b"HTTP/1.1 200 OK\r\nContent-Le",
            b"garbage\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: nine\r\n\r\nhello",
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfive\r\nhello\r\n",
            b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1_000_000 + b"\r\n\r\n",
        ],
    )
    async def test_what_is_broken_or_cut_is_a_transport_error(self, answer: bytes) -> None:
        """Whether it ends in the head or the body; it is never taken for whole."""
        async with peer_that(says(answer, close=True)) as peer, self.opened() as connector:
            with pytest.raises(TransportError):
                async with asyncio.timeout(5):
                    await ask(connector, request_to(peer.port, "POST"))

    async def test_nobody_there_is_a_transport_error(self) -> None:
        """At once."""
        async with self.opened() as connector:
            with pytest.raises(TransportError) as raised:
                await ask(connector, request_to(1))
        assert not isinstance(raised.value, TimeoutException)

    async def test_a_body_is_read_as_it_comes(self) -> None:
        """The first part is there before the last is sent, so that a reader may stop at its bound."""
        go_on = asyncio.Event()

        async def slowly(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
            await go_on.wait()
            writer.write(b"0\r\n\r\n")

        async with peer_that(slowly) as peer, self.opened() as connector:
            response = await connector.handle_async_request(request_to(peer.port))
            assert isinstance(response.stream, AsyncByteStream)
            parts = aiter(response.stream)
            assert await anext(parts) == b"hello"
            go_on.set()
            assert [part async for part in parts] == []
            await response.stream.aclose()

    async def test_an_answer_that_nobody_takes_is_not_read_on(self) -> None:
        """What waits in memory has a bound: the peer has to wait instead."""
        size = 32 * 1024 * 1024
        written = asyncio.Event()

        async def endless(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
            writer.write(bytes(size))
            await writer.drain()
            written.set()

        async with peer_that(endless) as peer, self.opened() as connector:
            response = await connector.handle_async_request(request_to(peer.port))
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await written.wait()
            assert len(await read(response)) == size

    async def test_an_answer_longer_than_one_read_is_whole(self) -> None:
        """However it is cut into parts, and its connection serves the next call."""
        body = bytes(range(256)) * 8192
        parts = [body[start : start + 70_001] for start in range(0, len(body), 70_001)]
        chunks = [b"%x\r\n%b\r\n" % (len(part), part) for part in parts]
        chunked = says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", *chunks, b"0\r\n\r\n")
        async with peer_that(chunked) as peer, self.opened() as connector:
            assert await ask(connector, request_to(peer.port)) == body
            assert await ask(connector, request_to(peer.port)) == body
        assert peer.connections == 1

    async def test_an_interim_answer_is_not_the_answer(self) -> None:
        """A service may say 100 or 103 before it."""
        early = says(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK)
        async with peer_that(early) as peer, self.opened() as connector:
            response = await connector.handle_async_request(request_to(peer.port))
            assert (response.status_code, await read(response)) == (200, b"hello")
            assert "link" not in response.headers

    async def test_an_answer_without_a_body_leaves_the_connection(self) -> None:
        """204 has none, whatever else it says."""
        async with peer_that(says(b"HTTP/1.1 204 No Content\r\n\r\n")) as peer, self.opened() as connector:
            for _ in range(2):
                assert await ask(connector, request_to(peer.port, "DELETE")) == b""
        assert peer.connections == 1

    async def test_a_connection_that_was_closed_while_idle_costs_a_read_nothing(self) -> None:
        """A service closes what it does not hear from for long, and may do so just as it is asked again."""

        async def once(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(OK)
            await writer.drain()
            peer.script = leaves if peer.script is once else once

        async def leaves(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            peer.script = once
            writer.close()

        async with peer_that(once) as peer, self.opened() as connector:
            for _ in range(3):
                assert await ask(connector, request_to(peer.port)) == b"hello"
        assert peer.connections >= 2

    async def test_what_comes_unasked_is_never_an_answer(self) -> None:
        """A second answer to one question is not taken for the answer to the next."""
        async with peer_that(says(OK, OK.replace(b"hello", b"wrong"))) as peer, self.opened() as connector:
            try:
                first = await ask(connector, request_to(peer.port))
            except TransportError:
                first = b"hello"
            await asyncio.sleep(0.01)
            peer.script = says(OK.replace(b"hello", b"other"))
            assert first == b"hello"
            assert await ask(connector, request_to(peer.port)) == b"other"

    async def test_redirects_are_answers(self) -> None:
        """No service sends the gateway elsewhere."""
        moved = says(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")
        async with peer_that(moved) as peer, self.opened() as connector:
            assert (await connector.handle_async_request(request_to(peer.port))).status_code == 302

    async def test_nothing_is_unpacked(self) -> None:
        """Nobody asked for a compressed answer, so that one cannot grow past its bound."""
        packed = says(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00")
        async with peer_that(packed) as peer, self.opened() as connector:
            assert await ask(connector, request_to(peer.port)) == b"\x1f\x8b\x08\x00"

    async def test_only_the_given_authority_is_believed(self) -> None:
        """A peer of another is not spoken to, whatever else the machine believes."""
        bank, other = trustme.CA(), trustme.CA()
        for authority, believed in ((bank, True), (other, False)):
            async with peer_that(says(OK), server_tls(authority)) as peer, self.opened(client_tls(bank)) as connector:
                if believed:
                    assert await ask(connector, request_to(peer.port, scheme="https")) == b"hello"
                    continue
                with pytest.raises(TransportError):
                    await ask(connector, request_to(peer.port, scheme="https"))
                assert peer.heads == []

    async def test_a_certificate_is_shown_to_who_demands_one(self) -> None:
        """Mutual TLS; without one there is no answer."""
        bank = trustme.CA()
        async with peer_that(says(OK), server_tls(bank, mutual=True)) as peer:
            async with self.opened(client_tls(bank, mutual=True)) as connector:
                assert await ask(connector, request_to(peer.port, scheme="https")) == b"hello"
            async with self.opened(client_tls(bank)) as connector:
                with pytest.raises(TransportError):
                    await ask(connector, request_to(peer.port, scheme="https"))
