"""The banking events producers post: CloudEvents 1.0 envelopes and one versioned struct for each type's `data`.

A type is `belfry.<subject>.<what happened>.v<version>`. Unknown fields in `data` are refused, so that a misspelt one
is seen by its producer; consumers are therefore deployed before producers. All times are RFC 3339 with an offset.
The dedupe key is `source` + `id`. The account named in `data` is the partition key; events without one go by customer.
"""

from typing import Annotated

import msgspec

from contracts.money import Money
from contracts.vocabulary import (
    AccountKind,
    AccountUsage,
    CreditDebitIndicator,
    DevicePlatform,
    Frequency,
    HolderRole,
    SpendingCategory,
)

EVENT_BYTES_MAX = 64 * 1024
"""Largest single event, in bytes of JSON."""

Identifier = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9][A-Za-z0-9._:-]{0,63}\Z")]
EventText = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
Label = Annotated[str, msgspec.Meta(min_length=1, max_length=140)]
Timestamp = Annotated[
    str,
    msgspec.Meta(
        pattern=r"\A[0-9]{4}-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9](\.[0-9]{1,9})?(Z|[+-][0-9][0-9]:[0-9][0-9])\Z",
        max_length=35,
    ),
]
DateText = Annotated[str, msgspec.Meta(pattern=r"\A[0-9]{4}-[0-9][0-9]-[0-9][0-9]\Z")]
Country = Annotated[str, msgspec.Meta(pattern=r"\A[A-Z]{2}\Z")]
MerchantCategoryCode = Annotated[str, msgspec.Meta(pattern=r"\A[0-9]{4}\Z")]
Isin = Annotated[str, msgspec.Meta(pattern=r"\A[A-Z]{2}[A-Z0-9]{9}[0-9]\Z")]
DecimalText = Annotated[str, msgspec.Meta(pattern=r"\A-?(0|[1-9][0-9]{0,11})(\.[0-9]{1,8})?\Z")]


class CloudEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """A CloudEvents 1.0 envelope; `data` stays raw JSON until its type is known. Extension attributes are ignored."""

    specversion: str
    id: EventText
    source: EventText
    type: EventText
    time: Timestamp
    data: msgspec.Raw
    subject: EventText | None = None
    datacontenttype: str | None = None
    dataschema: str | None = None


class LogEntry(msgspec.Struct, frozen=True):
    """A line of the event log's NDJSON stream; `offset` starts at 1 without holes, `acceptedAt` is the log's clock."""

    offset: int
    accepted_at: str = msgspec.field(name="acceptedAt")
    event: CloudEvent


