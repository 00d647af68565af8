"""The alert feed of one gateway replica: one upstream stream, handed to every live subscriber.

The alert log is the truth; the stream is only a hint. A subscriber is registered for hints first, then the log is read
after its cursor, then both are merged by sequence number (`feed_position.py` has the rules).
"""

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager
from typing import Protocol, TypeVar

import structlog
from prometheus_client import Counter, Gauge

from clients.deadline import Deadline
from contracts.alerts import AlertLogEntry, AlertLogPage
from contracts.failures import Failure
from contracts.feed import AccountChange, CaughtUp, EntryDelivered, FeedGapReason, FeedItem, Gap
from gateway.feed_position import FeedPosition

PAGE_ENTRIES = 200
"""Entries read from the log at a time."""
NEWEST = 2**53 - 1
"""A seq beyond every log: reading after it answers only where the log stands."""
RETRY_S_MIN = 0.1
RETRY_S_MAX = 5.0

OPEN = Gauge("belfry_feed_subscribers", "Live alert feed subscribers of this gateway")
SENT = Counter("belfry_feed_entries_total", "Alert log entries handed to subscribers", ["source"])
GAPS = Counter("belfry_feed_gaps_total", "Gaps announced to subscribers", ["reason"])

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


class _Listener:
    """One subscriber's position and the bell that wakes it."""

    def __init__(self) -> None:
        self.position = FeedPosition()
        self.bell = asyncio.Event()


class AlertFeed:
    """Implements `resolvers.feed.FeedPort`. Construct is free; `run` follows the upstream until it is cancelled."""

    def __init__(self, read_log: ReadLog, entries: Entries, changes: Changes, *, read_timeout_s: float = 5.0) -> None:
        self._read_log = read_log
        self._entries = entries
        self._changes = changes
        self._read_timeout_s = read_timeout_s
        self._listeners: defaultdict[str, set[_Listener]] = defaultdict(set)
        self._watchers: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    async def run(self) -> None:
        """Follow both upstream streams for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow_alerts())
            tasks.create_task(self._follow_changes())

    async def alerts(self, customer_id: str, after: int | None) -> AsyncGenerator[FeedItem]:
        """Yield the customer's log after a seq (None: from now), each entry once, in order, without end.

        The first item after what was stored is `CaughtUp`. A `Gap` says that entries up to its seq are not delivered
        here (they expired, or the cursor is beyond the log), or that a slow subscriber is now resumed from the log.

        Raises:
            Failure: the log cannot be read at the start; later failures are waited out.
        """
        with self._listening(customer_id) as listener:
            position = listener.position
            for item in await self._begin(customer_id, position, after):
                yield item
            announce = True
            while True:
                if position.stale:
                    async with aclosing(self._replay(customer_id, position, announce=announce)) as items:
                        async for item in items:
                            yield item
                    announce = False
                while (entry := position.next_live()) is not None:
                    SENT.labels("live").inc()
                    yield EntryDelivered(entry)
                if not position.stale:
                    await listener.bell.wait()
                listener.bell.clear()

    async def account_changes(self, account_id: str) -> AsyncGenerator[None]:
        """Yield whenever the account may have changed; changes in between are one."""
        bell = asyncio.Event()
        self._watchers[account_id].add(bell)
        try:
            while True:
                await bell.wait()
                bell.clear()
                yield None
        finally:
            _drop(self._watchers, account_id, bell)

    @contextmanager
    def _listening(self, customer_id: str) -> Iterator[_Listener]:
        listener = _Listener()
        self._listeners[customer_id].add(listener)
        OPEN.inc()
        try:
            yield listener
        finally:
            OPEN.dec()
            _drop(self._listeners, customer_id, listener)

    async def _begin(self, customer_id: str, position: FeedPosition, after: int | None) -> list[FeedItem]:
        start = NEWEST if after is None else after
        page = await self._read_log(customer_id, start, 1, Deadline.after(self._read_timeout_s))
        if after is None:
            position.start_after(page.last_seq)
            return []
        if after > page.last_seq:
            return [self._gap(position, page.last_seq, FeedGapReason.UNKNOWN)]
        position.start_after(after)
        return []

    def _gap(self, position: FeedPosition, seq: int, reason: FeedGapReason) -> Gap:
        position.start_after(seq)
        GAPS.labels(reason.value).inc()
        return Gap(seq, reason)

    async def _replay(self, customer_id: str, position: FeedPosition, *, announce: bool) -> AsyncGenerator[FeedItem]:
        """Hand over what the log has after the position until it is caught up, and say so at first and after a gap."""
        while position.stale:
            position.stale = False
            if position.overflowed:
                position.overflowed = False
                announce = True
                yield self._gap(position, position.sent, FeedGapReason.SLOW_CONSUMER)
            page = await self._page(customer_id, position.sent)
            position.stale = position.stale or (bool(page.entries) and page.entries[-1].seq < page.last_seq)
            if page.first_seq > position.sent + 1:
                announce = True
                yield self._gap(position, page.first_seq - 1, FeedGapReason.EXPIRED)
            for entry in page.entries:
                if position.admit(entry):
                    SENT.labels("replayed").inc()
                    yield EntryDelivered(entry)
        if announce:
            yield CaughtUp(position.sent)

    async def _page(self, customer_id: str, after: int) -> AlertLogPage:
        delay_s = RETRY_S_MIN
        while True:
            try:
                return await self._read_log(customer_id, after, PAGE_ENTRIES, Deadline.after(self._read_timeout_s))
            except Failure as failure:
                if not failure.retryable:
                    raise
                _log.warning("alert log away", code=failure.reason, retry_in_s=round(delay_s, 2))
            await asyncio.sleep(delay_s * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, nothing secret
            delay_s = min(delay_s * 2, RETRY_S_MAX)

    async def _follow_alerts(self) -> None:
        async with aclosing(self._entries.entries(-1)) as batches:
            async for batch in batches:
                if not batch:
                    self._doubt_all()
                for entry in batch:
                    for listener in self._listeners.get(entry.customer_id, ()):
                        listener.position.offer(entry)
                        listener.bell.set()

    def _doubt_all(self) -> None:
        # Attached (again): what happened before is not in the stream, so everyone looks into the log once.
        for listeners in self._listeners.values():
            for listener in listeners:
                listener.position.doubt()
                listener.bell.set()

    async def _follow_changes(self) -> None:
        async with aclosing(self._changes.entries(-1)) as batches:
            async for batch in batches:
                accounts = {change.account_id for change in batch} if batch else list(self._watchers)
                for account_id in accounts:
                    for bell in self._watchers.get(account_id, ()):
                        bell.set()


def _drop(listeners: defaultdict[str, set[L]], key: str, listener: L) -> None:
    listeners[key].discard(listener)
    if not listeners[key]:
        del listeners[key]
