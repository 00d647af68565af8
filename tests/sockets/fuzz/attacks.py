"""What attacks share: how often, on what, how bytes are sent, and what must never be seen."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from random import Random

import psutil
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from tests.examples import examples
from tests.sockets.fuzz.conftest import WAIT_S
from tests.sockets.fuzz.scribes import Scribe
from tests.unit.resolvers.services import SCHEMA

RUN = examples(40, suppress_health_check=list(HealthCheck))
SEEDS = st.integers(min_value=0, max_value=2**48)
GROWTH_BYTES_MAX = 256 * 1024 * 1024
"""Caches of documents and plans fill; a thousand times the attacks fills them no further."""
BENS = ("Ben's", "************2222", "b-current")
"""What Anna must never read, however she asks."""


def scribe_of(seed: int) -> Scribe:
    """Return who draws operations on the bank's schema."""
    return Scribe(SCHEMA._schema, Random(seed))  # noqa: S311 - drawn, nothing secret


async def many(attack: Callable[[int], Awaitable[None]]) -> None:
    """Run an attack on drawn seeds, in the loop the gateway runs in; what it keeps of them is bounded."""
    loop, process = asyncio.get_running_loop(), psutil.Process()
    before = process.memory_info().rss

    async def once(seed: int) -> None:
        await attack(seed)

    @RUN
    @given(seed=SEEDS)
    def run(seed: int) -> None:
        asyncio.run_coroutine_threadsafe(once(seed), loop).result()

    await asyncio.to_thread(run)
    assert process.memory_info().rss - before < GROWTH_BYTES_MAX


async def exchange(port: int, *parts: bytes) -> bytes:
    """Send one part after another and return what comes back until the gateway ends the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(WAIT_S):
            with suppress(ConnectionError):
                for part in parts:
                    writer.write(part)
                    await writer.drain()
                return await reader.read(-1)
            return b""
    finally:
        writer.transport.abort()
