"""Alerts: pages of them, what they lead to, and the customer's answers."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

import msgspec

from clients.routes import Query
from contracts.accounts import Account, Card, Device
from contracts.alerts import (
    ALERTS_AT_ONCE_MAX,
    AcknowledgeInput,
    Alert,
    AlertPage,
    AlertReason,
    AlertResponseInput,
    AnyAlert,
    Delivery,
    DeliveryInput,
    LoginAlert,
    MarkReadInput,
    MarkReadResult,
)
from contracts.failures import NotFound, Rejected
from contracts.rules import AlertRule
from contracts.transactions import Transaction
from contracts.vocabulary import AlertKind, AlertResponse, AlertSeverity, AlertState, DeliveryStage
from resolvers.accounts import accounts_of, cards_of
from resolvers.bounds import paging
from resolvers.context import Info, RequestContext
from resolvers.loads import Load
from resolvers.transactions import owned_transactions


class AlertFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which alerts; every condition that is given must hold, lists mean any of theirs."""

    states: list[AlertState] | None = None
    kinds: list[AlertKind] | None = None
    minimum_severity: AlertSeverity | None = None

    def query(self) -> Query:
        """Return the conditions as the analytics service takes them."""
        return [
            *(("state", state.value) for state in self.states or ()),
            *(("kind", kind.value) for kind in self.kinds or ()),
            *([("minimumSeverity", self.minimum_severity.value)] if self.minimum_severity else []),
        ]


class AlertAcknowledged(msgspec.Struct, frozen=True):
    """An alert that is acknowledged."""

    alert: AnyAlert


class DeliveryAcknowledged(msgspec.Struct, frozen=True):
    """Alerts after a device told how far they came: as they are now."""

    alerts: list[AnyAlert]


class AlertAnswered(msgspec.Struct, frozen=True):
    """An alert after the customer's answer."""

    alert: AnyAlert


def seconds_of(at: str) -> float:
    """Return an RFC 3339 time as UNIX seconds."""
    return datetime.fromisoformat(at).timestamp()


def cursor(root: Alert, info: Info) -> str:
    """Return the feed position right after the entry that raised the alert."""
    context = info.context
    return context.cursors.sign(context.customer_id, root.seq, seconds_of(root.raised_at))


async def page(info: Info, filter: AlertFilter, first: int, after: str | None) -> AlertPage:
    """Return a page of the caller's alerts, newest first."""
    context = info.context
    query = [*filter.query(), *paging(first, after)]
    found = await context.backends.analytics.alert_page(context.customer_id, query, context.deadline)
    context.trail.showed(nodes(found))
    return found


def nodes(root: AlertPage) -> list[AnyAlert]:
    """Return the alerts of a page without their cursors."""
    return [edge.node for edge in root.edges]


async def unread_count(info: Info) -> int:
    """Return how many alerts are unread: NEW or SEEN."""
    context = info.context
    counts = await context.backends.analytics.unread_counts([context.customer_id], context.deadline)
    return counts.get(context.customer_id, 0)


def rule(roots: list[Alert], context: RequestContext) -> list[Load[AlertRule | None]]:
    """Load the rule in its present version; None once it is deleted."""
    loads = context.loaders.rules.load_each([root.rule_id for root in roots])
    return [load.then(lambda found: found if context.access.rule(found) else None) for load in loads]


def account(roots: list[Alert], context: RequestContext) -> list[Load[Account | None]]:
    """Load the account it is about; None without one."""
    return accounts_of([root.account_id for root in roots], context)


def card(roots: list[Alert], context: RequestContext) -> list[Load[Card | None]]:
    """Load the card it is about; None without one, or for another holder's card."""
    return cards_of([root.card_id for root in roots], context)


async def transaction(root: Alert, info: Info) -> Transaction | None:
    """Return the transaction it is about; None without one."""
    if root.transaction_id is None:
        return None
    return next(iter(await owned_transactions(info, [root.transaction_id])), None)


async def device(root: LoginAlert, info: Info) -> Device | None:
    """Return the device of a login; None when it is not registered."""
    if not await info.context.access.device(root.device_id):
        return None
    return await info.context.loaders.devices.load(root.device_id)


async def reason_transactions(root: AlertReason, info: Info) -> list[Transaction]:
    """Return the contributing transactions that are the caller's."""
    return await owned_transactions(info, root.transaction_ids)


async def delivery_device(root: Delivery, info: Info) -> Device | None:
    """Return the device of a delivery; None where it is not named, or not registered any more."""
    if root.device_id is None or not await info.context.access.device(root.device_id):
        return None
    return await info.context.loaders.devices.load(root.device_id)


async def acknowledge_delivery(
    info: Info, ids: Sequence[str], stage: DeliveryStage, device_id: str | None
) -> DeliveryAcknowledged:
    """Tell how far the caller's alerts came on a device; all of them or none, repeats change nothing."""
    context = info.context
    if not 1 <= len(ids) <= ALERTS_AT_ONCE_MAX:
        raise Rejected(f"Name 1 to {ALERTS_AT_ONCE_MAX} alerts.", code="TOO_MANY")
    alert_ids = await asyncio.gather(*(_own_alert_id(info, id) for id in ids))
    delivery = DeliveryInput(context.customer_id, list(alert_ids), stage, device_id)
    alerts = await context.backends.analytics.acknowledge_delivery(delivery, context.deadline)
    context.forget()
    return DeliveryAcknowledged(alerts)


async def acknowledge(info: Info, id: str, device_id: str | None) -> AlertAcknowledged:
    """Acknowledge one of the caller's alerts; repeats change nothing."""
    context = info.context
    alert_id = await _own_alert_id(info, id)
    alert = await context.backends.analytics.acknowledge(
        alert_id, AcknowledgeInput(context.customer_id, device_id), context.deadline
    )
    context.forget()
    return AlertAcknowledged(alert)


async def respond(info: Info, id: str, response: AlertResponse, device_id: str | None) -> AlertAnswered:
    """Store the caller's answer to one of their alerts; repeats change nothing."""
    context = info.context
    alert_id = await _own_alert_id(info, id)
    answer = AlertResponseInput(context.customer_id, response, device_id)
    alert = await context.backends.analytics.respond(alert_id, answer, context.deadline)
    context.forget()
    return AlertAnswered(alert)


async def mark_read(info: Info, up_to: str, device_id: str | None) -> MarkReadResult:
    """Mark as read every unread alert raised at or before a cursor."""
    context = info.context
    seq = context.cursors.read(up_to, context.customer_id)
    mark = MarkReadInput(context.customer_id, seq, device_id)
    result = await context.backends.analytics.mark_read(mark, context.deadline)
    context.forget()
    return result


async def _own_alert_id(info: Info, id: str) -> str:
    alert = await info.context.loaders.alerts.load(info.context.subject("Alert", id))
    if alert is None or not info.context.access.alert(alert):
        raise NotFound("There is no such alert.")
    return alert.id
