"""The live streams: the customer's alert feed, and changes of one account.

Each stream checks its arguments before it starts, so that a bad cursor or id is a typed error and not a dead stream.
"""

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

import msgspec

from clients.deadline import Deadline
from contracts.accounts import Account
from contracts.alerts import AnyAlert, LogEntryKind
from contracts.failures import NotFound
from contracts.feed import CaughtUp, EntryDelivered, FeedGapReason, FeedItem, Gap
from contracts.vocabulary import SEVERITY_ORDER, AlertSeverity
from resolvers.access import Access
from resolvers.alerts import seconds_of
from resolvers.context import Info, RequestContext
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


async def alert_feed(info: Info, after: str | None, minimum_severity: AlertSeverity) -> AsyncGenerator[FeedEvent]:
    """Start the caller's feed after a cursor, or from now.

    Raises:
        BadCursor: the cursor is not one of this customer.
    """
    context = info.context
    seq = None if after is None else context.cursors.read(after, context.customer_id)
    return _feed_events(context, seq, SEVERITY_ORDER[minimum_severity])


async def _feed_events(context: RequestContext, seq: int | None, rank_min: int) -> AsyncGenerator[FeedEvent]:
    async with aclosing(context.feed.alerts(context.customer_id, seq)) as items:
        async for item in items:
            if isinstance(item, EntryDelivered) and not _passes(context, item, rank_min):
                continue
            yield _feed_event(context, item)


def _passes(context: RequestContext, item: EntryDelivered, rank_min: int) -> bool:
    alert = item.entry.alert
    return context.access.alert(alert) and SEVERITY_ORDER[alert.severity] >= rank_min


def _feed_event(context: RequestContext, item: FeedItem) -> FeedEvent:
    def cursor(seq: int, issued_at: float) -> str:
        return context.cursors.sign(context.customer_id, seq, issued_at)

    match item:
        case EntryDelivered(entry=entry):
            context.trail.showed([entry.alert])
            kind = AlertRaised if entry.kind is LogEntryKind.RAISED else AlertChanged
            return kind(cursor(entry.seq, seconds_of(entry.at)), entry.alert)
        case CaughtUp(seq=seq):
            return FeedCaughtUp(cursor(seq, time.time()))
        case Gap(seq=seq, reason=reason, resumes_at=resumes_at):
            return FeedGap(cursor(seq, time.time()), reason, resumes_at)


async def account_changed(info: Info, id: str) -> AsyncGenerator[Account]:
    """Start the changes of one of the caller's accounts.

    Raises:
        NotFound: it does not exist or is not the caller's.
    """
    account_id = decode_id_of("Account", id)
    await _account(info.context, account_id)
    return _account_states(info.context, account_id)


async def _account_states(context: RequestContext, account_id: str) -> AsyncGenerator[Account]:
    async with aclosing(context.feed.account_changes(account_id)) as changes:
        async for _ in changes:
            yield await _account(context, account_id)


async def _account(context: RequestContext, account_id: str) -> Account:
    """Read the account as it is now, and whether it is still the caller's."""
    deadline = Deadline.after(EVENT_S_MAX)
    access = Access(context.customer_id, context.backends, deadline)
    found = await context.backends.accounts.accounts([account_id], deadline) if await access.account(account_id) else []
    if not found:
        raise NotFound("There is no such account.")
    return found[0]
