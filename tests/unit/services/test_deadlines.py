"""A service stops reading for a caller whose time is over."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import httpx
import pytest
from litestar import Litestar, get, post

from services.access import Access
from services.service import create_service


class Work:
    """What the routes below are doing."""

    def __init__(self) -> None:
        self.begun = self.stopped = self.done = 0
        self.go_on = asyncio.Event()

    async def run(self) -> None:
        self.begun += 1
        try:
            await self.go_on.wait()
            self.done += 1
        except asyncio.CancelledError:
            self.stopped += 1
            raise


@pytest.fixture
async def work() -> Work:
    return Work()


@pytest.fixture
async def http(work: Work) -> AsyncGenerator[httpx.AsyncClient]:
    """A client of a service with one read and one write that take as long as `work` says."""

    @get("/read")
    async def read() -> dict[str, int]:
        await work.run()
        return {"done": work.done}

    @post("/write")
    async def write() -> dict[str, int]:
        await work.run()
        return {"done": work.done}

    async def ready() -> dict[str, bool]:
        return {}

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        yield

    app = create_service(
        title="t", version="1", handlers=[read, write], lifespan=lifespan, ready=ready, access=Access("")
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(cast("Any", app)), base_url="http://service") as client:
        yield client


def waits(ms: str) -> dict[str, str]:
    """Return the header of a caller who waits so long."""
    return {"X-Request-Timeout-Ms": ms}


async def test_a_read_is_stopped_when_its_callers_time_is_over(http: httpx.AsyncClient, work: Work) -> None:
    """It is answered as what it is, and works no further."""
    answer = await http.get("/read", headers=waits("5"))
    assert (answer.status_code, answer.json()["code"]) == (504, "TIMED_OUT")
    assert answer.headers["content-type"] == "application/problem+json"
    assert (work.begun, work.stopped, work.done) == (1, 1, 0)


async def test_a_read_within_its_callers_time_is_answered(http: httpx.AsyncClient, work: Work) -> None:
    """The header changes nothing else; and without it nobody's time is over."""
    work.go_on.set()
    assert (await http.get("/read", headers=waits("5000"))).json() == {"done": 1}
    assert (await http.get("/read")).json() == {"done": 2}


async def test_a_write_goes_on_to_its_end(http: httpx.AsyncClient, work: Work) -> None:
    """Stopped in the middle it would leave its caller knowing less."""
    call = asyncio.create_task(http.post("/write", headers=waits("1")))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await asyncio.shield(call)
    work.go_on.set()
    assert (await call).json() == {"done": 1}
    assert work.stopped == 0


async def test_a_wait_that_is_none_is_refused(http: httpx.AsyncClient) -> None:
    """It is the caller's mistake, and told as that."""
    for ms in ("0", "-5", "soon", "1e3", "99999999", "\u0663"):
        answer = await http.get("/read", headers=[(b"X-Request-Timeout-Ms", ms.encode())])
        assert (answer.status_code, answer.json()["code"]) == (400, "BAD_INPUT"), ms
