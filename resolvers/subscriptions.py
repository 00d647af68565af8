"""The live streams: the customer's alert feed, and changes of one account.

Each stream checks its arguments before it starts, so that a bad cursor or id is a typed error and not a dead stream.
"""

import time

import msgspec

from clients.deadline import Deadline
from contracts.accounts import Account
from contracts.alerts import AnyAlert, LogEntryKind
from contracts.failures import NotFound
from contracts.feed import CaughtUp, EntryDelivered, FeedGapReason, FeedItem
from contracts.vocabulary import SEVERITY_ORDER, AlertSeverity
from resolvers.access import Access
from resolvers.alerts import seconds_of
from resolvers.context import Info, RequestContext
from resolvers.feed import AccountWatch, FeedItems, LiveEvents, Shared, Wake
from resolvers.node_ids import decode_id_of

EVENT_S_MAX = 5.0
"""How long reading one changed account may take."""


class AlertRaised(msgspec.Struct, frozen=True):
    cursor: str
    alert: AnyAlert


class AlertChanged(msgspec.Struct, frozen=True):
    cursor: str
    alert: AnyAlert


class FeedCaughtUp(msgspec.Struct, frozen=True):
    cursor: str


class FeedGap(msgspec.Struct, frozen=True):
    cursor: str
    reason: FeedGapReason
    resumes_at: str | None


FeedEvent = AlertRaised | AlertChanged | FeedCaughtUp | FeedGap


async def alert_feed(info: Info, after: str | None, minimum_severity: AlertSeverity) -> "AlertFeedEvents":
    """Start the caller's feed after a cursor, or from now.

    Raises:
        BadCursor: the cursor is not one of this customer.
        Unavailable: the log cannot be read; may be retried.
    """
    context = info.context
    seq = None if after is None else context.cursors.read(after, context.customer_id)
    items = await context.feed.alerts(context.customer_id, seq)
    return AlertFeedEvents(context, items, SEVERITY_ORDER[minimum_severity])


class AlertFeedEvents(LiveEvents):
    """One subscriber's alert feed: what its customer may see, of the severity it asked for."""

    __slots__ = ("_context", "_items", "_rank_min", "more")

    def __init__(self, context: RequestContext, items: FeedItems, rank_min: int) -> None:
        self._context = context
        self._items = items
        self._rank_min = rank_min
        self.more = True

    @property
    def wake(self) -> Wake:
        """What is called when there may be more to take."""
        return self._items.wake

    @wake.setter
    def wake(self, wake: Wake) -> None:
        self._items.wake = wake

    @property
    def ended(self) -> bool:
        """Whether the feed has ended."""
        return self._items.ended

    @property
    def hungry(self) -> bool:
        """Whether the log must be read first."""
        return self._items.hungry

    def take(self) -> FeedItem | None:
        """Return the next item that is for this subscriber."""
        while (item := self._items.take()) is not None:
            self.more = self._items.more
            if not isinstance(item, EntryDelivered):
                return item
            alert = item.entry.alert
            if self._context.access.alert(alert) and SEVERITY_ORDER[alert.severity] >= self._rank_min:
                return item
        return None

    def shared(self, occurrence: FeedItem) -> Shared | None:
        """An entry is the same for all devices of its customer; what is said about one stream is not."""
        return occurrence.shared if isinstance(occurrence, EntryDelivered) else None

    def event(self, occurrence: FeedItem) -> FeedEvent:
        """Return the event, and leave the alert on the trail."""
        return _feed_event(self._context, occurrence)

    async def fill(self) -> None:
        """Read the log."""
        await self._items.fill()

    def close(self) -> None:
        """Listen no longer."""
        self._items.close()

    def cursor(self) -> str:
        """Return where it stands, also after what was left out for its severity."""
        return self._context.cursors.sign(self._context.customer_id, self._items.sent, time.time())


def _feed_event(context: RequestContext, item: FeedItem) -> FeedEvent:
    sign, customer_id = context.cursors.sign, context.principal.customer_id
    if isinstance(item, EntryDelivered):
        entry = item.entry
        context.trail.showed([entry.alert])
        kind = AlertRaised if entry.kind is LogEntryKind.RAISED else AlertChanged
        return kind(sign(customer_id, entry.seq, seconds_of(entry.at)), entry.alert)
    cursor = sign(customer_id, item.seq, time.time())
    if isinstance(item, CaughtUp):
        return FeedCaughtUp(cursor)
    return FeedGap(cursor, item.reason, item.resumes_at)


async def account_changed(info: Info, id: str) -> "AccountStates":
    """Start the changes of one of the caller's accounts.

    Raises:
        NotFound: it does not exist or is not the caller's.
    """
    account_id = decode_id_of("Account", id)
    await _account(info.context, account_id)
    return AccountStates(info.context, info.context.feed.account_changes(account_id), account_id)


class AccountStates(LiveEvents):
    """An account each time it may have changed, read anew; a newer state replaces an older one."""

    def __init__(self, context: RequestContext, watch: AccountWatch, account_id: str) -> None:
        self._context = context
        self._watch = watch
        self._account_id = account_id
        self._account: Account | None = None
        self.more = True

    @property
    def wake(self) -> Wake:
        """What is called when it may have changed."""
        return self._watch.wake

    @wake.setter
    def wake(self, wake: Wake) -> None:
        self._watch.wake = wake

    @property
    def ended(self) -> bool:
        """Whether it can change no more."""
        return self._watch.ended

    @property
    def hungry(self) -> bool:
        """Whether the account must be read."""
        return self._watch.changed

    def take(self) -> Account | None:
        """Return the account where it was read and not yet taken."""
        account, self._account = self._account, None
        return account

    def event(self, occurrence: Account) -> Account:
        """Return it as it is."""
        return occurrence

    async def fill(self) -> None:
        """Read the account as it is now.

        Raises:
            NotFound: it is not the caller's any more.
        """
        self._watch.changed = False
        self._account = await _account(self._context, self._account_id)

    def close(self) -> None:
        """Watch no longer."""
        self._watch.close()


async def _account(context: RequestContext, account_id: str) -> Account:
    """Read the account as it is now, and whether it is still the caller's."""
    deadline = Deadline.after(EVENT_S_MAX)
    access = Access(context.customer_id, context.backends, deadline)
    found = await context.backends.accounts.accounts([account_id], deadline) if await access.account(account_id) else []
    if not found:
        raise NotFound("There is no such account.")
    return found[0]
