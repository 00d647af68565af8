"""Waits that end at once, beside asyncio's futures."""

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from typing import Any

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from clients.waits import Wait
from tests.examples import examples

ACTIONS = ("end", "fail", "cancel", "turn")
LOOPS: list[Callable[[], asyncio.AbstractEventLoop]] = [asyncio.new_event_loop, uvloop.new_event_loop]


async def in_a_callback(*calls: Callable[[], None]) -> None:
    """Call from the loop, outside of any task, one right after the other, and wait until that is done."""
    done = asyncio.Event()

    def call() -> None:
        for one in (*calls, done.set):
            one()

    asyncio.get_running_loop().call_soon(call)
    await done.wait()


async def waiting(*coroutines: Any) -> list[asyncio.Task[Any]]:
    """Start tasks and let them come to their waits."""
    tasks = [asyncio.create_task(one) for one in coroutines]
    await asyncio.sleep(0)
    return tasks


async def test_who_waits_and_who_waits_for_them_go_on_before_the_callback_does() -> None:
    """Each after the one before has come to its next wait or its end, in the order their waits ended."""
    loop, told = asyncio.get_running_loop(), list[str]()
    first, second, third = Wait(loop), Wait(loop), Wait(loop)

    async def opens() -> None:
        await first
        second.end()
        third.end()
        told.append("opened")

    async def follows(wait: Wait, name: str) -> None:
        await wait
        told.append(name)

    tasks = await waiting(opens(), follows(third, "third"), follows(second, "second"))
    await in_a_callback(first.end_at_once, partial(told.append, "callback"))
    assert told == ["opened", "second", "third", "callback"]
    await asyncio.gather(*tasks)


async def test_nobody_goes_on_within_a_task() -> None:
    """What a task ends goes on in the loop's next turn."""
    wait, told = Wait(asyncio.get_running_loop()), list[str]()

    async def follows() -> None:
        await wait
        told.append("woken")

    [task] = await waiting(follows())
    wait.end_at_once()
    told.append("ended")
    await task
    assert told == ["ended", "woken"]


async def test_a_wait_that_is_over_does_not_wait() -> None:
    """It gives, or raises, what it ended with."""
    wait = Wait(asyncio.get_running_loop())
    wait.end()
    await wait
    failed = Wait(asyncio.get_running_loop())
    failed.end(ValueError("why"))
    failed.end()
    with pytest.raises(ValueError, match="why"):
        await failed


async def test_a_task_goes_on_in_its_own_context() -> None:
    """Whoever ends the wait has another one."""
    name: ContextVar[str] = ContextVar("name", default="nobody")
    wait, seen = Wait(asyncio.get_running_loop()), list[str]()

    async def follows() -> None:
        name.set("follower")
        await wait
        seen.append(name.get())

    tasks = await waiting(follows())
    await in_a_callback(wait.end_at_once)
    assert [*seen, name.get()] == ["follower", "nobody"]
    await asyncio.gather(*tasks)


async def test_what_ends_the_loop_leaves_nobody_behind() -> None:
    """Who was to go on after the one that raised it still does."""
    loop, told = asyncio.get_running_loop(), list[str]()
    first, second = Wait(loop), Wait(loop)

    async def ends_all() -> None:
        await first
        second.end()
        raise KeyboardInterrupt

    async def follows() -> None:
        await second
        told.append("woken")

    ending, following = await waiting(ends_all(), follows())

    def interrupted() -> None:
        with pytest.raises(KeyboardInterrupt):
            first.end_at_once()

    await in_a_callback(interrupted)
    await following
    assert told == ["woken"]
    assert isinstance(ending.exception(), KeyboardInterrupt)


async def _outcome(actions: list[str], wait: Any, end: Callable[[BaseException | None], None]) -> tuple[Any, ...]:
    told: list[str] = []

    async def follows() -> None:
        try:
            await wait
            told.append("over")
        except ValueError:
            told.append("failed")
        except asyncio.CancelledError:
            told.append("cancelled")
            raise
        await asyncio.sleep(0)
        told.append("ended")

    [task] = await waiting(follows())
    for action in actions:
        if action == "turn":
            await asyncio.sleep(0)
        elif action == "cancel":
            task.cancel("enough")
        else:
            end(ValueError() if action == "fail" else None)
    await asyncio.wait([task])
    return told, task.cancelled(), task.cancelling()


@pytest.mark.parametrize("loop", LOOPS)
@given(actions=st.lists(st.sampled_from(ACTIONS), max_size=8))
@examples(60)
def test_a_task_sees_what_it_would_see_of_a_future(
    loop: Callable[[], asyncio.AbstractEventLoop], actions: list[str]
) -> None:
    """Ended, failed or cancelled, in whatever order."""

    async def both() -> None:
        future, wait = asyncio.get_running_loop().create_future(), Wait(asyncio.get_running_loop())

        def end(error: BaseException | None) -> None:
            if not future.done():
                future.set_result(None) if error is None else future.set_exception(error)

        with_end = [*actions, "end"]
        assert await _outcome(with_end, wait, wait.end) == await _outcome(with_end, future, end)

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(both())
