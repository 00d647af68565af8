"""Serve the event service to a test in its own process, and speak to it as its peers do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import httpx
import msgspec
from litestar import Litestar

from contracts.ingest import IngestReport
from contracts.settings import Settings
from contracts.transactions import TransactionPage
from services.events.app import create_app
from services.events.messages import BATCHED
from tests.unit.services.events.samples import NOW


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
async def served(data_dir: Path, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(Settings(data_dir=data_dir, **settings), clock=lambda: NOW)
    async with (
        running(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(cast("Any", app)), base_url="http://events") as client,
    ):
        yield client


async def send(client: httpx.AsyncClient, *records: bytes) -> IngestReport:
    body = b"[" + b",".join(records) + b"]"
    answer = await client.post("/events", content=body, headers={"content-type": BATCHED})
    return msgspec.json.decode(answer.content, type=IngestReport)


async def page(client: httpx.AsyncClient, query: str) -> TransactionPage:
    answer = await client.get(f"/transactions?{query}")
    assert answer.status_code == 200, answer.text
    return msgspec.json.decode(answer.content, type=TransactionPage)


def ids(of: TransactionPage) -> list[str]:
    return [edge.node.id for edge in of.edges]
