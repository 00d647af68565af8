"""The alert feed of one gateway replica: one upstream stream, handed to every live subscriber.

The alert log is the truth; the stream is only a hint. A subscriber is registered for hints first, then the log is read
after its cursor, then both are merged by sequence number (`feed_position.py` has the rules). A subscriber that waits
costs no task: the hub wakes it, and it takes what is ready (`delivery.py`).
"""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from datetime import datetime
from typing import Protocol, TypeVar

import structlog
from prometheus_client import Gauge

from clients.deadline import Deadline
from clients.tallies import Spread, TalliedCounter, TalliedHistogram
from contracts.alerts import AlertLogEntry, AlertLogPage
from contracts.failures import Failure
from contracts.feed import AccountChange, EntryDelivered, Gap
from gateway.feed_position import FeedPosition
from resolvers.feed import SendOff, Wake, nobody

PAGE_ENTRIES = 200
"""Entries read from the log at a time."""
NEWEST = 2**53 - 1
"""A seq beyond every log: reading after it answers only where the log stands."""
READS_MAX = 64
"""Reads of the log at a time for all subscribers that are behind, so that they do not starve queries.

Those that begin are bounded by admission.py, not by this: else they would wait, until their time is over, behind
thousands that read the log anew because the upstream stream was attached again.
"""
WAVE_ENTRIES = 100
"""Entries of one batch handed over before anything else gets a turn."""
WAVE_PHONES = 256
"""Phones whose messages are made before the first of them is sent."""
RETRY_S_MIN = 0.1
RETRY_S_MAX = 5.0

SUBSCRIBERS = Gauge("belfry_feed_subscribers", "Live alert feed subscribers of this gateway")
ENTRIES = TalliedCounter("belfry_feed_entries_total", "Alert log entries handed to subscribers", ["source"])
GAPS = TalliedCounter("belfry_feed_gaps_total", "Gaps announced to subscribers", ["reason"])
LAG: Spread = TalliedHistogram(
    "belfry_feed_lag_seconds",
    "From storing an alert log entry to its hint at this gateway; the oldest of each wave that is handed over.",
    [],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0),
).labels()
_LIVE, _REPLAYED = ENTRIES.labels("live"), ENTRIES.labels("replayed")

L = TypeVar("L")

_log = structlog.get_logger(__name__)

ReadLog = Callable[[str, int, int, Deadline], Awaitable[AlertLogPage]]
"""(customer id, after seq, limit, deadline) -> a page of the customer's alert log."""


class Entries(Protocol):
    """The upstream hints: batches of entries, and `[]` whenever the stream was attached again."""

    def entries(self, after: int) -> AsyncGenerator[list[AlertLogEntry]]: ...


class Changes(Protocol):
    """The upstream hints of account changes."""

    def entries(self, after: int) -> AsyncGenerator[list[AccountChange]]: ...


