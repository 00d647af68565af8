"""State by key: a bounded memory of the values in use before a table of MessagePack values; the writer thread's alone.

A batch loads what it needs at once, changes values in place, marks them, and writes the marked ones before it commits.
After a transaction that was undone the memory must be forgotten: what was changed in it is not true.
"""

import sqlite3
from collections.abc import Collection
from typing import Generic, TypeVar

import msgspec

V = TypeVar("V", bound=msgspec.Struct)

LOOKUP_MAX = 500
"""Most keys of one SELECT."""


class StateTable(Generic[V]):
    """The values of one table; the least recently loaded leave memory past `kept_max`."""

    def __init__(self, table: str, kind: type[V], *, kept_max: int) -> None:
        self._select = f"SELECT key, value FROM {table} WHERE key IN"  # noqa: S608 - a name of ours
        self._upsert = f"INSERT INTO {table} VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"  # noqa: S608
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(kind).decode
        self._kept_max = kept_max
        self._kept: dict[str, V] = {}
        self._changed: set[str] = set()

    def load(self, connection: sqlite3.Connection, keys: Collection[str]) -> None:
        """Bring the values of these keys into memory."""
        kept = self._kept
        missing = [key for key in keys if key not in kept]
        if 2 * len(kept) > self._kept_max:  # before that nothing leaves soon, and who was used last does not matter
            for key in keys:
                if key in kept:
                    kept[key] = kept.pop(key)
        for start in range(0, len(missing), LOOKUP_MAX):
            some = missing[start : start + LOOKUP_MAX]
            for key, value in connection.execute(f"{self._select} ({','.join('?' * len(some))})", some):
                kept[key] = self._decode(value)

    def get(self, key: str) -> V | None:
        """Return a loaded value; None where there is none."""
        return self._kept.get(key)

    def fetch(self, connection: sqlite3.Connection, key: str) -> V | None:
        """Return a value whether it was loaded or not."""
        value = self._kept.get(key)
        if value is None:
            self.load(connection, (key,))
            value = self._kept.get(key)
        return value

    def put(self, key: str, value: V) -> None:
        """Keep a value and mark it as changed."""
        self._kept[key] = value
        self._changed.add(key)

    def flush(self, connection: sqlite3.Connection) -> None:
        """Write what was changed, in the order of the keys, and let go of what is over the bound."""
        if self._changed:
            kept, encode = self._kept, self._encode
            connection.executemany(self._upsert, [(key, encode(kept[key])) for key in sorted(self._changed)])
            self._changed.clear()
        while len(self._kept) > self._kept_max:
            del self._kept[next(iter(self._kept))]

    def forget(self) -> None:
        """Empty the memory."""
        self._kept.clear()
        self._changed.clear()
