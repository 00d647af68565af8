"""What was pushed where, and by which endpoint of SNS a device is reached. Run in the writer, but for what only reads.

A record of a push outlives the hand-off it belongs to: while that is open, nothing is pushed to the device again.
"""

import sqlite3
from collections.abc import Collection
from hashlib import sha256

import msgspec

from contracts.accounts import PushToken
from services.analytics.instants import DAY_US

KEPT_US = 8 * DAY_US
"""Longer than an alert may wait to be handed over (`BELFRY_PUSH_AGE_S_MAX`: a week at most)."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS pushed (
    key TEXT NOT NULL,
    device_id TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    PRIMARY KEY (key, device_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS pushed_by_time ON pushed (at_us);
CREATE TABLE IF NOT EXISTS push_endpoints (
    device_id TEXT PRIMARY KEY,
    customer_id TEXT NOT NULL,
    application TEXT NOT NULL,
    token_sha256 BLOB NOT NULL,
    arn TEXT NOT NULL UNIQUE
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS push_endpoints_by_customer ON push_endpoints (customer_id);
"""


class Endpoint(msgspec.Struct, frozen=True):
    """A device at SNS: its platform application, its token, its own ARN."""

    application: str
    token_sha256: bytes
    arn: str


def digest_of(token: PushToken) -> bytes:
    """Return what is kept of a token: enough to know that it is another."""
    return sha256(token.token.encode()).digest()


def pushed_to(connection: sqlite3.Connection, key: str) -> set[str]:
    """Return the devices a notification was pushed to."""
    return {device_id for (device_id,) in connection.execute("SELECT device_id FROM pushed WHERE key = ?", (key,))}


def record_pushed(connection: sqlite3.Connection, key: str, device_id: str, now_us: int) -> None:
    """Record a push, and leave out what is over."""
    connection.execute("INSERT OR IGNORE INTO pushed VALUES (?, ?, ?)", (key, device_id, now_us))
    connection.execute("DELETE FROM pushed WHERE at_us < ?", (now_us - KEPT_US,))


def endpoint_of(connection: sqlite3.Connection, device_id: str) -> Endpoint | None:
    """Return the endpoint of a device."""
    query = "SELECT application, token_sha256, arn FROM push_endpoints WHERE device_id = ?"
    row = connection.execute(query, (device_id,)).fetchone()
    return None if row is None else Endpoint(*row)


def put_endpoint(connection: sqlite3.Connection, token: PushToken, endpoint: Endpoint) -> None:
    """Set the endpoint of a device; one that another device had is no longer that one's."""
    row = (token.device_id, token.customer_id, endpoint.application, endpoint.token_sha256, endpoint.arn)
    connection.execute("INSERT OR REPLACE INTO push_endpoints VALUES (?, ?, ?, ?, ?)", row)


def drop_endpoint(connection: sqlite3.Connection, arn: str) -> None:
    """Forget an endpoint."""
    connection.execute("DELETE FROM push_endpoints WHERE arn = ?", (arn,))


def endpoints_besides(connection: sqlite3.Connection, customer_id: str, device_ids: Collection[str]) -> list[str]:
    """Return the endpoints of a customer's other devices."""
    query = "SELECT device_id, arn FROM push_endpoints WHERE customer_id = ?"
    return [arn for device_id, arn in connection.execute(query, (customer_id,)) if device_id not in device_ids]
