"""The accounts as analytics knows them, for those who read."""

import sqlite3
from collections.abc import Sequence

import msgspec

from services.analytics.states import AccountState

_decode = msgspec.msgpack.Decoder(AccountState).decode


def account_states(connection: sqlite3.Connection, account_ids: Sequence[str]) -> dict[str, AccountState]:
    """Read accounts by id, in the order of ids; unknown ones are left out."""
    marks = ",".join("?" * len(account_ids))
    query = f"SELECT key, value FROM account_states WHERE key IN ({marks}) ORDER BY key"  # noqa: S608 - marks only
    return {key: _decode(value) for key, value in connection.execute(query, account_ids)}
