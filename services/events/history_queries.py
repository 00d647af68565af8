"""Pages of the transaction history: newest first by (`occurredAt`, id), read by ranges of one index.

Stored transactions are spliced into the answer as they are. Amount bounds are decimal and compared in the minor units
of each account's own currency.
"""

import sqlite3
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from heapq import merge
from itertools import islice
from typing import Any

import msgspec

from contracts.failures import BadCursor
from contracts.money import CURRENCY_EXPONENTS
from contracts.vocabulary import CreditDebitIndicator, SpendingCategory, TransactionStatus
from services.events.history_bounds import complete_from
from services.events.times import CANONICAL_LENGTH, canonical_time

CURSOR_LENGTH_MAX = 256


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """What a page is narrowed to; None and empty mean not narrowed. Dates are ISO, both included, amounts decimal."""

    first: int = 20
    after: tuple[str, str] | None = None
    from_date: str | None = None
    to_date: str | None = None
    min_amount: Decimal | None = None
    max_amount: Decimal | None = None
    categories: Sequence[SpendingCategory] = ()
    direction: CreditDebitIndicator | None = None
    statuses: Sequence[TransactionStatus] = ()
    text: str | None = None


class StoredEdge(msgspec.Struct, frozen=True, gc=False):
    """`TransactionEdge` with the node as stored."""

    cursor: str
    node: msgspec.Raw


class StoredPage(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """`TransactionPage` with the nodes as stored."""

    edges: list[StoredEdge]
    has_next_page: bool
    complete_from: str | None = None


class StoredAccountPage(msgspec.Struct, frozen=True, rename="camel"):
    """`AccountTransactionPage` with the nodes as stored."""

    account_id: str
    page: StoredPage


class _SearchedMerchant(msgspec.Struct, gc=False):
    name: str


class _Searched(msgspec.Struct, rename="camel", gc=False):
    merchant: _SearchedMerchant | None = None
    counterparty: str = ""
    remittance_information: str = ""


_searched = msgspec.json.Decoder(_Searched)
_Row = tuple[str, str, bytes]
_ROWS = "SELECT occurred_at, id, body FROM transactions WHERE {} ORDER BY occurred_at DESC, id DESC LIMIT ?"


def merged_page(connection: sqlite3.Connection, account_ids: Sequence[str], wanted: Filter) -> StoredPage:
    """Read one page over all the accounts; unknown accounts have no transactions."""
    _teach(connection, wanted)
    sources = [_rows(connection, account_id, wanted) for account_id in dict.fromkeys(account_ids)]
    rows = merge(*sources, key=lambda row: row[:2], reverse=True)
    return _page(rows, wanted.first, complete_from(connection))


def pages_by_account(
    connection: sqlite3.Connection, account_ids: Sequence[str], wanted: Filter
) -> list[StoredAccountPage]:
    """Read one page for each account, in the order asked."""
    _teach(connection, wanted)
    since = complete_from(connection)
    return [
        StoredAccountPage(account_id, _page(_rows(connection, account_id, wanted), wanted.first, since))
        for account_id in dict.fromkeys(account_ids)
    ]


def transactions_by_id(connection: sqlite3.Connection, ids: Sequence[str]) -> list[msgspec.Raw]:
    """Read transactions by id; what does not exist is left out. At most `ACCOUNTS_PER_CALL_MAX` ids."""
    query = f"SELECT body FROM transactions WHERE id IN ({_marks(ids)})"  # noqa: S608 - only question marks go in
    return [msgspec.Raw(body) for (body,) in connection.execute(query, ids)]


def _page(rows: Iterator[_Row], first: int, since: str | None) -> StoredPage:
    found = list(islice(rows, first + 1))
    edges = [StoredEdge(write_cursor(at, name), msgspec.Raw(body)) for at, name, body in found[:first]]
    return StoredPage(edges, len(found) > first, since)


def _rows(connection: sqlite3.Connection, account_id: str, wanted: Filter) -> Iterator[_Row]:
    currency = connection.execute("SELECT currency FROM accounts WHERE id = ?", (account_id,)).fetchone()
    if currency is None:
        return iter(())
    conditions, values = _conditions(wanted, CURRENCY_EXPONENTS[currency[0]])
    query = _ROWS.format(" AND ".join(["account_id = ?", *conditions]))
    return connection.execute(query, (account_id, *values, wanted.first + 1))


def _conditions(wanted: Filter, exponent: int) -> tuple[list[str], list[Any]]:
    pairs: list[tuple[str, Sequence[Any]]] = []
    if wanted.after is not None:
        pairs.append(("(occurred_at, id) < (?, ?)", wanted.after))
    if wanted.from_date is not None:
        pairs.append(("occurred_at >= ?", (wanted.from_date,)))
    if wanted.to_date is not None:
        pairs.append(("occurred_at < ?", (f"{wanted.to_date}U",)))  # U follows T: every moment of the day sorts before
    if wanted.min_amount is not None:
        pairs.append(("minor >= ?", (_minor(wanted.min_amount, exponent, ROUND_CEILING),)))
    if wanted.max_amount is not None:
        pairs.append(("minor <= ?", (_minor(wanted.max_amount, exponent, ROUND_FLOOR),)))
    if wanted.categories:
        pairs.append((f"category IN ({_marks(wanted.categories)})", [each.value for each in wanted.categories]))
    if wanted.direction is not None:
        pairs.append(("direction = ?", (wanted.direction.value,)))
    if wanted.statuses:
        pairs.append((f"status IN ({_marks(wanted.statuses)})", [each.value for each in wanted.statuses]))
    if wanted.text:
        pairs.append(("mentions(body, ?)", (wanted.text.casefold(),)))
    return [condition for condition, _ in pairs], [value for _, values in pairs for value in values]


def _teach(connection: sqlite3.Connection, wanted: Filter) -> None:
    if wanted.text:
        connection.create_function("mentions", 2, _mentions, deterministic=True)


def _mentions(body: bytes, text: str) -> bool:
    """Say whether a transaction's merchant, counterparty or remittance information holds a text, case aside."""
    searched = _searched.decode(body)
    merchant = searched.merchant.name if searched.merchant is not None else ""
    parts = (merchant, searched.counterparty, searched.remittance_information)
    return any(text in part.casefold() for part in parts)


def _marks(values: Sequence[Any]) -> str:
    return ",".join("?" * len(values))


def _minor(amount: Decimal, exponent: int, rounding: str) -> int:
    return int(amount.scaleb(exponent).to_integral_value(rounding))


def write_cursor(occurred_at: str, transaction_id: str) -> str:
    """Write where a row stands in the order of pages; opaque to callers, no secret."""
    return urlsafe_b64encode(f"{occurred_at}{transaction_id}".encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[str, str]:
    """Read a page's cursor back.

    Raises:
        BadCursor: it is not one that `write_cursor` wrote.
    """
    try:
        text = urlsafe_b64decode(cursor[:CURSOR_LENGTH_MAX] + "=" * (-len(cursor) % 4)).decode("ascii")
        place = text[:CANONICAL_LENGTH], text[CANONICAL_LENGTH:]
        genuine = canonical_time(place[0]) == place[0] and write_cursor(*place) == cursor
    except (ValueError, IndexError, OverflowError):
        genuine, place = False, ("", "")
    if not genuine:
        raise BadCursor("The page position cannot be read.", pointer="/after")
    return place
