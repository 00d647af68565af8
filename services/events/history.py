"""What an event does to the transaction history. Pure: a movement before and an event give the movement after.

    (nothing) ──pending, authorised──▶ PDNG ──booked──▶ BOOK   final
        │                               ├──rejected, declined, card reversed──▶ RJCT
        └──booked, rejected …──▶ BOOK or RJCT ───────────────booked──▶ BOOK

One movement is one row, found by its transaction id. A pending event about a pending movement brings it up to date and
changes nothing later. What is booked has moved money and stays booked; a card payment may be booked after its
authorisation was released. A later event fills over an earlier one and keeps what it leaves out; the time stays that of
the first event accepted, so that a row never moves between pages.
A reversed payment is a movement of its own, linked to the one it gives back.
"""

from typing import Any

import msgspec

from contracts import events as e
from contracts.categories import category_of, category_of_code
from contracts.failures import Rejected
from contracts.stored_events import by_type, unpatterned
from contracts.transactions import STATUS_AFTER, Transaction, TransactionMerchant
from contracts.vocabulary import TransactionStatus
from services.events.screening import Screened

RELEASED = "The authorisation was released before it was booked."

_STATUS_AFTER = by_type({**STATUS_AFTER, e.CardReversed: TransactionStatus.REJECTED}, unpatterned)

MOVEMENT_EVENTS = frozenset(_STATUS_AFTER)
"""The types of event data that history is made from."""


class Movement(msgspec.Struct, frozen=True, gc=False):
    """A row of the history: the transaction as answered, its sortable time, and its amount in minor units."""

    transaction: Transaction
    occurred_at: str
    minor: int


def moved(before: Movement | None, record: Screened) -> Movement | None:
    """Return the movement after an event of `MOVEMENT_EVENTS`; None where the event changes nothing.

    Raises:
        Rejected: `TRANSACTION_OF_OTHER_ACCOUNT`, or `UNKNOWN_TRANSACTION` for a release of what was never authorised.
    """
    data: Any = record.data
    if before is not None:
        if before.transaction.account_id != data.account_id:
            message = "The transaction belongs to another account."
            raise Rejected(message, code="TRANSACTION_OF_OTHER_ACCOUNT", pointer="/data/transactionId")
        if not _may_follow(_STATUS_AFTER[type(data)], before.transaction.status):
            return None
    if isinstance(data, e.CardReversed):
        return _released(before)
    after = _transaction(data, record)
    if before is None:
        return Movement(after, record.occurred_at, record.minor)
    return Movement(_filled(after, before.transaction, data), before.occurred_at, record.minor)


def _may_follow(after: TransactionStatus, before: TransactionStatus) -> bool:
    if before is TransactionStatus.REJECTED:
        return after is TransactionStatus.BOOKED
    return before is TransactionStatus.PENDING


def _released(before: Movement | None) -> Movement:
    if before is None:
        message = "There is no authorisation of this transaction."
        raise Rejected(message, code="UNKNOWN_TRANSACTION", pointer="/data/transactionId")
    status = TransactionStatus.REJECTED
    released = msgspec.structs.replace(before.transaction, status=status, rejection_reason=RELEASED)
    return Movement(released, before.occurred_at, before.minor)


def _transaction(data: e.Payment, record: Screened) -> Transaction:
    status = _STATUS_AFTER[type(data)]
    booking_date = data.booking_date
    if booking_date is None and status is TransactionStatus.BOOKED:
        booking_date = record.occurred_at[:10]
    return Transaction(
        id=data.transaction_id,
        account_id=data.account_id,
        status=status,
        credit_debit_indicator=data.credit_debit_indicator,
        amount=data.amount,
        occurred_at=record.event.time,
        category=category_of(data),
        original_amount=data.original_amount,
        booking_date=booking_date,
        value_date=data.value_date,
        card_id=data.card_id,
        merchant=_merchant(data.merchant),
        counterparty=data.counterparty,
        remittance_information=data.remittance_information,
        end_to_end_id=data.end_to_end_id,
        bank_transaction_code=data.bank_transaction_code,
        purpose=data.purpose,
        balance_after=data.balance_after,
        reverses_transaction_id=data.reverses_transaction_id if isinstance(data, e.PaymentReversed) else None,
        rejection_reason=data.reason if isinstance(data, e.PaymentRejected | e.CardDeclined) else None,
    )


def _merchant(merchant: e.Merchant | None) -> TransactionMerchant | None:
    if merchant is None:
        return None
    code = merchant.merchant_category_code
    return TransactionMerchant(merchant.name, category_of_code(code), code, merchant.country)


def _filled(after: Transaction, before: Transaction, data: e.Payment) -> Transaction:
    kept: dict[str, Any] = {
        field: value
        for field in Transaction.__struct_fields__
        if getattr(after, field) is None and (value := getattr(before, field)) is not None
    }
    kept.pop("rejection_reason", None)  # a movement that is not rejected now has none
    if data.category is None and data.merchant is None:
        kept["category"] = before.category
    return msgspec.structs.replace(after, occurred_at=before.occurred_at, **kept)
