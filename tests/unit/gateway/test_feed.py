"""The feed against a model: whatever happens, nothing is lost, repeated or inverted, and every gap is announced.

Real: the hub, positions, the feed's events, cursors and deliveries. The model's: the log, the hints and what a phone
takes. Two replicas serve phones of two customers; a phone that was cut goes on with its last cursor on either replica.
"""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from typing import Any, Generic, TypeVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from clients.backends import backends_over
from clients.deadline import Deadline, Errand
from contracts.alerts import AlertLogEntry, AlertLogPage, LogEntryKind, LoginAlert
from contracts.failures import Unavailable
from contracts.feed import AccountChange, CaughtUp, EntryDelivered, FeedGapReason, FeedItem, Gap
from contracts.settings import Settings
from contracts.vocabulary import AlertSeverity, AlertState, DevicePlatform
from gateway import feed as feed_module
from gateway.answering import Answer
from gateway.delivery import Delivery, EndReason
from gateway.feed import AlertFeed, Subscriber
from gateway.feed_position import QUEUE_BYTES_MAX, QUEUE_MAX, FeedPosition
from gateway.telemetry import Transport
from resolvers.context import RequestContext
from resolvers.cursors import CursorCodec
from resolvers.feed import SendOff
from resolvers.principal import Principal
from resolvers.subscriptions import AlertChanged, AlertFeedEvents, AlertRaised, FeedCaughtUp
from tests.examples import examples
from tests.unit.resolvers.services import Services

T = TypeVar("T")

NOW = "2026-01-01T00:00:00Z"
ANNA, BEN = "anna", "ben"
OLD, NEW = b"o" * 32, b"n" * 32
BACKENDS = backends_over(Services(), Settings())


def entry_at(seq: int, customer: str = ANNA, body: str = "b") -> AlertLogEntry:
    alert = LoginAlert(
        id=f"{customer}-{seq}", customer_id=customer, seq=seq, severity=AlertSeverity.HIGH, state=AlertState.NEW,
        title="t", body=body, occurred_at=NOW, raised_at=NOW, rule_id="r", rule_version=1, reasons=[], device_id="d",
        platform=DevicePlatform.IOS,
    )  # fmt: skip
    kind = LogEntryKind.RAISED if seq % 3 else LogEntryKind.CHANGED
    return AlertLogEntry(seq, customer, seq, kind, NOW, alert)


class Log:
    """The customers' logs, which can expire, be away, and answer late."""

    def __init__(self) -> None:
        self.last = {ANNA: 0, BEN: 0}
        self.first = {ANNA: 1, BEN: 1}
        self.away = False

    async def read(self, customer_id: str, after: int, limit: int, _: Deadline) -> AlertLogPage:
        if self.away:
            await asyncio.sleep(0)
            raise Unavailable("away")
        first, last = self.first[customer_id], self.last[customer_id]
        await asyncio.sleep(0)  # what was read may be old when it arrives
        start = max(after + 1, first)
        entries = [entry_at(seq, customer_id) for seq in range(start, min(last, start + limit - 1) + 1)]
        return AlertLogPage(customer_id, entries, first, last)


class _Stream(Generic[T]):
    """An upstream whose batches are what the test puts into a queue."""

    def __init__(self, batches: "asyncio.Queue[list[T]]") -> None:
        self._batches = batches

    async def entries(self, after: int) -> AsyncGenerator[list[T]]:
        assert after == -1
        while True:
            yield await self._batches.get()


class Replica:
    """One gateway's hub, with its own stream of hints."""

    def __init__(self, log: Log) -> None:
        self.hints: asyncio.Queue[list[AlertLogEntry]] = asyncio.Queue()
        self.changes: asyncio.Queue[list[AccountChange]] = asyncio.Queue()
        self.now = 0.0
        hints, changes = _Stream(self.hints), _Stream(self.changes)
        self.feed = AlertFeed(log.read, hints, changes, retry_s_min=0, clock=lambda: self.now)
        self.running = asyncio.get_running_loop().create_task(self.feed.run())


