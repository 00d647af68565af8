"""State by key: a bounded memory of the values in use before a table of MessagePack values; the writer thread's alone.

A batch loads what it needs at once, changes values in place and marks them. What was marked goes to the journal with
the batch and to the table many events later (`journal.py`).
After a transaction that was undone the memory must be forgotten: what was changed in it is not true.
"""

import sqlite3
from collections.abc import Callable, Collection, Iterable
from typing import Generic, TypeVar

import msgspec

V = TypeVar("V", bound=msgspec.Struct)

LOOKUP_MAX = 500
"""Most keys of one SELECT."""

Row = tuple[str, bytes]
"""A key and its encoded value."""


class Waiting(dict[str, int]):
    """Keys that wait to be written to their table, each with the count of events at the batch that changed it first."""

    def add(self, keys: Iterable[str], event: int) -> None:
        """Let keys wait that do not yet."""
        for key in keys:
            self.setdefault(key, event)

    def take(self, up_to: int) -> list[str]:
        """Return the keys first changed up to an event; they wait no more."""
        taken: list[str] = []
        for key, event in self.items():  # in the order of their events
            if event > up_to:
                break
            taken.append(key)
        for key in taken:
            del self[key]
        return taken


class StateTable(Generic[V]):
    """The values of one table; the least recently loaded leave memory past `kept_max`, once they are in the table."""

    def __init__(self, table: str, kind: type[V], *, kept_max: int) -> None:
        self._select = f"SELECT key, value FROM {table} WHERE key IN"  # noqa: S608 - a name of ours
        self._upsert = f"INSERT INTO {table} VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"  # noqa: S608
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(kind).decode
        self._kept_max = kept_max
        self._kept: dict[str, V] = {}
        self.get: Callable[[str], V | None] = self._kept.get
        """Return a loaded value; None where there is none. The dict's own method: it is asked four times an event."""
        self._changed: set[str] = set()
        self._waiting = Waiting()
        self._at_once: set[str] = set()

    def __len__(self) -> int:
        """Return how many values are kept."""
        return len(self._kept)

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

    def fetch(self, connection: sqlite3.Connection, key: str) -> V | None:
        """Return a value whether it was loaded or not."""
        value = self._kept.get(key)
        if value is None:
            self.load(connection, (key,))
            value = self._kept.get(key)
        return value

    def put(self, key: str, value: V, *, at_once: bool = False) -> None:
        """Keep a value and mark it as changed; `at_once` where others read it from the table."""
        self._kept[key] = value
        self._changed.add(key)
        if at_once:
            self._at_once.add(key)

    def changes(self) -> list[Row]:
        """Return what the batch changed."""
        return self._rows(self._changed)

    def fold(self, connection: sqlite3.Connection, event: int, up_to: int) -> None:
        """End a batch: write what was first changed up to an event, and let go of what is too much."""
        self._waiting.add(self._changed, event)
        self._changed.clear()
        due = self._at_once.union(self._waiting.take(up_to))
        self._at_once.clear()
        self.write(connection, self._rows(sorted(due)))
        if len(self._kept) > self._kept_max + len(self._waiting):
            self._let_go()

    def write(self, connection: sqlite3.Connection, rows: list[Row]) -> None:
        """Write encoded values to the table."""
        connection.executemany(self._upsert, rows)

    def forget(self) -> None:
        """Empty the memory."""
        self._kept.clear()
        self._changed.clear()
        self._waiting.clear()
        self._at_once.clear()

    def _rows(self, keys: Iterable[str]) -> list[Row]:
        kept, encode = self._kept, self._encode
        return [(key, encode(kept[key])) for key in keys]

    def _let_go(self) -> None:
        spare = len(self._kept) - self._kept_max
        for key in [key for key in self._kept if key not in self._waiting][:spare]:
            del self._kept[key]
