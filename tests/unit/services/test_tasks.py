"""Tasks run for as long as their block, and what ends one by itself is told."""

import asyncio

import pytest
import structlog

from services.tasks import running


async def test_what_fails_is_told_and_the_others_end_with_the_block() -> None:
    """Its name is told once; a task that only ends, or is ended, is no failure."""
    ended: list[str] = []

    async def fails() -> None:
        raise LookupError

    async def stays() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("stays")

    failed: list[str] = []
    with structlog.testing.capture_logs() as told:
        async with running({"one": fails(), "two": stays(), "three": asyncio.sleep(0)}, "gone", failed.append) as tasks:
            await asyncio.wait(tasks[::2])
            assert [task.done() for task in tasks] == [True, False, True]
    assert (failed, ended) == (["one"], ["stays"])
    assert [(line["event"], line["task"], line["error"]) for line in told] == [("gone", "one", "LookupError")]


async def test_what_the_block_raises_is_raised_after_its_tasks_ended() -> None:
    """Nothing runs on behind an error."""
    with pytest.raises(LookupError):
        async with running({"one": asyncio.sleep(3600)}, "gone") as tasks:
            raise LookupError
    assert tasks[0].cancelled()
