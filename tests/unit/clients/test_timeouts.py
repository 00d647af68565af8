"""Many waits of one length, one timer."""

import asyncio

import pytest

from clients.timeouts import Timeout


async def test_a_wait_that_takes_too_long_ends_with_a_timeout() -> None:
    """The block is left by TimeoutError, and the task goes on uncancelled."""
    with pytest.raises(TimeoutError), Timeout(0.001).one():
        await asyncio.Event().wait()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_a_wait_that_ends_in_time_is_left_alone() -> None:
    """Nothing comes after the block, however long the task lives on."""
    timeout = Timeout(0.001)
    with timeout.one():
        await asyncio.sleep(0)
    await asyncio.sleep(0.06)


async def test_each_of_many_waits_ends_at_its_own_time() -> None:
    """Those that began earlier end earlier; one that ended in between is skipped."""
    timeout, ended = Timeout(0.03), list[str]()

    async def wait(name: str, for_s: float) -> None:
        try:
            with timeout.one():
                await asyncio.sleep(for_s)
        except TimeoutError:
            ended.append(name)

    first, quick = asyncio.create_task(wait("first", 9)), asyncio.create_task(wait("quick", 0))
    await asyncio.wait([first, quick], return_when=asyncio.FIRST_COMPLETED)
    second = asyncio.create_task(wait("second", 9))
    await asyncio.wait([first, second])
    assert ended == ["first", "second"]


async def test_a_cancellation_from_elsewhere_stays_one() -> None:
    """Whoever cancels the task inside the block finds it cancelled, not timed out."""

    async def wait() -> None:
        with Timeout(9).one():
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


async def test_an_error_inside_the_block_passes() -> None:
    """It is not replaced."""
    with pytest.raises(LookupError), Timeout(9).one():
        raise LookupError


def test_a_timeout_serves_one_loop_after_another() -> None:
    """A timer left behind in a loop that ended does not keep waits of the next from ending."""
    timeout = Timeout(0.001)

    async def wait(*, leave: bool) -> None:
        with timeout.one():
            if not leave:
                await asyncio.Event().wait()

    asyncio.run(wait(leave=True))
    with pytest.raises(TimeoutError):
        asyncio.run(wait(leave=False))
