"""Balances as they are read: an account's days summed up from the latest statement on, and what is held taken off.

closing booked     of a day: what was last stated at or before it, plus everything booked since
interim available  booked now, less pending debits, plus overdraft and credit limit
expected           booked now with everything pending
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from contracts.accounts import Balance, BalanceDay
from contracts.failures import NotFound, Rejected
from contracts.money import Money, amount_of, money_of
from contracts.vocabulary import BalanceType, CreditDebitIndicator
from services.accounts.ids import json_ids

DAYS_MAX = 3_700
"""Most days of one balance history."""
END_OF_TIME = "9999-12-31"

# SQLite's sum() fails past 64 bits; summed in two halves it cannot, whatever a producer booked.
_CLOSING = """
WITH anchor AS (
    SELECT day, stated_minor FROM days
    WHERE account_id = :id AND day <= :on AND stated_minor IS NOT NULL ORDER BY day DESC LIMIT 1
)
SELECT (SELECT stated_minor FROM anchor), sum(net_minor / 1000000000), sum(net_minor % 1000000000), max(day) FROM days
WHERE account_id = :id AND day <= :on AND day >= coalesce((SELECT day FROM anchor), '')
"""


class Closing(msgspec.Struct, frozen=True):
    """A booked balance in minor units, and the last day with a booking or statement at or before the one asked for."""

    minor: int
    day: str | None


def closing_of(connection: sqlite3.Connection, account_id: str, on: str = END_OF_TIME) -> Closing:
    """Return the booked balance at the end of a day; zero without a day before anything was booked."""
    stated, high, low, day = connection.execute(_CLOSING, {"id": account_id, "on": on}).fetchone()
    return Closing((stated or 0) + (high or 0) * 10**9 + (low or 0), day)


def current_balances(connection: sqlite3.Connection, account_ids: Sequence[str]) -> list[Balance]:
    """Return the three balances of each account that exists."""
    rows = connection.execute(
        "SELECT id, currency, coalesce(overdraft_minor, 0) + coalesce(credit_minor, 0), booked_at, changed_at"
        " FROM accounts LEFT JOIN balance_times ON account_id = id WHERE id IN (SELECT value FROM json_each(?))",
        (json_ids(account_ids),),
    ).fetchall()
    balances: list[Balance] = []
    for id, currency, limit, booked_at, changed_at in rows:
        booked = closing_of(connection, id)
        holds = [row[0] for row in connection.execute("SELECT minor FROM holds WHERE account_id = ?", (id,))]
        available = booked.minor + sum(minor for minor in holds if minor < 0) + limit
        balances += (
            _balance(id, BalanceType.CLOSING_BOOKED, booked.minor, currency, booked.day, booked_at),
            _balance(id, BalanceType.INTERIM_AVAILABLE, available, currency, None, changed_at),
            _balance(id, BalanceType.EXPECTED, booked.minor + sum(holds), currency, None, changed_at),
        )
    return balances


def closing_balances(connection: sqlite3.Connection, account_ids: Sequence[str], on: str) -> list[Balance]:
    """Return the closing booked balance of a day, of each account that existed or had a booking by then."""
    rows = connection.execute(
        "SELECT id, currency, opened_on FROM accounts WHERE id IN (SELECT value FROM json_each(?))",
        (json_ids(account_ids),),
    ).fetchall()
    closings = [(id, currency, opened_on, closing_of(connection, id, on)) for id, currency, opened_on in rows]
    return [
        _balance(id, BalanceType.CLOSING_BOOKED, closing.minor, currency, on, None)
        for id, currency, opened_on, closing in closings
        if opened_on <= on or closing.day is not None
    ]


def balance_days(connection: sqlite3.Connection, account_id: str, start: str, end: str) -> list[BalanceDay]:
    """Return the signed closing balance of each day from `start` to `end` with a booking or a statement, oldest first.

    Raises:
        NotFound: there is no such account.
        Rejected: `PERIOD_TOO_LONG`, more than `DAYS_MAX` days would be answered.
    """
    account = connection.execute("SELECT currency FROM accounts WHERE id = ?", (account_id,)).fetchone()
    if account is None:
        raise NotFound("There is no such account.")
    days = connection.execute(
        "SELECT day, stated_minor, net_minor FROM days"
        " WHERE account_id = ? AND day BETWEEN ? AND ? ORDER BY day LIMIT ?",
        (account_id, start, end, DAYS_MAX + 1),
    ).fetchall()
    if len(days) > DAYS_MAX:
        raise Rejected(
            f"The period has more than {DAYS_MAX} days with a booking.", code="PERIOD_TOO_LONG", pointer="/to"
        )
    carried = closing_of(connection, account_id, _before(start)).minor
    return [BalanceDay(day, money_of(minor, account[0])) for day, minor in running(carried, days)]


def running(carried: int, days: Iterable[tuple[str, int | None, int]]) -> Iterator[tuple[str, int]]:
    """Yield each day's closing balance, given the balance before the first; days are (day, stated or None, net)."""
    balance = carried
    for day, stated, net in days:
        balance = (balance if stated is None else stated) + net
        yield day, balance


def _before(day: str) -> str:
    # Sorts right before the day and after every other: days are compared as text.
    return f"{day[:-1]}{chr(ord(day[-1]) - 1)}~"


def _balance(
    id: str, type: BalanceType, minor: int, currency: str, reference_date: str | None, last_change: str | None
) -> Balance:
    indicator = CreditDebitIndicator.DEBIT if minor < 0 else CreditDebitIndicator.CREDIT
    return Balance(id, type, Money(amount_of(abs(minor), currency), currency), indicator, reference_date, last_change)
