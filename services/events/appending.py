"""One batch of records becomes log entries, history and dead letters in one transaction; runs in the writer thread.

Records are taken in the order given, each deciding for itself: a known key is a duplicate or a conflict, what names
something unknown is refused, the rest gets the next offset. Refusals and conflicts go to the dead letters.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Any

import msgspec

from contracts.events import CardReversed
from contracts.failures import Rejected
from contracts.ingest import RecordVerdict, Verdict
from contracts.transactions import Transaction
from services.events.dead_letters import keep_letter
from services.events.history import MOVEMENT_EVENTS, Movement, moved
from services.events.history_bounds import complete_from
from services.events.log_pages import Segment, head_of
from services.events.references import REGISTERS, Known, check_references
from services.events.screening import Record, Refused, Screened

_LOOKUP_SIZES = (1, 10, 50, 200, 500)
"""How many keys one statement looks up; fewer are padded, so that five statements are compiled and not five hundred."""

_BY_INDEX = itemgetter(1, 2)
_encode = msgspec.json.Encoder().encode
_transactions = msgspec.json.Decoder(Transaction)


class Appending:
    """The state of one batch on its way into the store: what it found there and what it will write."""

    def __init__(self, connection: sqlite3.Connection, known: Known, accepted_at: str) -> None:
        self._connection = connection
        self._known = known
        self._accepted_at = accepted_at
        self._stamp = accepted_at.encode()
        self._head = head_of(connection)
        self._lines: list[bytes] = []
        self.segment: Segment | None = None
        self._seen: dict[bytes, tuple[int, bytes]] = {}
        self._new_keys: list[tuple[bytes, int, bytes]] = []
        self._movements: dict[str, Movement] = {}
        self._changed: dict[str, Movement] = {}

    def append(self, records: Sequence[Record], first_index: int) -> list[RecordVerdict]:
        """Write the records and return their verdicts, numbered from `first_index`."""
        screened = [record for record in records if isinstance(record, Screened)]
        self._seen.update(self._found_keys(record.key for record in screened))
        self._movements.update(self._found_movements(screened))
        verdicts = [self._decide(index, record) for index, record in enumerate(records, first_index)]
        self._write()
        return verdicts

    def _decide(self, index: int, record: Record) -> RecordVerdict:
        if isinstance(record, Refused):
            return self._refuse(index, record)
        event = record.event
        seen = self._seen.get(record.key)
        if seen is not None:
            if seen[1] == record.digest:
                return RecordVerdict(index, Verdict.DUPLICATE, event.id, event.source, seen[0])
            return self._conflict(index, record, seen[0])
        try:
            check_references(self._connection, self._known, record.data)
            self._move(record)
        except Rejected as failure:
            reasons = (failure.reason, failure.message, failure.pointer)
            return self._refuse(index, Refused(record.raw, *reasons, event.id, event.source))
        return RecordVerdict(index, Verdict.ACCEPTED, event.id, event.source, self._enter(record))

    def _move(self, record: Screened) -> None:
        data: Any = record.data
        if type(data) not in MOVEMENT_EVENTS:
            return
        before = self._movements.get(data.transaction_id)
        if before is None and isinstance(data, CardReversed) and complete_from(self._connection) is not None:
            return  # what it releases may have been removed: the log's other readers know
        after = moved(before, record)
        if after is not None:
            self._movements[data.transaction_id] = self._changed[data.transaction_id] = after

    def _enter(self, record: Screened) -> int:
        register = REGISTERS.get(type(record.data))
        if register is not None:
            register(self._connection, record.data)
        self._head = offset = self._head + 1
        self._lines.append(b'{"offset":%d,"acceptedAt":"%s","event":%s}\n' % (offset, self._stamp, record.raw))
        self._seen[record.key] = (offset, record.digest)
        self._new_keys.append((record.key, offset, record.digest))
        return offset

    def _refuse(self, index: int, record: Refused) -> RecordVerdict:
        letter = keep_letter(self._connection, record, self._accepted_at)
        reasons = (record.reason, record.message, record.pointer)
        return RecordVerdict(index, Verdict.REJECTED, record.id, record.source, None, *reasons, letter)

    def _conflict(self, index: int, record: Screened, offset: int) -> RecordVerdict:
        message = "An event with this source and id says something else."
        event = record.event
        refused = Refused(record.raw, "CONFLICT", message, None, event.id, event.source)
        letter = keep_letter(self._connection, refused, self._accepted_at)
        return RecordVerdict(
            index, Verdict.CONFLICT, event.id, event.source, offset, "CONFLICT", message, dead_letter_id=letter
        )

    def _found_keys(self, keys: Iterable[bytes]) -> dict[bytes, tuple[int, bytes]]:
        query = "SELECT key, log_offset, digest FROM event_keys WHERE key IN"
        return {key: (offset, digest) for key, offset, digest in self._lookup(query, list(keys))}

    def _found_movements(self, records: Iterable[Screened]) -> dict[str, Movement]:
        query = "SELECT id, occurred_at, minor, body FROM transactions WHERE id IN"
        datas: list[Any] = [record.data for record in records if type(record.data) in MOVEMENT_EVENTS]
        rows = self._lookup(query, [data.transaction_id for data in datas])
        return {name: Movement(_transactions.decode(body), at, minor) for name, at, minor, body in rows}

    def _lookup(self, query: str, keys: Sequence[Any]) -> Iterable[Any]:
        for start in range(0, len(keys), _LOOKUP_SIZES[-1]):
            some = keys[start : start + _LOOKUP_SIZES[-1]]
            size = next(size for size in _LOOKUP_SIZES if size >= len(some))
            padded = [*some, *[some[0]] * (size - len(some))]
            yield from self._connection.execute(f"{query} ({','.join('?' * size)})", padded)

    def _write(self) -> None:
        if not self._lines:
            return
        segment = Segment(self._head - len(self._lines) + 1, self._head, b"".join(self._lines))
        self._connection.execute("INSERT INTO segments (first_offset, last_offset, lines) VALUES (?, ?, ?)", segment)
        self.segment = segment
        self._new_keys.sort()  # as the trees are, here and below: neighbours fall into the same page
        self._connection.executemany("INSERT INTO event_keys VALUES (?, ?, ?)", self._new_keys)
        self._connection.executemany(_UPSERT, sorted(map(_row, self._changed.values()), key=_BY_INDEX))


_UPSERT = """
INSERT INTO transactions (id, account_id, occurred_at, minor, category, direction, status, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET minor = excluded.minor, category = excluded.category, direction = excluded.direction,
    status = excluded.status, body = excluded.body
"""


def _row(movement: Movement) -> tuple[Any, ...]:
    transaction = movement.transaction
    return (
        transaction.id,
        transaction.account_id,
        movement.occurred_at,
        movement.minor,
        transaction.category._value_,
        transaction.credit_debit_indicator._value_,
        transaction.status._value_,
        _encode(transaction),
    )