class Taken:
    """Implements `Answers` over the feed's events as they are."""

    ended = False

    def __init__(self, events: AlertFeedEvents) -> None:
        self._events = events

    @property
    def wake(self) -> Any:
        return self._events.wake

    @wake.setter
    def wake(self, wake: Any) -> None:
        self._events.wake = wake

    @property
    def hungry(self) -> bool:
        return self._events.hungry

    @property
    def more(self) -> bool:
        return self._events.more

    def take(self) -> Answer | None:
        occurrence = self._events.take()
        return None if occurrence is None else Answer({"event": self._events.event(occurrence)}, [])

    async def fill(self) -> None:
        await self._events.fill()

    async def close(self) -> None:
        self._events.close()

    def cursor(self) -> str | None:
        return self._events.cursor()

    def reconsider(self) -> None:
        raise AssertionError("nothing was withdrawn")


class Phone:
    """What it has received is checked against the rules as it comes; it can stop reading and be cut."""

    def __init__(self, customer: str) -> None:
        self.customer = customer
        self.cursor: str | None = None
        self.received: int | None = None
        self.caught_up = False
        self.delivery: Delivery | None = None
        self.replica: Replica | None = None
        self.reads = asyncio.Event()
        self.reads.set()
        self.unsent: list[Answer] = []

    def write(self, answer: Answer) -> Coroutine[Any, Any, None] | None:
        if self.reads.is_set():
            self.unsent.append(answer)
            return None
        return self._receive_later(answer)

    def send_off(self) -> None:
        unsent, self.unsent = self.unsent, []
        for answer in unsent:
            self.receive(answer)

    async def _receive_later(self, answer: Answer) -> None:
        await self.reads.wait()
        assert not self.unsent, "sent off before anything else is written"
        self.receive(answer)

    def receive(self, answer: Answer) -> None:
        event = answer.payload["event"]
        seq = CODEC.read(event.cursor, self.customer)
        if isinstance(event, AlertRaised | AlertChanged):
            assert event.alert.id == f"{self.customer}-{seq}", "another customer's alert"
            assert self.received is not None
            assert seq == self.received + 1, "lost, repeated or out of order"
        elif isinstance(event, FeedCaughtUp):
            assert self.received in (None, seq)
            self.caught_up = True
        elif event.reason is FeedGapReason.SLOW_CONSUMER:
            assert seq == self.received
        else:
            assert event.reason is FeedGapReason.EXPIRED, "the cursor was a real one"
            assert self.received is not None
            assert self.received < seq < LOG.first[self.customer]
        self.received, self.cursor = seq, event.cursor

    async def finish(self) -> None:
        raise AssertionError("a feed has no end")


CODEC = CursorCodec([NEW, OLD])
LOG = Log()
CUSTOMERS = st.sampled_from([ANNA, BEN])
PHONES = st.integers(0, 2)


