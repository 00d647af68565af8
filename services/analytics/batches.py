"""One batch of the event log, decoded and with the keys of what it needs, so that all of it is loaded at once. Pure.

Only the types that analytics uses are decoded. The event service has checked their data against the same contracts:
what cannot be read is of a producer newer than this, and fails its batch (`services/isolating.py`).
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from contracts import events as e
from contracts.categories import category_of
from contracts.stored_events import DATA_DECODERS
from contracts.transactions import STATUS_AFTER
from services.analytics.states import category_key

RELEVANT = frozenset(
    {
        *STATUS_AFTER,
        e.AccountOpened,
        e.BalanceReported,
        e.CardIssued,
        e.CardReversed,
        e.CustomerRegistered,
        e.DeviceRegistered,
        e.LoginSucceeded,
        e.StandingOrderFailed,
    }
)
"""The data of the events that change what analytics knows; the rest (prices, holdings, …) passes unread."""

_DECODERS = {name: DATA_DECODERS[name] for name, kind in e.EVENT_TYPES.items() if kind in RELEVANT}


class Batch(msgspec.Struct):
    """Relevant entries with their data, in log order, and the keys they touch."""

    entries: list[tuple[e.LogEntry, Any]] = []
    accounts: set[str] = set()
    cards: set[str] = set()
    customers: set[str] = set()
    categories: set[str] = set()
    transactions: set[str] = set()


def read_batch(entries: Sequence[e.LogEntry]) -> Batch:
    """Decode the relevant entries and gather their keys.

    Raises:
        DecodeError: an event is not what its type says.
    """
    batch = Batch()
    for entry in entries:
        decoder = _DECODERS.get(entry.event.type)
        if decoder is None:
            continue
        data = decoder.decode(entry.event.data)
        batch.entries.append((entry, data))
        _gather(batch, data)
    return batch


def _gather(batch: Batch, data: Any) -> None:
    if isinstance(data, e.Payment):
        batch.accounts.add(data.account_id)
        batch.transactions.add(data.transaction_id)
        batch.categories.add(category_key(data.account_id, category_of(data)))
        if data.card_id is not None:
            batch.cards.add(data.card_id)
        return
    account_id = getattr(data, "account_id", None)
    if account_id is not None:
        batch.accounts.add(account_id)
    if isinstance(data, e.CardReversed):
        batch.transactions.add(data.transaction_id)
    elif isinstance(data, e.CardIssued):
        batch.cards.add(data.card_id)
    elif isinstance(data, e.CustomerRegistered | e.DeviceRegistered | e.LoginSucceeded):
        batch.customers.add(data.customer_id)
