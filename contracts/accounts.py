"""Customers, accounts and what belongs to them, as the account service answers them."""

import msgspec

from contracts.money import Money
from contracts.vocabulary import (
    AccountKind,
    AccountStatus,
    AccountUsage,
    BalanceType,
    CardStatus,
    CreditDebitIndicator,
    DevicePlatform,
    Frequency,
    HolderRole,
    PushPlatform,
)

IDS_PER_CALL_MAX = 500
"""Most ids in one batch read."""


class Customer(msgspec.Struct, frozen=True, rename="camel"):
    id: str
    given_name: str
    family_name: str
    locale: str
    time_zone: str
    residency_country: str


class Holder(msgspec.Struct, frozen=True, rename="camel", gc=False):
    customer_id: str
    role: HolderRole


class Balance(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, gc=False):
    """`amount` is positive; the indicator says on which side of zero. `referenceDate` is the day it closes."""

    account_id: str
    type: BalanceType
    amount: Money
    credit_debit_indicator: CreditDebitIndicator
    reference_date: str | None = None
    last_change: str | None = None


class Account(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    id: str
    kind: AccountKind
    display_name: str
    currency: str
    status: AccountStatus
    usage: AccountUsage
    opened_on: str
    holders: list[Holder]
    iban: str | None = None
    overdraft_limit: Money | None = None
    credit_limit: Money | None = None
    interest_rate: str | None = None


class Card(msgspec.Struct, frozen=True, rename="camel"):
    id: str
    account_id: str
    cardholder_id: str
    masked_pan: str
    status: CardStatus
    expiry: str


class Instrument(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    isin: str
    name: str
    price: Money | None = None
    price_at: str | None = None


class Holding(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A position; `marketValue` is quantity x last price, absent until a price in the cost's currency is known."""

    account_id: str
    instrument: Instrument
    quantity: str
    average_cost: Money
    market_value: Money | None = None


class StandingOrder(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    id: str
    account_id: str
    amount: Money
    frequency: Frequency
    counterparty: str
    purpose: str | None = None
    next_date: str | None = None


class Device(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """`pushPlatform`: whose push service it gets alerts by; absent where it has no push token."""

    id: str
    customer_id: str
    platform: DevicePlatform
    name: str
    trusted: bool
    last_seen_at: str | None = None
    push_platform: PushPlatform | None = None


class DeviceInput(msgspec.Struct, frozen=True, rename="camel"):
    customer_id: str
    platform: DevicePlatform
    name: str


class PushTokenInput(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """The token that a push service gave the app on a device.

    `signedInWith` and `signedInAt` are id and time of issue (UNIX seconds) of the access token it is registered with.
    """

    customer_id: str
    platform: PushPlatform
    token: str
    signed_in_with: str = ""
    signed_in_at: int | None = None


class PushToken(msgspec.Struct, frozen=True, rename="camel"):
    """Where a device is reached; for who hands alerts over, never for a client."""

    device_id: str
    customer_id: str
    platform: PushPlatform
    token: str


class PushTokenRemoval(msgspec.Struct, frozen=True, rename="camel"):
    """Who knows the token may remove it, of this customer's devices."""

    customer_id: str
    platform: PushPlatform
    token: str


class PushRevocation(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """One access token by its id, or those of a customer issued up to a moment (UNIX seconds)."""

    token_id: str | None = None
    customer_id: str | None = None
    issued_before: float | None = None


class QuietHours(msgspec.Struct, frozen=True):
    """Local times `HH:MM` in the customer's time zone; an end before its start passes midnight."""

    start: str
    end: str


class KindChannels(msgspec.Struct, frozen=True, rename="camel"):
    """The channels that alerts of a kind take: the next one when the one before went unacknowledged."""

    kind: str
    channels: list[str]


class NotificationPreferences(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What reaches the customer outside the app and when; critical alerts pass all of it.

    A kind without `channels` of its own takes push, then SMS; a channel that is not enabled is left out.
    """

    customer_id: str
    minimum_severity: str
    push_enabled: bool
    muted_kinds: list[str]
    quiet_hours: QuietHours | None = None
    sms_enabled: bool = False
    channels: list[KindChannels] = []


class Entitlement(msgspec.Struct, frozen=True, rename="camel", gc=False):
    account_id: str
    role: HolderRole


class Entitlements(msgspec.Struct, frozen=True, rename="camel"):
    """Everything a customer may see, in one answer: the one place ownership is decided from."""

    customer_id: str
    accounts: list[Entitlement]
    card_ids: list[str]
    """Cards the customer holds, and every card of an account they own or jointly own."""
    device_ids: list[str]


class BalanceDay(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """Closing booked balance (signed decimal) of a day that had a booking."""

    date: str
    amount: Money