class FeedMachine(RuleBasedStateMachine):
    """Three phones of two customers, two replicas, one log."""

    @initialize()
    def start(self) -> None:
        global LOG, CODEC
        self.loop = asyncio.new_event_loop()
        LOG, CODEC = Log(), CursorCodec([OLD])
        self.replicas = [self.loop.run_until_complete(self._replica()) for _ in range(2)]
        self.phones = [Phone(ANNA), Phone(ANNA), Phone(BEN)]
        self.withheld: list[AlertLogEntry] = []
        self.started = self.ended = 0
        self.settle()

    def settle(self) -> None:
        async def turns() -> None:
            for _ in range(60):
                await asyncio.sleep(0)

        self.loop.run_until_complete(turns())

    @rule(
        customer=CUSTOMERS,
        count=st.integers(1, 5),
        fates=st.tuples(*[st.sampled_from(["sent", "lost", "doubled", "delayed", "reversed", "repeated"])] * 2),
    )
    def raise_alerts(self, customer: str, count: int, fates: tuple[str, str]) -> None:
        """The log has them; what becomes of the hints differs between replicas."""
        entries = [entry_at(LOG.last[customer] + n, customer) for n in range(1, count + 1)]
        LOG.last[customer] += count
        for replica, fate in zip(self.replicas, fates, strict=True):
            if fate == "delayed":
                self.withheld += entries
            elif fate == "reversed":
                replica.hints.put_nowait(entries[::-1])
            elif fate == "repeated":
                replica.hints.put_nowait(
                    [*(entry_at(seq, customer) for seq in range(max(1, entries[0].seq - 3), entries[0].seq)), *entries]
                )
            elif fate != "lost":
                replica.hints.put_nowait(entries * (2 if fate == "doubled" else 1))
        self.settle()
        told = [replica for replica, fate in zip(self.replicas, fates, strict=True) if fate not in ("lost", "delayed")]
        for phone in self.phones:
            follows = phone.caught_up and phone.reads.is_set() and phone.replica in told and not LOG.away
            if phone.customer == customer and follows:
                assert phone.received == LOG.last[customer], "a hint that jumps ahead must lead to the log"

    @rule(customer=CUSTOMERS)
    def flood(self, customer: str) -> None:
        entries = [entry_at(LOG.last[customer] + n, customer) for n in range(1, QUEUE_MAX + 20)]
        LOG.last[customer] += len(entries)
        for replica in self.replicas:
            replica.hints.put_nowait(entries)
        self.settle()

    @rule(to=st.integers(0, 1))
    def release_delayed(self, to: int) -> None:
        self.replicas[to].hints.put_nowait(self.withheld)
        self.withheld = []
        self.settle()

    @rule(customer=CUSTOMERS, kept=st.integers(0, 300))
    def expire(self, customer: str, kept: int) -> None:
        LOG.first[customer] = max(LOG.first[customer], LOG.last[customer] - kept + 1)

    @rule()
    def rotate_keys(self) -> None:
        """A new key signs; the old one is still believed."""
        global CODEC  # noqa: PLW0603 - the same
        CODEC = CursorCodec([NEW, OLD])

    @rule(number=PHONES, to=st.integers(0, 1))
    def connect(self, number: int, to: int) -> None:
        """From now at first, with its last cursor ever after; a phone that is connected is cut first."""
        phone = self.phones[number]
        self.cut(phone, EndReason.GONE)
        phone.reads.set()
        self.loop.run_until_complete(self._connect(phone, self.replicas[to]))
        self.settle()

    async def _connect(self, phone: Phone, replica: Replica) -> None:
        customer = phone.customer
        principal = Principal(customer, customer, frozenset(), 2e9)
        context = RequestContext(principal, BACKENDS, Errand.of(customer, 5), replica.feed, CODEC)
        seq = None if phone.cursor is None else CODEC.read(phone.cursor, customer)
        phone.caught_up, phone.replica = False, replica
        try:
            items = await replica.feed.alerts(customer, seq)
        except Unavailable:
            assert LOG.away
            phone.replica = None
            return  # a typed error; the phone comes again
        events = AlertFeedEvents(context, items, 0)
        if seq is None:
            phone.received = None
        phone.delivery = Delivery(Taken(events), phone, Transport.SSE, self.note_end)
        self.started += 1
        phone.delivery.start()

    def note_end(self) -> None:
        self.ended += 1

    def cut(self, phone: Phone, reason: EndReason) -> None:
        if phone.delivery is not None:

            async def end(delivery: Delivery) -> None:
                told = delivery.cursor()
                if told is not None and phone.received is not None:
                    assert CODEC.read(told, phone.customer) == phone.received, "a farewell must not skip anything"
                delivery.end(reason)

            self.loop.run_until_complete(end(phone.delivery))
            self.settle()
        phone.delivery = phone.replica = None

    @rule(number=PHONES, reason=st.sampled_from([EndReason.GONE, EndReason.EXPIRED, EndReason.REVOKED]))
    def lose_the_network_or_the_token(self, number: int, reason: EndReason) -> None:
        self.cut(self.phones[number], reason)

    @rule(away=st.booleans())
    def lose_the_log(self, away: bool) -> None:
        """Who reads it waits; who begins is refused."""
        LOG.away = away
        self.settle()

    @rule(which=st.integers(0, 1), to=st.floats(-1e9, 1e10))
    def jump(self, which: int, to: float) -> None:
        """The clock of a replica goes wrong: nothing but what it measures may depend on it."""
        self.replicas[which].now = to

    @rule(number=PHONES)
    def stop_reading(self, number: int) -> None:
        self.phones[number].reads.clear()

    @rule(number=PHONES)
    def read_again(self, number: int) -> None:
        self.phones[number].reads.set()
        self.settle()

    @rule(which=st.integers(0, 1))
    def kill_a_replica(self, which: int) -> None:
        """Its phones are cut; another takes its place, which knows nothing."""
        dead = self.replicas[which]
        dead.running.cancel()
        for phone in self.phones:
            if phone.replica is dead:
                self.cut(phone, EndReason.GONE)
        self.replicas[which] = self.loop.run_until_complete(self._replica())
        self.settle()

    async def _replica(self) -> Replica:
        return Replica(LOG)

    @rule(which=st.integers(0, 1))
    def reattach(self, which: int) -> None:
        self.replicas[which].hints.put_nowait([])
        self.settle()

    @precondition(lambda self: any(phone.delivery for phone in self.phones))
    @rule()
    def everything_arrives_in_the_end(self) -> None:
        LOG.away = False
        for phone in self.phones:
            phone.reads.set()
        for replica in self.replicas:
            replica.hints.put_nowait([])
        for _ in range(20):
            self.settle()
        for phone in self.phones:
            if phone.delivery is not None:
                assert phone.caught_up
                assert phone.received == LOG.last[phone.customer]

    @invariant()
    def no_delivery_failed_and_all_are_accounted_for(self) -> None:
        if not hasattr(self, "phones"):
            return
        connected = [phone for phone in self.phones if phone.delivery is not None]
        assert all(phone.delivery is not None and phone.delivery.reason is None for phone in connected)
        assert self.started - self.ended == len(connected)
        listening = [len(one) for replica in self.replicas for one in replica.feed.subscribers.values()]
        assert sum(listening) == len(connected)
        assert not any(replica.running.done() for replica in self.replicas)

    def teardown(self) -> None:
        if hasattr(self, "phones"):
            for phone in self.phones:
                self.cut(phone, EndReason.DRAINED)
            for replica in self.replicas:
                replica.running.cancel()
            self.settle()
            self.loop.close()