class _Data(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    pass


class Party(_Data, frozen=True, kw_only=True):
    customer_id: Identifier
    role: HolderRole


class Merchant(_Data, frozen=True, kw_only=True):
    """Where a card was used; the category code is ISO 18245, four digits with the leading zero."""

    name: Label
    merchant_category_code: MerchantCategoryCode | None = None
    country: Country | None = None
    city: Label | None = None


class CustomerRegistered(_Data, frozen=True, kw_only=True):
    customer_id: Identifier
    given_name: Label
    family_name: Label
    locale: Label
    time_zone: Label
    residency_country: Country


class AccountOpened(_Data, frozen=True, kw_only=True):
    """An account and its holders; sent again under a new event id it replaces name, holders and limits."""

    account_id: Identifier
    kind: AccountKind
    currency: str
    display_name: Label
    usage: AccountUsage = AccountUsage.PRIVATE
    parties: Annotated[list[Party], msgspec.Meta(min_length=1, max_length=16)]
    iban: Annotated[str, msgspec.Meta(pattern=r"\A[A-Z]{2}[0-9]{2}[A-Z0-9]{10,30}\Z")] | None = None
    opened_on: DateText
    overdraft_limit: Money | None = None
    credit_limit: Money | None = None
    interest_rate: DecimalText | None = None


class CardIssued(_Data, frozen=True, kw_only=True):
    card_id: Identifier
    account_id: Identifier
    cardholder_id: Identifier
    masked_pan: Annotated[str, msgspec.Meta(pattern=r"\A[*0-9]{8,19}\Z")]
    expiry: DateText


class HoldingChanged(_Data, frozen=True, kw_only=True):
    """The new position of an account in one instrument; quantity "0" removes it."""

    account_id: Identifier
    isin: Isin
    instrument_name: Label
    quantity: DecimalText
    average_cost: Money


class StandingOrderCreated(_Data, frozen=True, kw_only=True):
    standing_order_id: Identifier
    account_id: Identifier
    amount: Money
    frequency: Frequency
    counterparty: Label
    purpose: Label | None = None
    next_date: DateText | None = None


class Payment(_Data, frozen=True, kw_only=True):
    """A movement on an account. `amount` is positive, in the account's currency; the indicator gives its direction.

    Pending, booked, rejected and reversed events of one movement carry the same `transactionId`. `balanceAfter` is the
    bank's own booked balance after this booking (signed); where present it corrects the projected balance.
    """

    transaction_id: Identifier
    account_id: Identifier
    amount: Money
    credit_debit_indicator: CreditDebitIndicator
    original_amount: Money | None = None
    booking_date: DateText | None = None
    value_date: DateText | None = None
    card_id: Identifier | None = None
    merchant: Merchant | None = None
    counterparty: Label | None = None
    remittance_information: Label | None = None
    end_to_end_id: Label | None = None
    bank_transaction_code: Label | None = None
    category: SpendingCategory | None = None
    purpose: Label | None = None
    balance_after: Money | None = None


class PaymentPending(Payment, frozen=True, kw_only=True):
    pass


class PaymentBooked(Payment, frozen=True, kw_only=True):
    """Booked on `bookingDate`, or on the UTC day of the event's time where that is absent."""


class PaymentRejected(Payment, frozen=True, kw_only=True):
    """Refused or returned; `reason` is for the customer."""

    reason: Label


class PaymentReversed(Payment, frozen=True, kw_only=True):
    """A booked movement given back: a new transaction in the other direction, linked to the one it reverses."""

    reverses_transaction_id: Identifier


class CardAuthorised(Payment, frozen=True, kw_only=True):
    """A card payment approved and not yet booked: the same transaction is booked later under the same id."""


class CardDeclined(Payment, frozen=True, kw_only=True):
    reason: Label


class CardReversed(_Data, frozen=True, kw_only=True):
    """An authorisation released before it was booked; the pending transaction becomes rejected."""

    transaction_id: Identifier
    account_id: Identifier
    card_id: Identifier | None = None


class BalanceReported(_Data, frozen=True, kw_only=True):
    """The booked balance (signed) at the end of `referenceDate` in the bank's ledger; corrects the projection."""

    account_id: Identifier
    balance: Money
    reference_date: DateText


class LoginSucceeded(_Data, frozen=True, kw_only=True):
    customer_id: Identifier
    device_id: Identifier
    platform: DevicePlatform
    country: Country | None = None


class LoginFailed(_Data, frozen=True, kw_only=True):
    customer_id: Identifier
    device_id: Identifier | None = None
    platform: DevicePlatform | None = None
    country: Country | None = None
    reason: Label


class DeviceRegistered(_Data, frozen=True, kw_only=True):
    customer_id: Identifier
    device_id: Identifier
    platform: DevicePlatform
    name: Label


class StandingOrderExecuted(_Data, frozen=True, kw_only=True):
    """An execution; the movement itself is a payment event with the same `transactionId`."""

    standing_order_id: Identifier
    account_id: Identifier
    transaction_id: Identifier
    amount: Money
    next_date: DateText | None = None


class StandingOrderFailed(_Data, frozen=True, kw_only=True):
    standing_order_id: Identifier
    account_id: Identifier
    amount: Money
    counterparty: Label
    reason: Label


class PriceQuoted(_Data, frozen=True, kw_only=True):
    isin: Isin
    price: Money


EVENT_TYPES: dict[str, type[_Data]] = {
    "belfry.customer.registered.v1": CustomerRegistered,
    "belfry.account.opened.v1": AccountOpened,
    "belfry.card.issued.v1": CardIssued,
    "belfry.holding.changed.v1": HoldingChanged,
    "belfry.standing-order.created.v1": StandingOrderCreated,
    "belfry.standing-order.executed.v1": StandingOrderExecuted,
    "belfry.standing-order.failed.v1": StandingOrderFailed,
    "belfry.payment.pending.v1": PaymentPending,
    "belfry.payment.booked.v1": PaymentBooked,
    "belfry.payment.rejected.v1": PaymentRejected,
    "belfry.payment.reversed.v1": PaymentReversed,
    "belfry.card.authorised.v1": CardAuthorised,
    "belfry.card.declined.v1": CardDeclined,
    "belfry.card.reversed.v1": CardReversed,
    "belfry.balance.reported.v1": BalanceReported,
    "belfry.login.succeeded.v1": LoginSucceeded,
    "belfry.login.failed.v1": LoginFailed,
    "belfry.device.registered.v1": DeviceRegistered,
    "belfry.price.quoted.v1": PriceQuoted,
}

EVENT_DECODERS: dict[str, msgspec.json.Decoder[_Data]] = {
    name: msgspec.json.Decoder(data) for name, data in EVENT_TYPES.items()
}


def data_of(event: CloudEvent) -> _Data:
    """Decode the data of an event of a known type.

    Raises:
        KeyError: the type is unknown.
        msgspec.ValidationError, msgspec.DecodeError: the data is not of that type.
    """
    return EVENT_DECODERS[event.type].decode(event.data)
