"""Push tokens: by which push service, under which name there, a device gets its customer's alerts.

    a device has one at most, and a token is one device's: whoever registers it last has it, so that a phone which
    changes hands shows nobody the alerts of another

A device that was removed, or became another customer's, has none; its row then says nothing. A token is told to who
hands alerts over and to nobody else.
"""

import re
import sqlite3
from collections.abc import Sequence

from contracts.accounts import Device, PushRevocation, PushToken, PushTokenInput, PushTokenRemoval
from contracts.failures import NotFound, Rejected
from contracts.vocabulary import PushPlatform
from services.accounts.devices import devices_by_id
from services.accounts.ids import json_ids

PUSH_TOKENS_PER_CUSTOMER_MAX = 20
"""Tokens of a customer; one more takes the place of the one that was longest not registered again."""
_FORMS = {
    PushPlatform.APNS: re.compile(r"[0-9a-f]{32,400}"),
    PushPlatform.FCM: re.compile(r"[A-Za-z0-9_:.%-]{32,2048}"),
}
"""As wide as the push services leave it open; SNS takes at most 400 hexadecimal digits of Apple's."""


def push_tokens_of(connection: sqlite3.Connection, customer_ids: Sequence[str]) -> list[PushToken]:
    """Return the tokens of customers' devices."""
    rows = connection.execute(
        "SELECT device_id, customer_id, platform, token FROM current_push_tokens"
        " WHERE customer_id IN (SELECT value FROM json_each(?)) ORDER BY device_id",
        (json_ids(customer_ids),),
    )
    return [PushToken(device_id, owner, PushPlatform(platform), token) for device_id, owner, platform, token in rows]


def register_push_token(connection: sqlite3.Connection, device_id: str, wanted: PushTokenInput, at: str) -> Device:
    """Give a device its token; repeating it changes nothing. `at`: RFC 3339, UTC.

    Raises:
        Rejected: `BAD_PUSH_TOKEN`.
        NotFound: the customer has no such device.
    """
    token = _checked(wanted.platform, wanted.token)
    owned = "SELECT 1 FROM devices WHERE id = ? AND customer_id = ?"
    if connection.execute(owned, (device_id, wanted.customer_id)).fetchone() is None:
        raise NotFound("There is no such device.")
    connection.execute("DELETE FROM push_tokens WHERE platform = ? AND token = ?", (wanted.platform, token))
    row = (device_id, wanted.customer_id, wanted.platform, token, at, wanted.signed_in_with, wanted.signed_in_at)
    connection.execute("INSERT OR REPLACE INTO push_tokens VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    connection.execute(
        "DELETE FROM push_tokens WHERE device_id IN (SELECT device_id FROM push_tokens WHERE customer_id = ?"
        " ORDER BY registered_at DESC, device_id = ? DESC LIMIT -1 OFFSET ?)",
        (wanted.customer_id, device_id, PUSH_TOKENS_PER_CUSTOMER_MAX),
    )
    return devices_by_id(connection, [device_id])[0]


def remove_push_token(connection: sqlite3.Connection, removal: PushTokenRemoval) -> Device | None:
    """Take a token from the customer's device that has it; return the device, None where none of the customer's does.

    Raises:
        Rejected: `BAD_PUSH_TOKEN`.
    """
    key = (removal.platform, _checked(removal.platform, removal.token), removal.customer_id)
    query = "DELETE FROM push_tokens WHERE platform = ? AND token = ? AND customer_id = ? RETURNING device_id"
    found = connection.execute(query, key).fetchone()
    return None if found is None else next(iter(devices_by_id(connection, [found[0]])), None)


def revoke_push_tokens(connection: sqlite3.Connection, revocation: PushRevocation) -> None:
    """End what was registered with the access tokens that a revocation is about; one without time of issue is old.

    Raises:
        Rejected: it is about none.
    """
    if revocation.token_id is not None:
        connection.execute("DELETE FROM push_tokens WHERE signed_in_with = ?", (revocation.token_id,))
    elif revocation.customer_id is not None and revocation.issued_before is not None:
        connection.execute(
            "DELETE FROM push_tokens WHERE customer_id = ? AND coalesce(signed_in_at, 0) <= ?",
            (revocation.customer_id, revocation.issued_before),
        )
    else:
        raise Rejected("Name either a tokenId, or a customerId and a moment.")


def _checked(platform: PushPlatform, token: str) -> str:
    """Return the token as it is kept: Apple's are numbers, written in small letters."""
    kept = token.lower() if platform is PushPlatform.APNS else token
    if _FORMS[platform].fullmatch(kept) is None:
        raise Rejected("This is no push token of that platform.", code="BAD_PUSH_TOKEN", pointer="/token")
    return kept
