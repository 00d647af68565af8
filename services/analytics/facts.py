"""One fact for each movement, whatever became of it: what spending, cash flow, rules and previews are computed from.

    (nothing) ──▶ PDNG ──▶ BOOK   final
                    └────▶ RJCT   spends nothing; only a booking may follow (of a payment that was released)

The same steps as the event service's history: the day is that of the first event, a later event fills over an earlier
one and keeps what it leaves out, what is booked stays booked. So applying an event twice changes nothing.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from contracts import events as e
from contracts.categories import category_of, counts_as_spending
from contracts.money import minor_of
from contracts.stored_events import by_type
from contracts.transactions import STATUS_AFTER
from contracts.vocabulary import CreditDebitIndicator, SpendingCategory, TransactionStatus
from services.analytics.instants import day_number, day_of

LOOKUP_MAX = 500
"""Most transaction ids of one SELECT."""

_STATUS_AFTER = by_type(STATUS_AFTER)


class Fact(msgspec.Struct, gc=False):
    """A movement; the fields are the columns of `facts`, in their order.

    `minor` is signed, credits positive; `spending` is debits less refunds, 0 for what is not spending or was rejected.
    `party` is the merchant or counterparty; texts are empty where nothing is known. Days count from 1970-01-01.
    """

    account_id: str
    day: int
    transaction_id: str
    occurred_us: int
    status: TransactionStatus
    currency: str
    minor: int
    spending: int
    category: SpendingCategory
    party: str
    country: str
    purpose: str
    merchant_code: str | None = None
    card_id: str | None = None
    booked_on: int | None = None
    balance_before: int | None = None
    balance_after: int | None = None


def fact_after(before: Fact | None, data: e.Payment, occurred_us: int) -> Fact | None:
    """Return the fact after a payment event; None where the event changes nothing."""
    status = _STATUS_AFTER[type(data)]
    if before is not None and not _may_follow(status, before.status):
        return None
    category = category_of(data)
    if before is not None and data.category is None and data.merchant is None:
        category = before.category
    spends = counts_as_spending(data, category)
    if before is not None and data.merchant is None and before.spending:
        spends = True
    amount = minor_of(data.amount.amount, data.amount.currency)
    minor = amount if data.credit_debit_indicator is CreditDebitIndicator.CREDIT else -amount
    merchant = data.merchant
    booked_on = None
    if status is TransactionStatus.BOOKED:
        booked_on = day_number(data.booking_date) if data.booking_date is not None else day_of(occurred_us)
    fact = Fact(
        data.account_id,
        day_of(occurred_us),
        data.transaction_id,
        occurred_us,
        status,
        data.amount.currency,
        minor,
        -minor if spends and status is not TransactionStatus.REJECTED else 0,
        category,
        merchant.name if merchant is not None else data.counterparty or "",
        (merchant.country or "") if merchant is not None else "",
        data.purpose or "",
        merchant.merchant_category_code if merchant is not None else None,
        data.card_id,
        booked_on,
    )
    return fact if before is None else _filled(fact, before)


def released(before: Fact) -> Fact | None:
    """Return the fact after its authorisation was released; None where it was settled before."""
    if before.status is not TransactionStatus.PENDING:
        return None
    return msgspec.structs.replace(before, status=TransactionStatus.REJECTED, spending=0)


def _may_follow(after: TransactionStatus, before: TransactionStatus) -> bool:
    if before is TransactionStatus.REJECTED:
        return after is TransactionStatus.BOOKED
    return before is TransactionStatus.PENDING


def _filled(fact: Fact, before: Fact) -> Fact:
    return msgspec.structs.replace(
        fact,
        day=before.day,
        occurred_us=before.occurred_us,
        party=fact.party or before.party,
        country=fact.country or before.country,
        purpose=fact.purpose or before.purpose,
        merchant_code=fact.merchant_code or before.merchant_code,
        card_id=fact.card_id or before.card_id,
    )


_STATUSES = {one.value: one for one in TransactionStatus}
_CATEGORIES = {one.value: one for one in SpendingCategory}
_COLUMNS = ", ".join(Fact.__struct_fields__)
_UPSERT = (
    f"INSERT INTO facts ({_COLUMNS}) VALUES ({', '.join('?' * len(Fact.__struct_fields__))}) "  # noqa: S608 - names of ours
    "ON CONFLICT (account_id, day, transaction_id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in Fact.__struct_fields__[3:])
)


FactRow = tuple[str | int | None, ...]
"""A fact as a row of the table."""

row_of: Callable[[Fact], FactRow] = msgspec.structs.astuple


def write_rows(connection: sqlite3.Connection, rows: Sequence[FactRow]) -> None:
    """Insert facts or replace the rows of the same movements; of several of one movement the last one stays."""
    connection.executemany(_UPSERT, rows)


def facts_by_id(connection: sqlite3.Connection, ids: Sequence[str]) -> Iterator[Fact]:
    """Read the facts of these transactions; what does not exist is left out."""
    for start in range(0, len(ids), LOOKUP_MAX):
        some = ids[start : start + LOOKUP_MAX]
        marks = ",".join("?" * len(some))
        yield from select_facts(connection, f"transaction_id IN ({marks})", some)


def select_facts(connection: sqlite3.Connection, where: str, parameters: Sequence[Any]) -> Iterator[Fact]:
    """Read the facts a condition of ours holds for, in the table's order: account, day, transaction."""
    for row in connection.execute(f"SELECT {_COLUMNS} FROM facts WHERE {where}", parameters):  # noqa: S608 - ours
        fact = Fact(*row)
        fact.status, fact.category = _STATUSES[row[4]], _CATEGORIES[row[8]]
        yield fact