TestFeedAgainstItsModel = FeedMachine.TestCase
TestFeedAgainstItsModel.settings = examples(25, stateful_step_count=25)


class World:
    """One replica over one log, in the test's own loop."""

    def __init__(self) -> None:
        self.log = Log()
        self.replica = Replica(self.log)
        self.feed = self.replica.feed


@pytest.fixture
async def world() -> AsyncGenerator[World]:
    made = World()
    yield made
    made.replica.running.cancel()


async def first_items(subscriber: Subscriber, count: int) -> list[FeedItem]:
    got: list[FeedItem] = []
    while len(got) < count:
        item = subscriber.take()
        if item is not None:
            got.append(item)
        else:
            assert subscriber.hungry
            await subscriber.fill()
    subscriber.close()
    return got


async def test_from_now_begins_with_a_cursor_and_no_history(world: World) -> None:
    """Without a cursor the first thing is where the log stands."""
    world.log.last[ANNA] = 7
    assert await first_items(await world.feed.alerts(ANNA, None), 1) == [CaughtUp(7)]


async def test_a_cursor_beyond_the_log_is_a_gap_not_a_silence(world: World) -> None:
    """A log that was reset says so, and the feed goes on from its end."""
    world.log.last[ANNA] = 3
    items = await first_items(await world.feed.alerts(ANNA, 9), 2)
    assert items == [Gap(3, FeedGapReason.UNKNOWN), CaughtUp(3)]


