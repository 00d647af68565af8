"""Cards: issued by events, frozen and unfrozen by command, expired by the calendar.

ACTIVE ⇄ FROZEN    freeze, unfreeze: repeating one changes nothing
EXPIRED            from the UTC day after the expiry date on; final, so that both commands are refused
"""

import sqlite3
from collections.abc import Sequence

from contracts.accounts import Card
from contracts.failures import Conflict, NotFound
from contracts.vocabulary import CardStatus
from services.accounts.ids import json_ids


def cards_by_id(connection: sqlite3.Connection, ids: Sequence[str], today: str) -> list[Card]:
    """Return those of the cards that exist, with their status on a UTC day."""
    rows = connection.execute(
        "SELECT * FROM issued_cards WHERE id IN (SELECT value FROM json_each(?))", (json_ids(ids),)
    )
    return [_card(*row, today=today) for row in rows]


def cards_of(connection: sqlite3.Connection, account_ids: Sequence[str], today: str) -> list[Card]:
    """Return every card of accounts, with its status on a UTC day."""
    query = "SELECT * FROM issued_cards WHERE account_id IN (SELECT value FROM json_each(?)) ORDER BY id"
    return [_card(*row, today=today) for row in connection.execute(query, (json_ids(account_ids),))]


def freeze(connection: sqlite3.Connection, card_id: str, today: str) -> Card:
    """Freeze a card.

    Raises:
        NotFound: there is no such card.
        Conflict: `CARD_EXPIRED`.
    """
    _check_usable(connection, card_id, today)
    connection.execute("INSERT OR IGNORE INTO frozen_cards VALUES (?)", (card_id,))
    return cards_by_id(connection, [card_id], today)[0]


def unfreeze(connection: sqlite3.Connection, card_id: str, today: str) -> Card:
    """Lift a card's freeze. Raises as `freeze`."""
    _check_usable(connection, card_id, today)
    connection.execute("DELETE FROM frozen_cards WHERE card_id = ?", (card_id,))
    return cards_by_id(connection, [card_id], today)[0]


def _check_usable(connection: sqlite3.Connection, card_id: str, today: str) -> None:
    found = cards_by_id(connection, [card_id], today)
    if not found:
        raise NotFound("There is no such card.")
    if found[0].status is CardStatus.EXPIRED:
        raise Conflict("The card has expired.", code="CARD_EXPIRED")


def _card(
    id: str, account_id: str, cardholder_id: str, masked_pan: str, expiry: str, frozen: int, *, today: str
) -> Card:
    status = CardStatus.EXPIRED if expiry < today else CardStatus.FROZEN if frozen else CardStatus.ACTIVE
    return Card(id, account_id, cardholder_id, masked_pan, status, expiry)
