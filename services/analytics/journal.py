"""What batches change in state and facts: journaled with the batch, written to the tables many events later.

    batch at event n ──▶ journal row n, in the transaction of the batch's alerts and offset
                     ──▶ tables: facts first changed 16,000 events ago, states 128,000 events ago, as they are now
                     ──▶ journal rows of 128,000 events ago are deleted

Under load batch after batch changes the same accounts, whose rows lie all over the tables: a page each to write
(measured: 3.5 KiB an event). Appended they are a few pages, and what is written later is written once for all changes
since. A quiet batch writes everything at once and leaves no journal. Whoever reads facts has those that wait written
first (`Consumer.read_facts`), so no reader is behind.
The journal is read by the first transaction after the memory was lost: by a crash, or because a batch was undone.
"""

import sqlite3
from typing import Any, NamedTuple

import msgspec

from services.analytics.facts import FactRow, write_rows
from services.analytics.keyed_state import Row, StateTable
from services.analytics.recent_facts import RecentFacts


class Pace(NamedTuple):
    """When what a batch changed goes to the tables."""

    busy_events_min: int = 100
    """Events of a batch that is not quiet."""
    facts_wait: int = 16_000
    """Events that facts wait while the log is busy and nobody reads them."""
    states_wait: int = 128_000
    """Events that states wait, as many or more; what others read of them is put into the tables at once."""


class _Changes(msgspec.Struct, array_like=True):
    states: list[list[Row]]
    facts: list[FactRow]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Changes).decode


class Journal:
    """Closes batches over several state tables and the recent facts; the writer thread's alone."""

    def __init__(self, tables: tuple[StateTable[Any], ...], facts: RecentFacts, pace: Pace) -> None:
        self._tables = tables
        self._facts = facts
        self._pace = pace
        self._event = 0  # events so far: what batches are numbered by
        self._first = 1
        self._recovered = False

    @property
    def has_rows(self) -> bool:
        """Whether the tables are behind."""
        return self._first <= self._event

    def recover(self, connection: sqlite3.Connection) -> None:
        """Write to the tables what a lost memory left in the journal."""
        if self._recovered:
            return
        for (value,) in connection.execute("SELECT changes FROM journal ORDER BY event").fetchall():
            changes = _decode(value)
            for table, rows in zip(self._tables, changes.states, strict=True):
                table.write(connection, rows)
            write_rows(connection, changes.facts)
        connection.execute("DELETE FROM journal")
        self._event, self._first = 0, 1
        self._recovered = True

    def close_batch(self, connection: sqlite3.Connection, events: int) -> None:
        """Keep what a batch of so many events changed."""
        self._event += max(1, events)
        facts_up_to = states_up_to = self._event
        if events >= self._pace.busy_events_min:
            changes = _Changes([table.changes() for table in self._tables], self._facts.changes())
            connection.execute("INSERT INTO journal VALUES (?, ?)", (self._event, _encode(changes)))
            facts_up_to, states_up_to = self._event - self._pace.facts_wait, self._event - self._pace.states_wait
        self._facts.fold(connection, self._event, facts_up_to)
        for table in self._tables:
            table.fold(connection, self._event, states_up_to)
        if self._first <= states_up_to:
            connection.execute("DELETE FROM journal WHERE event <= ?", (states_up_to,))
            self._first = states_up_to + 1

    def forget(self) -> None:
        """Begin with the journal again."""
        self._recovered = False
