"""Accounts, and what they hold besides money: positions and standing orders."""

import sqlite3
from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal

from contracts.accounts import Account, Holder, Holding, Instrument, StandingOrder
from contracts.money import Money, exponent_of, money_of
from contracts.vocabulary import AccountKind, AccountStatus, AccountUsage, Frequency, HolderRole
from services.accounts.ids import json_ids

_EXACT = Context(prec=64, rounding=ROUND_HALF_EVEN)
"""Enough digits for any quantity (20) times any price (19)."""


def accounts_by_id(connection: sqlite3.Connection, ids: Sequence[str]) -> list[Account]:
    """Return those of the accounts that exist, with their holders in the order they were named."""
    among = json_ids(ids)
    holders: dict[str, list[Holder]] = {}
    for account_id, customer_id, role in connection.execute(
        "SELECT account_id, customer_id, role FROM holders WHERE account_id IN (SELECT value FROM json_each(?))"
        " ORDER BY place",
        (among,),
    ):
        holders.setdefault(account_id, []).append(Holder(customer_id, HolderRole(role)))
    query = "SELECT * FROM accounts WHERE id IN (SELECT value FROM json_each(?))"
    return [_account(*row, holders=holders.get(row[0], [])) for row in connection.execute(query, (among,))]


def _account(
    id: str,
    kind: str,
    display_name: str,
    currency: str,
    usage: str,
    opened_on: str,
    iban: str | None,
    overdraft_minor: int | None,
    credit_minor: int | None,
    interest_rate: str | None,
    *,
    holders: list[Holder],
) -> Account:
    return Account(
        id=id,
        kind=AccountKind(kind),
        display_name=display_name,
        currency=currency,
        status=AccountStatus.ENABLED,  # no event blocks or closes an account
        usage=AccountUsage(usage),
        opened_on=opened_on,
        holders=holders,
        iban=iban,
        overdraft_limit=None if overdraft_minor is None else money_of(overdraft_minor, currency),
        credit_limit=None if credit_minor is None else money_of(credit_minor, currency),
        interest_rate=interest_rate,
    )


def holdings_of(connection: sqlite3.Connection, account_ids: Sequence[str]) -> list[Holding]:
    """Return the positions of accounts, each valued by the last price in its cost's currency where there is one."""
    rows = connection.execute(
        "SELECT account_id, isin, name, quantity, cost, currency, price, quoted_at"
        " FROM holdings LEFT JOIN prices USING (isin, currency)"
        " WHERE account_id IN (SELECT value FROM json_each(?)) ORDER BY account_id, isin",
        (json_ids(account_ids),),
    )
    return [
        Holding(
            account_id=account_id,
            instrument=Instrument(isin, name, None if price is None else Money(price, currency), quoted_at),
            quantity=quantity,
            average_cost=Money(cost, currency),
            market_value=None if price is None else market_value(quantity, Money(price, currency)),
        )
        for account_id, isin, name, quantity, cost, currency, price, quoted_at in rows
    ]


def market_value(quantity: str, price: Money) -> Money:
    """Return quantity times price, rounded half to even to the currency's decimals. Pure."""
    step = Decimal(1).scaleb(-exponent_of(price.currency))
    value = _EXACT.multiply(Decimal(quantity), Decimal(price.amount)).quantize(step, context=_EXACT)
    return Money(f"{value or abs(value):f}", price.currency)


def standing_orders_of(connection: sqlite3.Connection, account_ids: Sequence[str]) -> list[StandingOrder]:
    """Return the standing orders of accounts."""
    rows = connection.execute(
        "SELECT id, account_id, amount, currency, frequency, counterparty, purpose, next_date FROM standing_orders"
        " WHERE account_id IN (SELECT value FROM json_each(?)) ORDER BY id",
        (json_ids(account_ids),),
    )
    return [
        StandingOrder(id, account_id, Money(amount, currency), Frequency(frequency), counterparty, purpose, next_date)
        for id, account_id, amount, currency, frequency, counterparty, purpose, next_date in rows
    ]
