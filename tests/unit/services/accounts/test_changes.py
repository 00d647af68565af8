"""The stream of account changes: wakes on commit, coalesced, bounded, quiet with heartbeats."""

import asyncio
from contextlib import aclosing

from contracts.feed import AccountChange
from services.accounts.changes import COMMITS_KEPT_MAX, FROM_NOW, Changes


async def test_a_follower_wakes_on_a_commit() -> None:
    """What a commit changed is sent at once; one without changes sends nothing."""
    changes = Changes()
    changes.start_at(7)
    async with aclosing(changes.follow(FROM_NOW, wait_s=5)) as stream:
        assert await anext(stream) == b'{"offset":7}\n'
        waiting = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        changes.publish(8, [])
        changes.publish(9, [AccountChange(9, "acc-1")])
        assert await waiting == b'{"offset":9,"accountId":"acc-1"}\n'


async def test_a_follower_that_comes_back_goes_on_after_its_offset() -> None:
    """Only commits after the offset are sent."""
    changes = Changes()
    changes.publish(1, [AccountChange(1, "acc-1")])
    changes.publish(2, [AccountChange(2, "acc-2")])
    async with aclosing(changes.follow(1, wait_s=0)) as stream:
        assert [lines async for lines in stream] == [b'{"offset":2,"accountId":"acc-2"}\n']


async def test_a_quiet_stream_beats_and_then_ends() -> None:
    """Empty lines tell that the service is there; after the wait the stream ends."""
    async with aclosing(Changes().follow(0, wait_s=0.03, heartbeat_s=0.01)) as stream:
        beats = [lines async for lines in stream]
    assert set(beats) == {b"\n"}


async def test_what_is_kept_is_bounded() -> None:
    """Old commits fall out: changes are a hint."""
    changes = Changes()
    for offset in range(1, COMMITS_KEPT_MAX + 11):
        changes.publish(offset, [AccountChange(offset, "acc-1")])
    async with aclosing(changes.follow(0, wait_s=0)) as stream:
        [lines] = [lines async for lines in stream]
    assert lines.count(b"\n") == COMMITS_KEPT_MAX
