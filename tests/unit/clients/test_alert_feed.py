"""Live streams are followed through cuts, heartbeats and split lines."""

from collections.abc import AsyncIterator

import msgspec

from clients.alert_feed import FROM_NOW, AccountChangeStream, AlertStream
from clients.transport import AsyncBaseTransport, AsyncByteStream, Request, Response, TransportError, target_of
from contracts.alerts import AlertLogEntry
from contracts.feed import AccountChange
from tests.unit.resolvers.services import delivered


class Chunks(AsyncByteStream):
    """A body of these chunks."""

    def __init__(self, chunks: list[bytes]) -> None:
        self._chunks = chunks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            yield chunk


class Streams(AsyncBaseTransport):
    """Answers each connection with the next body; None refuses it."""

    def __init__(self, *bodies: list[bytes] | None) -> None:
        self._bodies = list(bodies)
        self.targets: list[str] = []

    async def handle_async_request(self, request: Request) -> Response:
        self.targets.append(target_of(request))
        body = self._bodies.pop(0)
        if body is None:
            raise TransportError("refused")
        return Response(200, stream=Chunks(body))


def entry(offset: int) -> AlertLogEntry:
    return delivered(offset).entry


def line(offset: int) -> bytes:
    return msgspec.json.encode(entry(offset)) + b"\n"


async def _read(streams: Streams, count: int, after: int = 0) -> list[list[int]]:
    batches = AlertStream("http://analytics", transport=streams, backoff_s_min=0.0).entries(after)
    read = [[one.offset for one in await anext(batches)] for _ in range(count)]
    await batches.aclose()
    return read


async def test_a_stream_is_followed_across_cuts_from_the_last_offset() -> None:
    """Every attachment begins with an empty list and goes on where the last one ended."""
    streams = Streams([line(1) + line(2)], None, [line(3)])
    assert await _read(streams, 4) == [[], [1, 2], [], [3]]
    assert [target.partition("after=")[2].partition("&")[0] for target in streams.targets] == ["0", "2", "2"]


async def test_lines_may_be_cut_anywhere_and_heartbeats_are_nothing() -> None:
    """Only whole lines are read; blank ones are the service's heartbeat."""
    text = line(5)
    assert await _read(Streams([b"\n", text[:10], text[10:] + b"\n" + line(6)[:-1], b"\n"]), 3) == [[], [5], [6]]


async def test_a_stream_from_now_begins_at_the_offset_it_is_told() -> None:
    """It is attached once it knows its place; a reconnect goes on from there and misses nothing."""
    streams = Streams([b"\n", b'{"offset": 40}\n'], [line(41)])
    assert await _read(streams, 3, FROM_NOW) == [[], [], [41]]
    assert "after=-1" in streams.targets[0]
    assert "after=40" in streams.targets[1]


async def test_a_line_that_is_no_entry_makes_the_reader_attach_again() -> None:
    """Nonsense is a broken stream, not a crash."""
    assert await _read(Streams([b"nonsense\n"], [line(1)]), 3) == [[], [], [1]]


async def test_account_changes_are_read_the_same_way() -> None:
    """The other stream has its own path and entries."""
    change = AccountChange(7, "a-current")
    streams = Streams([b'{"offset": 6}\n' + msgspec.json.encode(change) + b"\n"])
    batches = AccountChangeStream("http://accounts", "token", transport=streams).entries(FROM_NOW)
    assert [await anext(batches), await anext(batches)] == [[], [change]]
    await batches.aclose()
    assert streams.targets == ["/accounts/changes?after=-1&wait=30"]
