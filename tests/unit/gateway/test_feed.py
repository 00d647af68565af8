"""The feed against a model: whatever happens to the hints, the log and the subscriber, nothing is lost or repeated."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Generic, TypeVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from clients.deadline import Deadline
from contracts.alerts import AlertLogEntry, AlertLogPage, LogEntryKind, LoginAlert
from contracts.failures import Unavailable
from contracts.feed import AccountChange, CaughtUp, EntryDelivered, FeedGapReason, FeedItem, Gap
from contracts.vocabulary import AlertSeverity, AlertState, DevicePlatform
from gateway.feed import AlertFeed
from gateway.feed_position import QUEUE_MAX
from tests.examples import examples

T = TypeVar("T")

NOW = "2026-01-01T00:00:00Z"
CUSTOMER = "c1"


def entry_at(seq: int, customer: str = CUSTOMER) -> AlertLogEntry:
    alert = LoginAlert(
        id=f"a{seq}", customer_id=customer, seq=seq, severity=AlertSeverity.HIGH, state=AlertState.NEW, title="t",
        body="b", occurred_at=NOW, raised_at=NOW, rule_id="r", rule_version=1, reasons=[], device_id="d",
        platform=DevicePlatform.IOS,
    )  # fmt: skip
    return AlertLogEntry(seq, customer, seq, LogEntryKind.RAISED, NOW, alert)


class World:
    """A log that can expire and fail, and a stream of hints the test sends as it likes."""

    def __init__(self) -> None:
        self.last = 0
        self.first = 1
        self.away = False
        self.hints: asyncio.Queue[list[AlertLogEntry]] = asyncio.Queue()
        self.changes: asyncio.Queue[list[AccountChange]] = asyncio.Queue()
        self.feed = AlertFeed(self.read, _Stream(self.hints), _Stream(self.changes))

    async def read(self, customer_id: str, after: int, limit: int, _: Deadline) -> AlertLogPage:
        if self.away:
            raise Unavailable("away")
        start = max(after + 1, self.first)
        entries = [entry_at(seq) for seq in range(start, min(self.last, start + limit - 1) + 1)]
        return AlertLogPage(customer_id, entries, self.first, self.last)


class _Stream(Generic[T]):
    """An upstream whose batches are what the test puts into a queue."""

    def __init__(self, batches: asyncio.Queue[list[T]]) -> None:
        self._batches = batches

    async def entries(self, after: int) -> AsyncGenerator[list[T]]:
        assert after == -1
        while True:
            yield await self._batches.get()


class FeedMachine(RuleBasedStateMachine):
    """One customer, one subscriber at a time; each thing it receives is checked against what the log holds."""

    @initialize()
    def start(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.world = World()
        self.running = self.loop.create_task(self.world.feed.run())
        self.items: AsyncGenerator[FeedItem] | None = None
        self.upcoming: asyncio.Task[FeedItem] | None = None
        self.received = 0
        self.withheld: list[AlertLogEntry] = []
        self.settle()

    def settle(self) -> None:
        async def turns() -> None:
            for _ in range(25):
                await asyncio.sleep(0)

        self.loop.run_until_complete(turns())

    @rule(count=st.integers(1, 5), fate=st.sampled_from(["sent", "lost", "doubled", "delayed", "reversed"]))
    def raise_alerts(self, count: int, fate: str) -> None:
        entries = [entry_at(self.world.last + n) for n in range(1, count + 1)]
        self.world.last += count
        if fate == "delayed":
            self.withheld += entries
        elif fate == "reversed":
            self.world.hints.put_nowait(entries[::-1])
        elif fate != "lost":
            self.world.hints.put_nowait(entries * (2 if fate == "doubled" else 1))
        self.settle()

    @rule()
    def flood(self) -> None:
        entries = [entry_at(self.world.last + n) for n in range(1, QUEUE_MAX + 20)]
        self.world.last += len(entries)
        self.world.hints.put_nowait(entries)
        self.settle()

    @rule()
    def release_delayed(self) -> None:
        self.world.hints.put_nowait(self.withheld)
        self.withheld = []
        self.settle()

    @rule()
    def reattach(self) -> None:
        self.world.hints.put_nowait([])
        self.settle()

    @rule(kept=st.integers(0, 300))
    def expire(self, kept: int) -> None:
        self.world.first = max(self.world.first, self.world.last - kept + 1)

    @precondition(lambda self: self.items is None)
    @rule(back=st.integers(0, 400), from_now=st.booleans())
    def subscribe(self, back: int, from_now: bool) -> None:
        cursor = None if from_now else max(0, self.world.last - back)
        self.received = self.world.last if cursor is None else cursor
        self.items = self.world.feed.alerts(CUSTOMER, cursor)
        self.upcoming = self.loop.create_task(anext(self.items))  # "now" is when the first item is asked for
        self.settle()

    @precondition(lambda self: self.items is not None)
    @rule(most=st.integers(1, 600))
    def receive(self, most: int) -> None:
        for _ in range(most):
            if (item := self.next_item()) is None:
                return
            self.check(item)

    def next_item(self) -> FeedItem | None:
        assert self.items is not None
        self.upcoming = self.upcoming or self.loop.create_task(anext(self.items))
        self.settle()
        if not self.upcoming.done():
            return None
        item, self.upcoming = self.upcoming.result(), None
        return item

    def check(self, item: FeedItem) -> None:
        if isinstance(item, EntryDelivered):
            assert item.entry.seq == self.received + 1, "lost, repeated or out of order"
            self.received = item.entry.seq
        elif isinstance(item, CaughtUp) or item.reason is FeedGapReason.SLOW_CONSUMER:
            assert item.seq == self.received
        else:
            assert item.reason is FeedGapReason.EXPIRED
            assert self.received < item.seq < self.world.first
            self.received = item.seq

    @precondition(lambda self: self.items is not None)
    @rule()
    def everything_arrives_in_the_end(self) -> None:
        self.world.hints.put_nowait([])
        while (item := self.next_item()) is not None:
            self.check(item)
        assert self.received == self.world.last

    @precondition(lambda self: self.items is not None)
    @rule()
    def leave(self) -> None:
        self.drop_subscriber()

    def drop_subscriber(self) -> None:
        if self.upcoming is not None:
            self.upcoming.cancel()
            self.settle()
            self.upcoming = None
        if self.items is not None:
            self.loop.run_until_complete(self.items.aclose())
        self.items = None

    @invariant()
    def the_hub_runs_and_keeps_only_who_listens(self) -> None:
        if hasattr(self, "running"):
            assert not self.running.done()
            assert len(self.world.feed._listeners) <= 1
            assert self.items is not None or not self.world.feed._listeners

    def teardown(self) -> None:
        if hasattr(self, "loop"):
            self.drop_subscriber()
            self.running.cancel()
            self.settle()
            self.loop.close()


TestFeedAgainstItsModel = FeedMachine.TestCase
TestFeedAgainstItsModel.settings = examples(25, stateful_step_count=25)


async def first_items(world: World, after: int | None, count: int) -> list[FeedItem]:
    running = asyncio.create_task(world.feed.run())
    items = world.feed.alerts(CUSTOMER, after)
    got = [await anext(items) for _ in range(count)]
    await items.aclose()
    running.cancel()
    return got


async def test_from_now_begins_with_a_cursor_and_no_history() -> None:
    """Without a cursor the first thing is where the log stands."""
    world = World()
    world.last = 7
    assert await first_items(world, None, 1) == [CaughtUp(7)]


async def test_a_cursor_beyond_the_log_is_a_gap_not_a_silence() -> None:
    """A log that was reset says so, and the feed goes on from its end."""
    world = World()
    world.last = 3
    assert await first_items(world, 9, 2) == [Gap(3, FeedGapReason.UNKNOWN), CaughtUp(3)]


async def test_a_log_that_is_away_at_the_start_is_a_failure_the_client_sees() -> None:
    """A subscriber is not left hanging before its first message."""
    world = World()
    world.away = True
    running = asyncio.create_task(world.feed.run())
    with pytest.raises(Unavailable):
        await anext(world.feed.alerts(CUSTOMER, 0))
    running.cancel()


async def test_account_changes_are_coalesced() -> None:
    """Any number of changes while nobody looks is one wake-up."""
    world = World()
    running = asyncio.create_task(world.feed.run())
    watching = world.feed.account_changes("acc")
    upcoming = asyncio.ensure_future(anext(watching))
    await asyncio.sleep(0)
    world.changes.put_nowait([AccountChange(1, "acc"), AccountChange(2, "acc"), AccountChange(3, "other")])
    await upcoming
    assert upcoming.done()
    await watching.aclose()
    running.cancel()
