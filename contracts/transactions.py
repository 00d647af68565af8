"""Transaction history as the event service answers it: one row a movement, whatever became of it."""

import msgspec

from contracts import events as e
from contracts.money import Money
from contracts.vocabulary import CreditDebitIndicator, SpendingCategory, TransactionStatus

TRANSACTION_PAGE_MAX = 200
"""Most transactions of one page."""
ACCOUNTS_PER_CALL_MAX = 500
"""Most account ids (or transaction ids) in one call."""

STATUS_AFTER: dict[type[msgspec.Struct], TransactionStatus] = {
    e.PaymentPending: TransactionStatus.PENDING,
    e.CardAuthorised: TransactionStatus.PENDING,
    e.PaymentBooked: TransactionStatus.BOOKED,
    e.PaymentReversed: TransactionStatus.BOOKED,
    e.PaymentRejected: TransactionStatus.REJECTED,
    e.CardDeclined: TransactionStatus.REJECTED,
}
"""What a movement is once an event has told of it; a released authorisation (`CardReversed`) tells of none."""


class TransactionMerchant(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, gc=False):
    name: str
    category: SpendingCategory
    merchant_category_code: str | None = None
    country: str | None = None


class Transaction(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, gc=False):
    """A movement; `amount` is positive in the account's currency. Times and dates stay the ISO strings they came as."""

    id: str
    account_id: str
    status: TransactionStatus
    credit_debit_indicator: CreditDebitIndicator
    amount: Money
    occurred_at: str
    category: SpendingCategory
    original_amount: Money | None = None
    booking_date: str | None = None
    value_date: str | None = None
    card_id: str | None = None
    merchant: TransactionMerchant | None = None
    counterparty: str | None = None
    remittance_information: str | None = None
    end_to_end_id: str | None = None
    bank_transaction_code: str | None = None
    purpose: str | None = None
    balance_after: Money | None = None
    reverses_transaction_id: str | None = None
    rejection_reason: str | None = None


class TransactionEdge(msgspec.Struct, frozen=True, gc=False):
    cursor: str
    node: Transaction


class TransactionPage(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Newest first by (`occurredAt`, `id`). What occurred before `complete_from` may be missing; None: nothing is."""

    edges: list[TransactionEdge]
    has_next_page: bool
    complete_from: str | None = None


class AccountTransactionPage(msgspec.Struct, frozen=True, rename="camel"):
    account_id: str
    page: TransactionPage
