"""The reader of the event log, against a small server of its protocol."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from services.log_reader import LogReader


@asynccontextmanager
async def _quiet_log() -> AsyncIterator[str]:
    """Serve a log that answers at once and then has nothing to say."""
    ended = asyncio.Event()

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
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
    async with _quiet_log() as url:
        reader = LogReader(url, idle_s=0.01)
        batches = reader.batches(0)
        before = reader.healthy
        assert await anext(batches) == []
        assert (before, reader.healthy) == (False, True)
        await batches.aclose()
