"""Devices: registered by an event or by command, then trusted; or only seen by a login, then not."""

import sqlite3
from collections.abc import Sequence
from uuid import uuid4

from contracts.accounts import Device, DeviceInput
from contracts.failures import Conflict, NotFound, Rejected
from contracts.vocabulary import DevicePlatform, PushPlatform
from services.accounts.customers import check_customer
from services.accounts.ids import json_ids

DEVICES_PER_CUSTOMER_MAX = 50
"""Most devices of a customer before a command is refused; events are never."""
NAME_CHARACTERS_MAX = 140


def devices_by_id(connection: sqlite3.Connection, ids: Sequence[str]) -> list[Device]:
    """Return those of the devices that exist."""
    query = "SELECT * FROM known_devices WHERE id IN (SELECT value FROM json_each(?))"
    return _devices(connection.execute(query, (json_ids(ids),)))


def devices_of(connection: sqlite3.Connection, customer_ids: Sequence[str]) -> list[Device]:
    """Return the devices of customers."""
    query = "SELECT * FROM known_devices WHERE customer_id IN (SELECT value FROM json_each(?)) ORDER BY id"
    return _devices(connection.execute(query, (json_ids(customer_ids),)))


def register(connection: sqlite3.Connection, device: DeviceInput) -> Device:
    """Register a device under a new id, trusted and not yet seen.

    Raises:
        Rejected: `BAD_NAME`.
        NotFound: there is no such customer.
        Conflict: `TOO_MANY_DEVICES`.
    """
    name = device.name.strip()
    if not 1 <= len(name) <= NAME_CHARACTERS_MAX:
        raise Rejected(f"A name has 1 to {NAME_CHARACTERS_MAX} characters.", code="BAD_NAME", pointer="/name")
    check_customer(connection, device.customer_id)
    if len(devices_of(connection, [device.customer_id])) >= DEVICES_PER_CUSTOMER_MAX:
        raise Conflict(f"A customer has at most {DEVICES_PER_CUSTOMER_MAX} devices.", code="TOO_MANY_DEVICES")
    id = f"device-{uuid4().hex}"
    row = (id, device.customer_id, device.platform, name)
    connection.execute("INSERT INTO devices VALUES (?, ?, ?, ?, 1, NULL)", row)
    return devices_by_id(connection, [id])[0]


def remove(connection: sqlite3.Connection, device_id: str) -> None:
    """Remove a device and its push token; a later login makes it known again, not trusted.

    Raises:
        NotFound: there is no such device.
    """
    if connection.execute("DELETE FROM devices WHERE id = ?", (device_id,)).rowcount == 0:
        raise NotFound("There is no such device.")
    connection.execute("DELETE FROM push_tokens WHERE device_id = ?", (device_id,))


def _devices(rows: sqlite3.Cursor) -> list[Device]:
    return [
        Device(
            id, customer_id, DevicePlatform(platform), name, bool(trusted), last_seen_at,
            None if push is None else PushPlatform(push),
        )
        for id, customer_id, platform, name, trusted, last_seen_at, push in rows
    ]  # fmt: skip