class AlertFeed:
    """Implements `resolvers.feed.FeedPort`. Construct is free; `run` follows the upstream until it is cancelled."""

    def __init__(
        self,
        read_log: ReadLog,
        entries: Entries,
        changes: Changes,
        *,
        read_timeout_s: float = 5.0,
        retry_s_min: float = RETRY_S_MIN,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._read_log = read_log
        self._entries = entries
        self._changes = changes
        self._read_timeout_s = read_timeout_s
        self._retry_s_min = retry_s_min
        self._clock = clock
        self._reading = asyncio.Semaphore(READS_MAX)
        self.subscribers: defaultdict[str, set[Subscriber]] = defaultdict(set)
        self.watches: defaultdict[str, set[Watch]] = defaultdict(set)

    async def run(self) -> None:
        """Follow both upstream streams for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow_alerts())
            tasks.create_task(self._follow_changes())

    async def alerts(self, customer_id: str, after: int | None) -> "Subscriber":
        """Begin the customer's log after a seq (None: from now): each entry once, in order, without end.

        The first item after what was stored is `CaughtUp`. A `Gap` says that entries up to its seq are not delivered
        here (they expired, or the cursor is beyond the log), or that a slow subscriber is now resumed from the log.

        Raises:
            Failure: the log cannot be read now; later failures are waited out.
        """
        subscriber = Subscriber(self, customer_id)
        try:
            subscriber.begin_read()
            page = await self._read(customer_id, NEWEST if after is None else after)
            subscriber.start_after(page, after)
        except BaseException:
            subscriber.close()
            raise
        return subscriber

    def account_changes(self, account_id: str) -> "Watch":
        """Begin watching an account."""
        return Watch(self.watches, account_id)

    async def read_patiently(self, customer_id: str, after: int) -> AlertLogPage:
        """Read a page of a customer's log, however long it is away; at most `READS_MAX` at a time."""
        delay_s = self._retry_s_min
        while True:
            try:
                async with self._reading:
                    return await self._read(customer_id, after)
            except Failure as failure:
                if not failure.retryable:
                    raise
                _log.warning("alert log away", code=failure.reason, retry_in_s=round(delay_s, 2))
            await asyncio.sleep(delay_s * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, nothing secret
            delay_s = min(delay_s * 2, RETRY_S_MAX)

    async def _read(self, customer_id: str, after: int) -> AlertLogPage:
        return await self._read_log(customer_id, after, PAGE_ENTRIES, Deadline.after(self._read_timeout_s))

    async def _follow_alerts(self) -> None:
        async with aclosing(self._entries.entries(-1)) as batches:
            async for batch in batches:
                if not batch:
                    self._doubt_all()
                heard = [entry for entry in batch if entry.customer_id in self.subscribers]
                for start in range(0, len(heard), WAVE_ENTRIES):
                    self._hand_over(heard[start : start + WAVE_ENTRIES])
                    await asyncio.sleep(0)

    def _hand_over(self, entries: list[AlertLogEntry]) -> None:
        LAG.observe(max(0.0, self._clock() - datetime.fromisoformat(entries[0].at).timestamp()))
        wave = _Wave()
        for entry in entries:
            hint = EntryDelivered(entry)
            subscribers = tuple(self.subscribers.get(entry.customer_id, ()))
            for subscriber in subscribers:
                subscriber.offer(hint)
            wave.wake(subscribers)
        wave.send_off()

    def _doubt_all(self) -> None:
        # Attached (again): what happened before is not in the stream, so everyone looks into the log once.
        wave = _Wave()
        for subscribers in tuple(self.subscribers.values()):
            for subscriber in subscribers:
                subscriber.doubt()
            wave.wake(tuple(subscribers))
        wave.send_off()

    async def _follow_changes(self) -> None:
        async with aclosing(self._changes.entries(-1)) as batches:
            async for batch in batches:
                accounts = {change.account_id for change in batch} if batch else list(self.watches)
                wave = _Wave()
                for account_id in accounts:
                    watches = tuple(self.watches.get(account_id, ()))
                    for watch in watches:
                        watch.changed = True
                    wave.wake(watches)
                wave.send_off()


class _Wave:
    """Wakes many, then sends what they were handed; nothing else runs meanwhile."""

    __slots__ = ("_unsent",)

    def __init__(self) -> None:
        self._unsent: list[SendOff] = []

    def wake(self, sleepers: "tuple[Subscriber, ...] | tuple[Watch, ...]") -> None:
        """Have each take what is ready."""
        unsent = self._unsent
        for sleeper in sleepers:
            send_off = sleeper.wake()
            if send_off is not None:
                unsent.append(send_off)
                if len(unsent) >= WAVE_PHONES:
                    self.send_off()

    def send_off(self) -> None:
        """Send what all of them were handed."""
        for send_off in self._unsent:
            send_off()
        self._unsent.clear()


class Subscriber(FeedPosition):
    """Implements `resolvers.feed.FeedItems` for one subscriber; it listens from its making until `close`."""

    ended = False
    __slots__ = ("_feed", "customer_id", "wake")

    def __init__(self, feed: AlertFeed, customer_id: str) -> None:
        super().__init__()
        self._feed = feed
        self.customer_id = customer_id
        self.wake: Wake = nobody
        feed.subscribers[customer_id].add(self)
        SUBSCRIBERS.inc()

    async def fill(self) -> None:
        """Read the log after what was handed over; waits while it is away."""
        self.begin_read()
        self.take_page(await self._feed.read_patiently(self.customer_id, self.sent))

    def close(self) -> None:
        """Listen no longer; repeating it is harmless."""
        if _drop(self._feed.subscribers, self.customer_id, self):
            SUBSCRIBERS.dec()

    def _admit(self, item: EntryDelivered) -> bool:
        """See `FeedPosition`; what is handed over is counted."""
        if item.entry.seq != self.sent + 1:
            return False
        self.sent = item.entry.seq
        (_REPLAYED if self._replaying else _LIVE).total += 1
        return True

    def _announced(self, gap: Gap) -> Gap:
        """See `FeedPosition`; gaps are counted."""
        GAPS.labels(gap.reason.value).total += 1
        return gap


class Watch:
    """Implements `resolvers.feed.AccountWatch`; it watches from its making until `close`."""

    ended = False
    __slots__ = ("_account_id", "_watches", "changed", "wake")

    def __init__(self, watches: "defaultdict[str, set[Watch]]", account_id: str) -> None:
        self._watches = watches
        self._account_id = account_id
        self.changed = False
        self.wake: Wake = nobody
        watches[account_id].add(self)

    def close(self) -> None:
        """Watch no longer; repeating it is harmless."""
        _drop(self._watches, self._account_id, self)


def _drop(listeners: defaultdict[str, set[L]], key: str, listener: L) -> bool:
    """Take a listener out; says whether it was there."""
    found = listeners.get(key)
    if found is None or listener not in found:
        return False
    found.remove(listener)
    if not found:
        del listeners[key]
    return True
