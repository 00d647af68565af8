"""Alerts, their reasons and the customer's alert log, as the analytics service answers them.

An alert log is per customer and gapless: `seq` is 1, 2, 3, … An entry either raises an alert or says that one changed.
"""

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from contracts.money import Money
from contracts.vocabulary import (
    AlertResponse,
    AlertSeverity,
    AlertState,
    DeliveryChannel,
    DeliveryStage,
    DevicePlatform,
    SpendingCategory,
)

ALERTS_AT_ONCE_MAX = 100
"""Most alerts one acknowledgement of delivery names."""


class AlertReason(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Why: the measured value against what was expected; texts are decimal strings, counts or codes."""

    code: str
    observed: str
    expected: str | None = None
    threshold: str | None = None
    window: str | None = None
    transaction_ids: list[str] = []


class Delivery(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """How far an alert came on one channel and device, and when it came that far; no device: one that is not named."""

    channel: DeliveryChannel
    stage: DeliveryStage
    at: str
    device_id: str | None = None


class Alert(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True, tag_field="kind"):
    """What every kind of alert has. `seq` is that of the log entry that raised it; `occurredAt` is the event's time.

    `deliveries` has one entry for each channel and device, in the order they came.
    """

    id: str
    customer_id: str
    seq: int
    severity: AlertSeverity
    state: AlertState
    title: str
    body: str
    occurred_at: str
    raised_at: str
    rule_id: str
    rule_version: int
    reasons: list[AlertReason]
    account_id: str | None = None
    card_id: str | None = None
    transaction_id: str | None = None
    deliveries: list[Delivery] = []


class LargeTransactionAlert(Alert, frozen=True, kw_only=True, tag="LARGE_TRANSACTION"):
    amount: Money
    threshold: Money


class LowBalanceAlert(Alert, frozen=True, kw_only=True, tag="LOW_BALANCE"):
    """`balance` is signed."""

    balance: Money
    threshold: Money


class CardDeclinedAlert(Alert, frozen=True, kw_only=True, tag="CARD_DECLINED"):
    amount: Money
    decline_reason: str
    merchant_name: str | None = None


class ForeignTransactionAlert(Alert, frozen=True, kw_only=True, tag="FOREIGN_TRANSACTION"):
    amount: Money
    country: str


class VelocityAlert(Alert, frozen=True, kw_only=True, tag="VELOCITY"):
    transaction_count: int
    window_minutes: int
    total: Money


class UnusualSpendingAlert(Alert, frozen=True, kw_only=True, tag="UNUSUAL_SPENDING"):
    category: SpendingCategory
    total: Money
    expected: Money
    day: str


class FailedPaymentAlert(Alert, frozen=True, kw_only=True, tag="FAILED_PAYMENT"):
    amount: Money
    failure_reason: str
    counterparty: str | None = None


class LoginAlert(Alert, frozen=True, kw_only=True, tag="LOGIN"):
    device_id: str
    platform: DevicePlatform
    country: str | None = None


AnyAlert = (
    LargeTransactionAlert
    | LowBalanceAlert
    | CardDeclinedAlert
    | ForeignTransactionAlert
    | VelocityAlert
    | UnusualSpendingAlert
    | FailedPaymentAlert
    | LoginAlert
)


class LogEntryKind(StrEnum):
    RAISED = "RAISED"
    CHANGED = "CHANGED"


class AlertLogEntry(msgspec.Struct, frozen=True, rename="camel"):
    """One entry of a customer's log; `offset` is its place among all customers' entries (rising, may have holes)."""

    offset: int
    customer_id: str
    seq: int
    kind: LogEntryKind
    at: str
    alert: AnyAlert


class AlertLogPage(msgspec.Struct, frozen=True, rename="camel"):
    """Entries after a seq, in order; `lastSeq` is the log's newest, 0 when empty; `firstSeq` the oldest still kept."""

    customer_id: str
    entries: list[AlertLogEntry]
    first_seq: int
    last_seq: int


class AlertEdge(msgspec.Struct, frozen=True):
    cursor: str
    node: AnyAlert


class AlertPage(msgspec.Struct, frozen=True, rename="camel"):
    """Newest first by `seq`."""

    edges: list[AlertEdge]
    has_next_page: bool


class AcknowledgeInput(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Who acknowledges, on which of their devices where that is known."""

    customer_id: str
    device_id: str | None = None


class AlertResponseInput(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    customer_id: str
    response: AlertResponse
    device_id: str | None = None


class DeliveryInput(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Alerts that came so far on a device: DELIVERED, SEEN or READ."""

    customer_id: str
    alert_ids: Annotated[list[str], Meta(min_length=1, max_length=ALERTS_AT_ONCE_MAX)]
    stage: DeliveryStage
    device_id: str | None = None


class MarkReadInput(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Mark as read every unread alert raised at or before `upToSeq`."""

    customer_id: str
    up_to_seq: Annotated[int, Meta(ge=0, le=2**53)]
    device_id: str | None = None


class MarkReadResult(msgspec.Struct, frozen=True, rename="camel"):
    changed_count: int
    unread_count: int
