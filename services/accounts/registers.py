"""How the events that are not movements are written down, one function each, in the projection's transaction.

Each may be applied again with the same result. Prices and logins keep the latest by event time, the rest the last
by log order. What is said of a standing order that does not exist, or of another customer's device, changes nothing.
"""

import sqlite3
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from contracts import events as e
from contracts.money import minor_of
from contracts.vocabulary import DevicePlatform
from services.accounts.times import utc_time

PLATFORM_NAMES = {
    DevicePlatform.IOS: "iOS device",
    DevicePlatform.ANDROID: "Android device",
    DevicePlatform.WEB: "Web browser",
}


def _register_customer(connection: sqlite3.Connection, data: e.CustomerRegistered, _: str) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO customers VALUES (?, ?, ?, ?, ?, ?)",
        (data.customer_id, data.given_name, data.family_name, data.locale, data.time_zone, data.residency_country),
    )


def _open_account(connection: sqlite3.Connection, data: e.AccountOpened, _: str) -> None:
    overdraft, credit = (
        None if limit is None else minor_of(limit.amount, limit.currency)
        for limit in (data.overdraft_limit, data.credit_limit)
    )
    connection.execute(
        "INSERT OR REPLACE INTO accounts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            data.account_id, data.kind, data.display_name, data.currency, data.usage, data.opened_on, data.iban,
            overdraft, credit, data.interest_rate,
        ),
    )  # fmt: skip
    connection.execute("DELETE FROM holders WHERE account_id = ?", (data.account_id,))
    connection.executemany(
        "INSERT OR IGNORE INTO holders VALUES (?, ?, ?, ?)",  # a party named twice keeps the role named first
        [(data.account_id, party.customer_id, party.role, place) for place, party in enumerate(data.parties)],
    )


def _issue_card(connection: sqlite3.Connection, data: e.CardIssued, _: str) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO cards VALUES (?, ?, ?, ?, ?)",
        (data.card_id, data.account_id, data.cardholder_id, data.masked_pan, data.expiry),
    )


def _change_holding(connection: sqlite3.Connection, data: e.HoldingChanged, _: str) -> None:
    if Decimal(data.quantity) == 0:
        key = (data.account_id, data.isin)
        connection.execute("DELETE FROM holdings WHERE account_id = ? AND isin = ?", key)
        return
    cost = data.average_cost
    connection.execute(
        "INSERT OR REPLACE INTO holdings VALUES (?, ?, ?, ?, ?, ?)",
        (data.account_id, data.isin, data.instrument_name, data.quantity, cost.amount, cost.currency),
    )


def _quote_price(connection: sqlite3.Connection, data: e.PriceQuoted, time: str) -> None:
    connection.execute(
        "INSERT INTO prices VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
        " price = excluded.price, quoted_at = excluded.quoted_at WHERE excluded.quoted_at >= quoted_at",
        (data.isin, data.price.currency, data.price.amount, utc_time(time)),
    )


def _create_standing_order(connection: sqlite3.Connection, data: e.StandingOrderCreated, _: str) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO standing_orders VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            data.standing_order_id, data.account_id, data.amount.amount, data.amount.currency, data.frequency,
            data.counterparty, data.purpose, data.next_date,
        ),
    )  # fmt: skip


def _execute_standing_order(connection: sqlite3.Connection, data: e.StandingOrderExecuted, _: str) -> None:
    # Without a next date the old one is done and the next is not known.
    connection.execute(
        "UPDATE standing_orders SET next_date = ? WHERE id = ? AND account_id = ?",
        (data.next_date, data.standing_order_id, data.account_id),
    )


def _register_device(connection: sqlite3.Connection, data: e.DeviceRegistered, _: str) -> None:
    # The latest registration owns the device; when another customer used it is not this one's to see.
    connection.execute(
        "INSERT INTO devices VALUES (?, ?, ?, ?, 1, NULL) ON CONFLICT DO UPDATE SET"
        " platform = excluded.platform, name = excluded.name, trusted = 1, customer_id = excluded.customer_id,"
        " last_seen_at = iif(customer_id = excluded.customer_id, last_seen_at, NULL)",
        (data.device_id, data.customer_id, data.platform, data.name),
    )


def _see_device(connection: sqlite3.Connection, data: e.LoginSucceeded, time: str) -> None:
    connection.execute(
        "INSERT INTO devices VALUES (?, ?, ?, ?, 0, ?) ON CONFLICT DO UPDATE SET last_seen_at = excluded.last_seen_at"
        " WHERE customer_id = excluded.customer_id AND excluded.last_seen_at >= coalesce(last_seen_at, '')",
        (data.device_id, data.customer_id, data.platform, PLATFORM_NAMES[data.platform], utc_time(time)),
    )


REGISTERS: dict[str, Callable[[sqlite3.Connection, Any, str], None]] = {
    "belfry.customer.registered.v1": _register_customer,
    "belfry.account.opened.v1": _open_account,
    "belfry.card.issued.v1": _issue_card,
    "belfry.holding.changed.v1": _change_holding,
    "belfry.price.quoted.v1": _quote_price,
    "belfry.standing-order.created.v1": _create_standing_order,
    "belfry.standing-order.executed.v1": _execute_standing_order,
    "belfry.device.registered.v1": _register_device,
    "belfry.login.succeeded.v1": _see_device,
}
"""By event type: what is written, given the event's data and its time."""
