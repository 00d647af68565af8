"""Facts about timers that judge a client by what this process had the time to see."""

import asyncio
import time

from gateway.fair_timers import FairTimer


def be_busy(seconds: float) -> None:
    """Keep the loop from everything else."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass


async def test_time_in_which_the_loop_was_behind_does_not_count() -> None:
    """Who is late after it still is; who was done meanwhile cancels."""
    called = asyncio.Event()
    FairTimer(0.1, called.set)
    be_busy(0.2)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not called.is_set()
    async with asyncio.timeout(5):
        await called.wait()


async def test_a_cancelled_one_calls_nobody() -> None:
    """Whichever half it was in."""
    called: list[int] = []
    timer = FairTimer(0.0, lambda: called.append(1))
    await asyncio.sleep(0)
    timer.cancel()
    for _ in range(5):
        await asyncio.sleep(0)
    assert called == []
