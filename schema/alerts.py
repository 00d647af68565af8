"""Alerts: one interface and a type for each kind; their pages."""

from typing import Annotated

import strawberry

from contracts import alerts as structs
from resolvers import alerts as resolvers
from resolvers import pages
from resolvers.alerts import AlertFilter as Filter
from schema.cards import Device
from schema.enums import (
    AlertKind,
    AlertSeverity,
    AlertState,
    DeliveryChannel,
    DeliveryStage,
    DevicePlatform,
    SpendingCategory,
)
from schema.money import Money
from schema.nodes import Node, PageInfo
from schema.references import AccountRef, AlertRuleRef, CardRef, TransactionRef
from schema.scalars import CountryCode, Date, DateTime, FeedCursor
from schema.views import argument, field, node_id, view

_TRANSACTION = "The transaction it is about; null when it is not the customer's any more or could not be read."
_CARD = "The card it is about; null for another holder's card or when it could not be read."


@view(structs.AlertReason, description="Why an alert was raised: what was measured against what was expected.")
class AlertReason:
    code: str = field("What was measured, a stable code such as AMOUNT_ABOVE_THRESHOLD.")
    observed: str = field("The measured value: a decimal, a count or a code.")
    expected: str | None = field("What is usual; null where that has no meaning.")
    threshold: str | None = field("The rule's own threshold; null where it has none.")
    window: str | None = field("The span of event time it was measured over; null for a single event.")
    transactions: list[TransactionRef] | None = field(
        "Transactions that contributed; null when they could not be read.", resolver=resolvers.reason_transactions
    )


@view(structs.Delivery, description="How far an alert came on one device or channel.")
class AlertDelivery:
    channel: DeliveryChannel = field("How it came there.")
    stage: DeliveryStage = field("How far it came.")
    at: DateTime = field("When it came that far.")
    device: Device | None = field(
        "The device; null for PUSH and SMS, for an app that did not name it, once it is not registered any more, or "
        "when it could not be read.",
        resolver=resolvers.delivery_device,
    )


@strawberry.interface(description="Something the customer should know.")
class Alert(Node):
    node_id: strawberry.ID = node_id("Alert")
    cursor: FeedCursor = field("The feed's position right after it was raised.", resolver=resolvers.cursor)
    severity: AlertSeverity = field("How much it matters.")
    state: AlertState = field("What the customer has done about it.")
    title: str = field("One line for a notification; in English.")
    body: str = field("A sentence or two; in English.")
    occurred_at: DateTime = field("When the event that caused it happened.")
    raised_at: DateTime = field("When it was raised.")
    rule: AlertRuleRef | None = field(
        "The rule that raised it, as it is now; null once it is deleted or when it could not be read.",
        each=resolvers.rule,
    )
    rule_version: int = field("Version of the rule that raised it.")
    account: AccountRef | None = field(
        "The account it is about; null without one or when it could not be read.", each=resolvers.account
    )
    reasons: list[AlertReason] = field("Why it was raised.")
    deliveries: list[AlertDelivery] = field("How far it came on each device and channel, the latest last; at most 60.")


@view(structs.LargeTransactionAlert, description="A single movement above an amount.")
class LargeTransactionAlert(Alert):
    amount: Money = field("Amount of the movement.")
    threshold: Money = field("The rule's amount.")
    transaction: TransactionRef | None = field(_TRANSACTION, resolver=resolvers.transaction)


@view(structs.LowBalanceAlert, description="A booking took the balance below a threshold.")
class LowBalanceAlert(Alert):
    balance: Money = field("The booked balance after it; signed.")
    threshold: Money = field("The rule's threshold; signed.")
    transaction: TransactionRef | None = field(_TRANSACTION, resolver=resolvers.transaction)


@view(structs.CardDeclinedAlert, description="A card payment was declined.")
class CardDeclinedAlert(Alert):
    amount: Money = field("Amount that was asked for.")
    decline_reason: str = field("Why it was declined.")
    merchant_name: str | None = field("Where; null when not known.")
    card: CardRef | None = field(_CARD, each=resolvers.card)
    transaction: TransactionRef | None = field(_TRANSACTION, resolver=resolvers.transaction)


@view(structs.ForeignTransactionAlert, description="A card payment abroad.")
class ForeignTransactionAlert(Alert):
    amount: Money = field("Amount of the payment.")
    country: CountryCode = field("Where it was made.")
    card: CardRef | None = field(_CARD, each=resolvers.card)
    transaction: TransactionRef | None = field(_TRANSACTION, resolver=resolvers.transaction)


@view(structs.VelocityAlert, description="Many payments within a short time.")
class VelocityAlert(Alert):
    transaction_count: int = field("How many payments.")
    window_minutes: int = field("Within how many minutes of event time.")
    total: Money = field("Their sum.")
    card: CardRef | None = field(_CARD, each=resolvers.card)
    transaction: TransactionRef | None = field(_TRANSACTION, resolver=resolvers.transaction)


@view(structs.UnusualSpendingAlert, description="Spending unlike before, or over or under a total.")
class UnusualSpendingAlert(Alert):
    category: SpendingCategory = field("What it was spent on.")
    total: Money = field("What was spent.")
    expected: Money = field("What is usual, or the rule's total.")
    day: Date = field("The day it was spent, UTC.")
    transaction: TransactionRef | None = field(_TRANSACTION, resolver=resolvers.transaction)


@view(structs.FailedPaymentAlert, description="A payment or standing order failed.")
class FailedPaymentAlert(Alert):
    amount: Money = field("Amount of the payment.")
    failure_reason: str = field("Why it failed.")
    counterparty: str | None = field("Who should have been paid; null when not known.")
    transaction: TransactionRef | None = field(_TRANSACTION, resolver=resolvers.transaction)


@view(structs.LoginAlert, description="A login from a device not seen before.")
class LoginAlert(Alert):
    platform: DevicePlatform = field("What the device runs.")
    country: CountryCode | None = field("Where it was; null when not known.")
    device: Device | None = field(
        "The device; null while it is not registered, or when it could not be read.", resolver=resolvers.device
    )


KINDS = (
    LargeTransactionAlert,
    LowBalanceAlert,
    CardDeclinedAlert,
    ForeignTransactionAlert,
    VelocityAlert,
    UnusualSpendingAlert,
    FailedPaymentAlert,
    LoginAlert,
)
"""The concrete types, for the schema: nothing refers to them by name."""


@view(structs.AlertEdge, description="An alert in a page.")
class AlertEdge:
    cursor: str = field("Its place, for `after`; not a feed cursor.")
    node: Alert = field("The alert.")


@view(structs.AlertPage, description="A page of alerts, newest first.")
class AlertConnection:
    edges: list[AlertEdge] = field("The alerts with their places.")
    nodes: list[Alert] = field("The alerts.", computed=resolvers.nodes)
    page_info: PageInfo = field("Where the page stands.", computed=pages.page_info)


@strawberry.input(description="Which alerts: every condition given must hold; a list means any of its values.")
class AlertFilter:
    states: list[AlertState] | None = strawberry.field(
        default=None, description="In one of these states; null or empty: all."
    )
    kinds: list[AlertKind] | None = strawberry.field(default=None, description="Of these kinds; null or empty: all.")
    minimum_severity: AlertSeverity | None = strawberry.field(
        default=None, description="Of at least this severity; null: any."
    )

    def conditions(self) -> Filter:
        """Return it as resolvers take it."""
        return Filter(**vars(self))


FilterArgument = Annotated[AlertFilter | None, argument("Which alerts; null: all.")]
