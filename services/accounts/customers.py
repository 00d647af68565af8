"""Customers, and what each may see."""

import sqlite3
from collections.abc import Sequence

from contracts.accounts import Customer, Entitlement, Entitlements
from contracts.failures import NotFound
from contracts.vocabulary import HolderRole
from services.accounts.ids import json_ids

DECIDING_ROLES = (HolderRole.OWNER, HolderRole.JOINT)
"""The roles that see every card of an account; a delegate sees only the cards in their own name."""


def customers_by_id(connection: sqlite3.Connection, ids: Sequence[str]) -> list[Customer]:
    """Return those of the customers that exist."""
    query = "SELECT * FROM customers WHERE id IN (SELECT value FROM json_each(?))"
    return [Customer(*row) for row in connection.execute(query, (json_ids(ids),))]


def customers_after(connection: sqlite3.Connection, after: str, limit: int) -> list[Customer]:
    """Return at most `limit` customers in id order, after an id (empty: from the first)."""
    query = "SELECT * FROM customers WHERE id > ? ORDER BY id LIMIT ?"
    return [Customer(*row) for row in connection.execute(query, (after, limit))]


def check_customer(connection: sqlite3.Connection, customer_id: str) -> None:
    """Demand that a customer is registered.

    Raises:
        NotFound: there is no such customer.
    """
    if connection.execute("SELECT 1 FROM customers WHERE id = ?", (customer_id,)).fetchone() is None:
        raise NotFound("There is no such customer.", pointer="/customerId")


def entitlements_of(connection: sqlite3.Connection, customer_id: str) -> Entitlements:
    """Return every account, card and device the customer may see.

    Raises:
        NotFound: there is no such customer.
    """
    check_customer(connection, customer_id)
    accounts = connection.execute(
        "SELECT account_id, role FROM holders WHERE customer_id = ? ORDER BY account_id", (customer_id,)
    )
    cards = connection.execute(
        "SELECT id FROM cards WHERE cardholder_id = :customer"
        " UNION SELECT cards.id FROM holders JOIN cards ON cards.account_id = holders.account_id"
        " WHERE customer_id = :customer AND role IN (:owner, :joint)",
        {"customer": customer_id, "owner": DECIDING_ROLES[0], "joint": DECIDING_ROLES[1]},
    )
    devices = connection.execute("SELECT id FROM devices WHERE customer_id = ? ORDER BY id", (customer_id,))
    return Entitlements(
        customer_id,
        [Entitlement(id, HolderRole(role)) for id, role in accounts],
        [row[0] for row in cards],
        [row[0] for row in devices],
    )
