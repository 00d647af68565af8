"""Compute from the real files, without the event path, what Belfry must then answer; for tests that compare the two."""

import csv
import gzip
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

from contracts.money import amount_of
from producers.berka import account_id, booking_id
from producers.berka_ledger import in_ledger_order
from producers.berka_tables import CURRENCY, Tables
from producers.birmingham_categories import category_of_description

COMPLETE_DAY_GAP_MINOR = 100
"""A day is complete when previous balance and net movement meet a row's balance within 1 CZK."""


def birmingham_rows(path: Path) -> list[dict[str, str]]:
    """Return the file's rows, each distinct one once: rows that differ in `source_file` only are the same."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as text:
        rows = {tuple((k, v) for k, v in row.items() if k != "source_file"): row for row in csv.DictReader(text)}
    return list(rows.values())


def expected_spending(rows: list[dict[str, str]], *, by: str = "purpose") -> dict[tuple[str, str, str], Decimal]:
    """Return debits less refunds by (masked card, account description or category, currency).

    `by` is `purpose` (the description exactly as it is in the file, "" where blank) or `category`.
    """
    spending: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    for row in rows:
        description = row["account_desc"]
        key = description if by == "purpose" else category_of_description(description).value
        currency = row["billing_currency"] or "GBP"
        spending[row["card_masked"], key, currency] += Decimal(row["billing_amount"] or row["original_amount"])
    return dict(spending)


def expected_closing_balances(path: Path) -> dict[tuple[str, str], Decimal]:
    """Return the booked balance by (account id, day) at the end of every complete account-day with a booking.

    It is the file's own balance on the last row of the day's chain; complete means that it is the balance of the day
    before and the day's movements, but for the file's rounding.
    """
    bookings, _ = Tables(path).bookings()
    moved: dict[tuple[str, str], int] = defaultdict(int)
    last: dict[tuple[str, str], int] = {}
    for booking in in_ledger_order(bookings):
        key = (account_id(booking.account), booking.day)
        moved[key] += booking.signed
        last[key] = booking.balance_after
    before: dict[str, int] = {}
    closing: dict[tuple[str, str], Decimal] = {}
    for (account, day), balance in last.items():
        if abs(before.get(account, 0) + moved[account, day] - balance) <= COMPLETE_DAY_GAP_MINOR:
            closing[account, day] = Decimal(amount_of(balance, CURRENCY))
        before[account] = balance
    return closing


def expected_crossings(path: Path) -> dict[str, list[str]]:
    """Return, by account id, the transactions that take its booked balance from zero or more to below it."""
    balances: dict[str, int] = {}
    crossings: dict[str, list[str]] = defaultdict(list)
    bookings, _ = Tables(path).bookings()
    for booking in in_ledger_order(bookings):
        if balances.get(booking.account, 0) >= 0 > booking.balance_after:
            crossings[account_id(booking.account)].append(booking_id(booking.booking_id))
        balances[booking.account] = booking.balance_after
    return dict(crossings)


def expected_holders(path: Path) -> dict[str, set[str]]:
    """Return the holders' client numbers by account id."""
    holders: dict[str, set[str]] = defaultdict(set)
    for _, row in Tables(path).rows("disp"):
        holders[account_id(row["account_id"])].add(row["client_id"])
    return dict(holders)
