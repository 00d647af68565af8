"""Apply a batch of the event log to the store, effects and offset in one transaction: any crash leaves an exact state.

A batch is folded in memory (`ledger`) and written once a row; the rare other events write directly (`registers`).
An event that cannot be read (its producer is newer), or that this code fails at, fails its batch, so that it is found
and set aside (`services/isolating.py`).
"""

import sqlite3
from collections.abc import Sequence
from operator import itemgetter

import msgspec

from contracts.events import LogEntry, data_of
from contracts.failures import Unavailable
from contracts.feed import AccountChange
from services.accounts.ledger import EFFECTS, Ledger, Movement, Statement, transaction_ids
from services.accounts.registers import REGISTERS
from services.followed import keep_mark
from services.set_aside import keep_letter, mark_replayed

DAY_MINOR_MAX = 4 * 10**18
"""Bound of a day's sum, in minor units: absurd amounts stop here instead of overflowing the store's integers."""

_ACCOUNT_OPENED = "belfry.account.opened.v1"
_json = msgspec.json.Encoder()


class Applied(msgspec.Struct, frozen=True):
    """What a commit did: the log's offset it reached and the accounts it changed, by rising offset."""

    offset: int
    changes: list[AccountChange]
    count: int
    """Events of the log that were new."""


def offset_of(connection: sqlite3.Connection) -> int:
    """Return the offset up to which the log is applied."""
    offset: int = connection.execute("SELECT log_offset FROM progress").fetchone()[0]
    return offset


def apply(connection: sqlite3.Connection, entries: Sequence[LogEntry]) -> Applied:
    """Apply entries of the log, in its order; those applied before are skipped.

    Raises:
        Unavailable: `LOG_HOLE`, an entry is missing before or among them; nothing is applied.
    """
    applied = offset_of(connection)
    fresh = [entry for entry in entries if entry.offset > applied]
    if not fresh:
        return Applied(applied, [], 0)
    _check_no_hole(fresh, applied)
    changes = _project(connection, fresh)
    reached = fresh[-1].offset
    move_offset(connection, fresh[-1])
    return Applied(reached, changes, len(fresh))


def set_aside(connection: sqlite3.Connection, entry: LogEntry, reason: str) -> Applied:
    """Keep an entry that cannot be applied as a dead letter, and pass it."""
    keep_letter(connection, entry, reason)
    move_offset(connection, entry)
    return Applied(entry.offset, [], 0)


def replay(connection: sqlite3.Connection, entry: LogEntry) -> None:
    """Apply an entry that was set aside and mark its letter; the offset stays, and no follower of changes is woken."""
    _project(connection, [entry])
    mark_replayed(connection, entry.offset)


def move_offset(connection: sqlite3.Connection, reached: LogEntry) -> None:
    """Note how far the log is applied, and by what it is known again."""
    connection.execute("UPDATE progress SET log_offset = ?", (reached.offset,))
    keep_mark(connection, reached)


def _project(connection: sqlite3.Connection, entries: Sequence[LogEntry]) -> list[AccountChange]:
    opened: dict[str, int] = {}
    movements = _read(connection, entries, opened)
    ledger = _fold(connection, movements)
    _write(connection, ledger)
    return _changes(ledger, opened)


def _check_no_hole(fresh: list[LogEntry], applied: int) -> None:
    for expected, entry in enumerate(fresh, start=applied + 1):
        if entry.offset != expected:
            raise Unavailable("The event log has a hole.", code="LOG_HOLE", detail=f"no entry {expected}")


Read = tuple[LogEntry, Movement | Statement]


def _read(connection: sqlite3.Connection, entries: Sequence[LogEntry], opened: dict[str, int]) -> list[Read]:
    """Decode the movements, and write down at once what is none; accounts opened go into `opened`."""
    movements: list[Read] = []
    for entry in entries:
        event = entry.event
        effect = EFFECTS.get(event.type)
        register = REGISTERS.get(event.type)
        if effect is not None:
            movements.append((entry, effect[0].decode(event.data)))
        elif register is not None:
            data = data_of(event)
            register(connection, data, event.time)
            if event.type == _ACCOUNT_OPENED:
                opened[data.account_id] = entry.offset  # type: ignore[attr-defined]
    return movements


def _fold(connection: sqlite3.Connection, movements: list[Read]) -> Ledger:
    ids = _json.encode(transaction_ids(movement for _, movement in movements)).decode()
    named = "SELECT * FROM settled WHERE transaction_id IN (SELECT value FROM json_each(?))"
    settled = {id: bool(booked) for id, booked in connection.execute(named, (ids,))}
    named = "SELECT transaction_id FROM holds WHERE transaction_id IN (SELECT value FROM json_each(?))"
    held = {row[0] for row in connection.execute(named, (ids,))}
    ledger = Ledger(settled, held)
    for entry, movement in movements:
        EFFECTS[entry.event.type][1](ledger, movement, entry.offset, entry.event.time)
    return ledger


def _write(connection: sqlite3.Connection, ledger: Ledger) -> None:
    # In key order neighbours go to the same page of the tree while it is at hand.
    days = sorted(ledger.days.items(), key=itemgetter(0))
    added = [(*key, day.net_minor, DAY_MINOR_MAX) for key, day in days if day.stated_minor is None]
    stated = [(*key, day.stated_minor, day.net_minor) for key, day in days if day.stated_minor is not None]
    connection.executemany(
        "INSERT INTO days VALUES (?1, ?2, NULL, ?3) ON CONFLICT DO UPDATE SET"
        " net_minor = max(-?4, min(?4, net_minor + excluded.net_minor))",
        added,
    )
    connection.executemany("INSERT OR REPLACE INTO days VALUES (?, ?, ?, ?)", stated)
    connection.executemany("INSERT OR REPLACE INTO settled VALUES (?, ?)", sorted(ledger.settled.items()))
    connection.executemany("DELETE FROM holds WHERE transaction_id = ?", ((id,) for id in ledger.dropped))
    connection.executemany(
        "INSERT OR REPLACE INTO holds VALUES (?, ?, ?)",
        ((id, hold.account_id, hold.minor) for id, hold in ledger.holds.items()),
    )
    connection.executemany(
        "INSERT INTO balance_times VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET"
        " booked_at = coalesce(excluded.booked_at, booked_at), changed_at = excluded.changed_at",
        ((account_id, touch.booked_at, touch.changed_at) for account_id, touch in ledger.touched.items()),
    )


def _changes(ledger: Ledger, opened: dict[str, int]) -> list[AccountChange]:
    offsets = dict(opened)
    for account_id, touch in ledger.touched.items():
        offsets[account_id] = max(touch.offset, offsets.get(account_id, 0))
    return [AccountChange(offset, id) for id, offset in sorted(offsets.items(), key=lambda item: item[1])]
