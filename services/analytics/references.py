"""What reference events say: customers, accounts with their holders, cards, devices. Sent again they replace."""

from collections.abc import Callable
from typing import Any

from contracts import events as e
from contracts.stored_events import by_type
from services.analytics.workspace import Workspace


def _open_account(work: Workspace, data: e.AccountOpened) -> None:
    account = work.account(data.account_id, data.currency)
    account.kind, account.display_name = data.kind, data.display_name
    account.holders = list(dict.fromkeys(party.customer_id for party in data.parties))
    work.memory.accounts.put(data.account_id, account, at_once=True)
    work.connection.execute("DELETE FROM holders WHERE account_id = ?", (data.account_id,))
    holders = [(customer_id, data.account_id) for customer_id in account.holders]
    work.connection.executemany("INSERT INTO holders VALUES (?, ?)", holders)


def _issue_card(work: Workspace, data: e.CardIssued) -> None:
    card = work.card(data.card_id)
    card.cardholder = data.cardholder_id
    work.memory.cards.put(data.card_id, card, at_once=True)


def _register_customer(work: Workspace, data: e.CustomerRegistered) -> None:
    customer = work.customer(data.customer_id)
    customer.residency = data.residency_country
    work.memory.customers.put(data.customer_id, customer, at_once=True)


def _register_device(work: Workspace, data: e.DeviceRegistered) -> None:
    customer = work.customer(data.customer_id)
    customer.remember_device(data.device_id)
    work.memory.customers.put(data.customer_id, customer)


REGISTERS: dict[type, Callable[[Workspace, Any], None]] = by_type(
    {
        e.AccountOpened: _open_account,
        e.CardIssued: _issue_card,
        e.CustomerRegistered: _register_customer,
        e.DeviceRegistered: _register_device,
    }
)
"""How each reference event is written down."""