async def test_an_expired_cursor_says_where_the_feed_goes_on(world: World) -> None:
    """After the gap, with the first entry still kept and when it was stored."""
    world.log.last[ANNA], world.log.first[ANNA] = 9, 5
    gap, entry = await first_items(await world.feed.alerts(ANNA, 2), 2)
    assert gap == Gap(4, FeedGapReason.EXPIRED, NOW)
    assert getattr(entry, "entry", None) == entry_at(5)


async def test_a_log_that_is_away_at_the_start_is_a_failure_the_client_sees(world: World) -> None:
    """A subscriber is not left hanging before its first message, and nothing is left behind."""
    world.log.away = True
    with pytest.raises(Unavailable):
        await world.feed.alerts(ANNA, 0)
    assert not world.feed.subscribers


async def test_reads_of_the_log_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A storm of reconnecting phones reads so many at a time, and each gets its turn."""
    monkeypatch.setattr(feed_module, "READS_MAX", 3)
    at_once: list[int] = [0, 0]

    async def read(customer_id: str, _after: int, _limit: int, _deadline: Deadline) -> AlertLogPage:
        at_once[0] += 1
        at_once[1] = max(at_once)
        await asyncio.sleep(0)
        at_once[0] -= 1
        return AlertLogPage(customer_id, [], 1, 0)

    upstream: Any = None
    feed = AlertFeed(read, upstream, upstream)
    subscribers = [await feed.alerts(f"c{number}", None) for number in range(20)]
    behind = asyncio.gather(*(subscriber.fill() for subscriber in subscribers))
    await asyncio.sleep(0)
    await feed.alerts("new", None)
    assert not behind.done(), "who begins does not wait for those that are behind"
    await behind
    assert at_once == [0, 4]


async def test_what_is_read_together_is_made_before_any_of_it_is_sent(world: World) -> None:
    """Alerts of one batch are taken by all who follow, then sent: the kernel is not called in between."""
    done: list[str] = []
    sent = asyncio.Event()

    def follow(subscriber: Subscriber, name: str) -> None:
        def send_off() -> None:
            done.append(f"{name} is sent")
            if len(done) == 4:
                sent.set()

        def wake() -> SendOff | None:
            while (item := subscriber.take()) is not None:
                if isinstance(item, EntryDelivered):
                    done.append(f"{name} takes {item.entry.seq}")
            return send_off

        wake()
        subscriber.wake = wake

    follow(await world.feed.alerts(ANNA, None), "Anna")
    follow(await world.feed.alerts(BEN, None), "Ben")
    world.replica.hints.put_nowait([entry_at(1, ANNA), entry_at(1, BEN)])
    await asyncio.wait_for(sent.wait(), 1)
    assert done == ["Anna takes 1", "Ben takes 1", "Anna is sent", "Ben is sent"]


async def test_account_changes_are_coalesced(world: World) -> None:
    """Any number of changes while nobody looks is one to read; another account's wakes nobody."""
    watch, other = world.feed.account_changes("acc"), world.feed.account_changes("elsewhere")
    woken = asyncio.Event()
    watch.wake = woken.set
    world.replica.changes.put_nowait([AccountChange(1, "acc"), AccountChange(2, "acc"), AccountChange(3, "other")])
    await asyncio.wait_for(woken.wait(), 1)
    assert (watch.changed, other.changed) == (True, False)
    watch.close()
    other.close()
    assert not world.feed.watches


def test_a_queue_is_bounded_in_bytes() -> None:
    """A few large alerts are as much as many small ones: past the bound there is a gap, then the log."""
    position = FeedPosition()
    position.begin_read()
    position.start_after(AlertLogPage(ANNA, [], 1, 0), 0)
    position.take()
    size = QUEUE_BYTES_MAX // 4
    for seq in range(1, 8):
        position.offer(EntryDelivered(entry_at(seq, body="x" * size)))
    assert position.hungry
    assert position.take() == Gap(0, FeedGapReason.SLOW_CONSUMER)
