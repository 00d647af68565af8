"""The reader of the event log, against a small server of its protocol."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
from aiohttp import web
from structlog.testing import capture_logs

from contracts.events import CloudEvent, LogEntry
from services.followed import mark_of
from services.log_reader import LogReader


def _entries(count: int, source: str = "urn:test") -> list[LogEntry]:
    """Return the first entries of a log; another source makes another log."""
    data = msgspec.Raw(b"{}")
    return [
        LogEntry(offset, "2026-03-01T12:00:00Z", CloudEvent("1.0", f"e{offset}", source, "belfry.x.v1", "now", data))
        for offset in range(1, count + 1)
    ]


@asynccontextmanager
async def _serving(entries: list[LogEntry]) -> AsyncIterator[str]:
    """Serve a log that answers at once with what it has and then has nothing to say."""
    ended = asyncio.Event()

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        after = int(request.query["after"])
        await response.write(msgspec.json.Encoder().encode_lines(entries[after:]))
        await ended.wait()
        return response

    app = web.Application()
    app.router.add_get("/events/stream", stream)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        ended.set()
        await runner.cleanup()


async def test_a_reader_of_a_quiet_log_is_healthy_at_once() -> None:
    """It does not wait for the first heartbeat: a service with nothing to read would start seconds late."""
    async with _serving([]) as url:
        reader = LogReader(url, idle_s=0.01)
        batches = reader.batches(0)
        before = reader.healthy
        assert await anext(batches) == []
        assert (before, reader.healthy) == (False, True)
        await batches.aclose()


async def test_a_log_is_known_again_by_the_entry_applied_last() -> None:
    """It is asked for once more, found to be the same, and not told again."""
    entries = _entries(5)
    async with _serving(entries) as url:
        reader = LogReader(url, idle_s=0.01)
        batches = reader.batches(3, mark_of(entries[2]))
        assert [entry.offset for entry in await anext(batches)] == [4, 5]
        assert await anext(batches) == []
        assert reader.healthy
        await batches.aclose()


async def test_entries_past_a_batch_make_batches_of_one_size() -> None:
    """A rest of a few entries would look like a quiet log, on which whoever applies them does what waits for quiet."""
    async with _serving(_entries(205)) as url:
        batches = LogReader(url, batch_max=100).batches(0)
        assert [len(await anext(batches)) for _ in range(3)] == [69, 69, 67]
        await batches.aclose()


async def test_a_log_known_again_at_its_end_is_quiet() -> None:
    """Nothing but the entry applied last comes: the reader is caught up."""
    entries = _entries(3)
    async with _serving(entries) as url:
        reader = LogReader(url, idle_s=0.01)
        batches = reader.batches(3, mark_of(entries[2]))
        assert await anext(batches) == []
        await batches.aclose()


async def test_another_log_is_never_read_on() -> None:
    """Made anew or restored from an old copy it has another entry there: nothing is told, and it is not healthy."""
    async with _serving(_entries(5, "urn:another")) as url:
        reader = LogReader(url, idle_s=5.0)
        batches = reader.batches(3, mark_of(_entries(3)[2]))
        first = asyncio.ensure_future(anext(batches))
        with capture_logs() as logs:
            while not logs:
                await asyncio.wait({first}, timeout=0.05)
        assert not first.done()
        assert (logs[0]["error"], reader.healthy) == ("AnotherLog", False)
        first.cancel()
        await asyncio.wait({first})
        await batches.aclose()
