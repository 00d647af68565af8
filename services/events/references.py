"""Which accounts and customers an event may name: those that were opened and registered before it.

`Known` answers from memory where it can and from the store where it must; the writer thread alone uses it.
"""

import sqlite3
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from contracts import events as e
from contracts.failures import Rejected
from services.events.amounts import currency_mismatch

T = TypeVar("T")

KNOWN_MAX = 200_000
"""Most account currencies, and most customer ids, kept in memory (about 25 MB together)."""


class Known:
    """The accounts (with their currencies) and customers the log has opened and registered."""

    def __init__(self) -> None:
        self._currencies: dict[str, str] = {}
        self._customers: dict[str, bool] = {}

    def forget(self) -> None:
        """Empty the memory: what was learnt in a transaction that was undone is not true."""
        self._currencies.clear()
        self._customers.clear()

    def currency_of(self, connection: sqlite3.Connection, account_id: str) -> str | None:
        """Return the currency of an account, None for an unknown one."""
        currency = self._currencies.get(account_id)
        if currency is None:
            row = connection.execute("SELECT currency FROM accounts WHERE id = ?", (account_id,)).fetchone()
            if row is None:
                return None
            currency = row[0]
            _remember(self._currencies, account_id, currency)
        return currency

    def has_customer(self, connection: sqlite3.Connection, customer_id: str) -> bool:
        """Say whether a customer was registered."""
        if customer_id in self._customers:
            return True
        found = connection.execute("SELECT 1 FROM customers WHERE id = ?", (customer_id,)).fetchone() is not None
        if found:
            _remember(self._customers, customer_id, True)
        return found


def _remember(memory: dict[str, T], key: str, value: T) -> None:
    if len(memory) >= KNOWN_MAX:
        del memory[next(iter(memory))]
    memory[key] = value


def check_references(connection: sqlite3.Connection, known: Known, data: msgspec.Struct) -> None:
    """Check that what an event names exists, and that its amounts are in the account's currency.

    Raises:
        Rejected: `UNKNOWN_ACCOUNT`, `UNKNOWN_CUSTOMER` or `CURRENCY_MISMATCH`; for the first
            two, retry once the missing event came.
    """
    if isinstance(data, e.Payment):
        _check_payment(connection, known, data)
        return
    check = _CHECKS.get(type(data))
    if check is not None:
        check(connection, known, data)


def _check_payment(connection: sqlite3.Connection, known: Known, data: e.Payment) -> None:
    currency = _currency(connection, known, data.account_id)
    if data.amount.currency != currency:
        raise currency_mismatch("/data/amount/currency")
    if data.balance_after is not None and data.balance_after.currency != currency:
        raise currency_mismatch("/data/balanceAfter/currency")


def _check_balance(connection: sqlite3.Connection, known: Known, data: e.BalanceReported) -> None:
    if data.balance.currency != _currency(connection, known, data.account_id):
        raise currency_mismatch("/data/balance/currency")


def _check_account(connection: sqlite3.Connection, known: Known, data: Any) -> None:
    _currency(connection, known, data.account_id)


def _check_card(connection: sqlite3.Connection, known: Known, data: e.CardIssued) -> None:
    _currency(connection, known, data.account_id)
    if not known.has_customer(connection, data.cardholder_id):
        raise _unknown_customer("/data/cardholderId")


def _check_customer(connection: sqlite3.Connection, known: Known, data: Any) -> None:
    if not known.has_customer(connection, data.customer_id):
        raise _unknown_customer("/data/customerId")


def _check_account_opened(connection: sqlite3.Connection, known: Known, data: e.AccountOpened) -> None:
    before = known.currency_of(connection, data.account_id)
    if before is not None and before != data.currency:
        raise currency_mismatch("/data/currency")
    for place, party in enumerate(data.parties):
        if not known.has_customer(connection, party.customer_id):
            raise _unknown_customer(f"/data/parties/{place}/customerId")


_CHECKS: dict[type, Callable[[sqlite3.Connection, Known, Any], None]] = {
    e.AccountOpened: _check_account_opened,
    e.CardIssued: _check_card,
    e.CardReversed: _check_account,
    e.HoldingChanged: _check_account,
    e.BalanceReported: _check_balance,
    e.StandingOrderCreated: _check_account,
    e.StandingOrderExecuted: _check_account,
    e.StandingOrderFailed: _check_account,
    e.LoginSucceeded: _check_customer,
    e.LoginFailed: _check_customer,
    e.DeviceRegistered: _check_customer,
}
"""What is checked of events other than payments; a customer's registration and a price name nothing before them."""


def _currency(connection: sqlite3.Connection, known: Known, account_id: str) -> str:
    currency = known.currency_of(connection, account_id)
    if currency is None:
        raise Rejected("The account was never opened.", code="UNKNOWN_ACCOUNT", pointer="/data/accountId")
    return currency


def _unknown_customer(pointer: str) -> Rejected:
    return Rejected("The customer was never registered.", code="UNKNOWN_CUSTOMER", pointer=pointer)


def _open_account(connection: sqlite3.Connection, data: e.AccountOpened) -> None:
    connection.execute("INSERT OR IGNORE INTO accounts (id, currency) VALUES (?, ?)", (data.account_id, data.currency))


def _register_customer(connection: sqlite3.Connection, data: e.CustomerRegistered) -> None:
    connection.execute("INSERT OR IGNORE INTO customers (id) VALUES (?)", (data.customer_id,))


REGISTERS: dict[type, Callable[[sqlite3.Connection, Any], None]] = {
    e.AccountOpened: _open_account,
    e.CustomerRegistered: _register_customer,
}
"""How the events that make something known write it down."""
