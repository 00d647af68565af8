"""Serve the analytics service to a test in its own process, over a log that the test writes."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import httpx
from litestar import Litestar

from contracts.events import LogEntry
from contracts.settings import Settings
from services.analytics.app import create_app
from services.followed import mark_of
from tests.unit.services.analytics.logs import START, Log


class WrittenLog:
    """An event log that hands over what the test has written, then waits for more."""

    healthy = True

    def __init__(self, log: Log) -> None:
        self.log = log
        self._written = asyncio.Event()
        self._taken = 0
        self._caught_up = asyncio.Event()

    async def batches(self, after: int, mark: str = "") -> AsyncGenerator[list[LogEntry]]:
        """Yield what is there, at most three entries at a time."""
        assert mark == (mark_of(self.log.entries[after - 1]) if after else "")
        while True:
            self._written.clear()
            while batch := self.log.entries[after : after + 3]:
                yield batch
                after += len(batch)
            self._taken = after
            self._caught_up.set()
            await self._written.wait()

    async def applied(self) -> None:
        """Wait until all that is written is applied."""
        while self._taken < len(self.log.entries):
            self._caught_up.clear()
            self._written.set()
            await self._caught_up.wait()


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@asynccontextmanager
async def running(app: Litestar) -> AsyncIterator[None]:
    """Keep an application's lifespan in one task of its own: fixtures are set up and torn down in different ones."""
    started, done = asyncio.Event(), asyncio.Event()

    async def run() -> None:
        async with app.lifespan():
            started.set()
            await done.wait()

    task = asyncio.create_task(run())
    starting = asyncio.create_task(started.wait())
    await asyncio.wait({task, starting}, return_when=asyncio.FIRST_COMPLETED)
    yield
    starting.cancel()
    done.set()
    await task


@asynccontextmanager
async def served(data_dir: Path, written: WrittenLog, clock: Clock) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of a service that has applied what is written."""
    app = create_app(Settings(data_dir=data_dir), clock=clock, event_log=written)
    async with (
        running(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(cast("Any", app)), base_url="http://analytics") as client,
    ):
        await written.applied()
        yield client
