"""What commands decide, noted in the transaction in which they decide it, until it is in the decision table.

Triggers on the tables that commands write note each row a command changes, whatever its code; what the projection of
the log writes is not noted. They exist only where a decision table is set: one machine alone has none of this.

A file is behind the table where a later process, on another disk, has decided more. It takes over what is newer there:

    row of the table newer than what this file carried ──▶ is taken, over whatever the file has
    row noted here, not carried, nothing newer there   ──▶ is carried next
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeVar

import msgspec

from contracts.failures import Overloaded
from contracts.settings import BadSetting
from services.decision_table import DECISIONS_AT_ONCE_MAX, Decision, Head

T = TypeVar("T")

WAITING_MAX = 10_000
"""Rows noted and not carried before commands are refused."""
RETRY_AFTER_S = 1.0
SETTING = "BELFRY_DECISION_TABLE"

SCHEMA = """
-- `log_offset`: what is decided here is decided after that event, however far the log is applied again.
CREATE TABLE IF NOT EXISTS decision_writer (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    name TEXT NOT NULL,
    carried INTEGER NOT NULL,
    newest INTEGER NOT NULL,
    log_offset INTEGER NOT NULL,
    is_command INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS decisions (
    version INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    key TEXT NOT NULL,
    row TEXT,
    log_offset INTEGER NOT NULL,
    ends_command INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS decisions_ahead (
    name TEXT NOT NULL,
    key TEXT NOT NULL,
    row TEXT,
    log_offset INTEGER NOT NULL,
    PRIMARY KEY (name, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS decisions_ahead_by_offset ON decisions_ahead (log_offset);
"""

Row = dict[str, str | int | float | None]
_row = msgspec.json.Decoder(Row)


class Decided(NamedTuple):
    """A table that commands write, with one column as its key."""

    name: str
    where: str = "TRUE"
    """Which of its rows commands write (SQL)."""
    projected: frozenset[str] = frozenset()
    """Its columns that the projection of the log writes alone."""
    follows_log: bool = False
    """Whether it matters before which events a decision was made (`decisions_ahead.py`)."""


class Writer(NamedTuple):
    """The process that has this file, and how far its decisions are in the table."""

    name: str
    carried: int
    newest: int
    log_offset: int


class _Table(NamedTuple):
    """A table as it is in the file: key, and the columns that are decided, with the key, by whether they hold bytes."""

    decided: Decided
    key: str
    columns: dict[str, bool]

    def row_json(self, row: str) -> str:
        """Return SQL for a row as JSON; bytes are JSON too, in these tables, and go as text."""
        values = (
            f"'{name}', CAST({row}.{name} AS TEXT)" if is_bytes else f"'{name}', {row}.{name}"
            for name, is_bytes in self.columns.items()
        )
        return f"json_object({', '.join(values)})"


def writer_of(connection: sqlite3.Connection) -> Writer | None:
    """Return who writes this file; None where it has no decision table."""
    row = connection.execute("SELECT name, carried, newest, log_offset FROM decision_writer").fetchone()
    return None if row is None else Writer(*row)


def decide(connection: sqlite3.Connection, command: Callable[[sqlite3.Connection], T]) -> tuple[T, int]:
    """Run a command and note what it changes; return its outcome and the newest version noted by anybody.

    Raises:
        Overloaded: too much waits for the table; nothing is decided.
    """
    writer = writer_of(connection)
    if writer is None or writer.newest - writer.carried >= WAITING_MAX:
        raise Overloaded("Too many decisions are waiting.", retry_after_s=RETRY_AFTER_S)
    connection.execute("UPDATE decision_writer SET is_command = 1")
    outcome = command(connection)
    connection.execute("UPDATE decision_writer SET is_command = 0")
    (newest,) = connection.execute("SELECT newest FROM decision_writer").fetchone()
    connection.execute("UPDATE decisions SET ends_command = 1 WHERE version = ?", (newest,))
    return outcome, newest


def next_decisions(connection: sqlite3.Connection, expiring: frozenset[str]) -> tuple[int, list[Decision]]:
    """Return what is to be carried next, whole commands, the last on each row, and the version that reaches.

    Of nothing noted the version is 0. `expiring` are the tables whose removals may be forgotten.
    """
    query = "SELECT version, name, key, row, log_offset, ends_command FROM decisions ORDER BY version LIMIT ?"
    rows = connection.execute(query, (DECISIONS_AT_ONCE_MAX,)).fetchall()
    ends = [place for place, row in enumerate(rows, 1) if row[5]]
    rows = rows[: ends[-1]] if ends else rows  # no command changes as many rows as fit; of one that did, some go first
    last = {(name, key): Decision(version, name, key, row, offset, name in expiring)
            for version, name, key, row, offset, _ in rows}  # fmt: skip
    return (rows[-1][0] if rows else 0), list(last.values())


def note_carried(connection: sqlite3.Connection, version: int) -> None:
    """Forget what is in the table."""
    connection.execute("DELETE FROM decisions WHERE version <= ?", (version,))
    connection.execute("UPDATE decision_writer SET carried = ?", (version,))


def leave(connection: sqlite3.Connection) -> None:
    """Let the file be one machine's alone: nothing is noted any more."""
    if writer_of(connection) is not None:
        ours = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name GLOB 'decided_*'"
        for (trigger,) in connection.execute(ours).fetchall():
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute("DELETE FROM decisions")
        connection.execute("DELETE FROM decision_writer")


def take_over(
    connection: sqlite3.Connection, decided: Sequence[Decided], name: str, head: Head, found: Sequence[Decision]
) -> None:
    """Make the file as new as the table, with `name` as its writer; `found` is what is newer there, by version.

    Raises:
        BadSetting: file and table do not belong together, and neither can be called the newer one.
    """
    tables = {one.name: _table(connection, one) for one in decided}
    before = writer_of(connection)
    is_new = before is None
    if before is None:
        has_own = any(_has_rows(connection, one) for one in decided)
        if has_own and head.version:
            raise BadSetting(f"{SETTING}: the table has decisions, and the file others that were made without it.")
        before = Writer(name, 0, 0, 0)
    elif head.version < before.carried:
        raise BadSetting(f"{SETTING}: the table has less than this file has put there.")
    if is_behind(before, head):
        _restore(connection, tables, found)
    else:
        connection.execute("DELETE FROM decisions WHERE version <= ?", (head.version,))  # carried, and not noted so
    horizon = max([before.log_offset, *(one.log_offset for one in found)])
    connection.execute("DELETE FROM decision_writer")
    connection.execute("INSERT INTO decision_writer VALUES (1, ?, ?, 0, ?, 0)", (name, head.version, horizon))
    _renumber(connection, head.version)
    for table in tables.values():
        _put_triggers(connection, table)
        if is_new and not head.version:
            _note_all(connection, table)


def is_behind(writer: Writer | None, head: Head) -> bool:
    """Say whether the table may have what the file does not."""
    return writer is None or writer.name != head.writer or head.version > writer.newest


def put_row(connection: sqlite3.Connection, table: _Table, key: str, row: str | None) -> None:
    """Make a row as it was decided; what the projection writes of it stays."""
    name, key_column = table.decided.name, table.key
    if row is None or not table.decided.projected:
        connection.execute(f"DELETE FROM {name} WHERE {key_column} = ?", (key,))  # noqa: S608 - names of ours
    if row is not None:
        values = {column: value for column, value in _row.decode(row).items() if column in table.columns}
        marks = ", ".join("CAST(? AS BLOB)" if table.columns[column] else "?" for column in values)
        updates = ", ".join(f"{column} = excluded.{column}" for column in values)
        connection.execute(
            f"INSERT INTO {name} ({', '.join(values)}) VALUES ({marks})"  # noqa: S608 - names of ours
            f" ON CONFLICT ({key_column}) DO UPDATE SET {updates}",
            list(values.values()),
        )


def release(connection: sqlite3.Connection, decided: Sequence[Decided], offset: int | None) -> None:
    """Carry out the decisions that lie at or before an offset of the log; None: all, the log is not the one of then."""
    tables = {one.name: _table(connection, one) for one in decided}
    due = connection.execute(
        "SELECT name, key, row FROM decisions_ahead WHERE ?1 IS NULL OR log_offset <= ?1 ORDER BY log_offset", (offset,)
    ).fetchall()
    for name, key, row in due:
        if name in tables:
            put_row(connection, tables[name], key, row)
    connection.execute("DELETE FROM decisions_ahead WHERE ?1 IS NULL OR log_offset <= ?1", (offset,))
    if offset is None:
        connection.execute("UPDATE decision_writer SET log_offset = 0")


def next_due(connection: sqlite3.Connection) -> int | None:
    """Return the next offset of the log at which something may be to be carried out; None when it was come so far."""
    (ahead,) = connection.execute("SELECT min(log_offset) FROM decisions_ahead").fetchone()
    if ahead is not None:
        return int(ahead)
    # While the log is applied again, what is decided now may be ahead by the time the log has come that far.
    query = f"SELECT log_offset FROM decision_writer WHERE log_offset > {_APPLIED}"  # noqa: S608 - a query of ours
    last = connection.execute(query).fetchone()
    return None if last is None else int(last[0])


def _table(connection: sqlite3.Connection, decided: Decided) -> _Table:
    described = connection.execute(f"PRAGMA table_info({decided.name})").fetchall()
    (key,) = [name for _, name, _, _, _, place in described if place]
    columns = {name: kind == "BLOB" for _, name, kind, _, _, _ in described if name not in decided.projected}
    return _Table(decided, key, columns)


def _has_rows(connection: sqlite3.Connection, decided: Decided) -> bool:
    query = f"SELECT 1 FROM {decided.name} WHERE {decided.where} LIMIT 1"  # noqa: S608 - names of ours
    return connection.execute(query).fetchone() is not None


def _restore(connection: sqlite3.Connection, tables: dict[str, _Table], found: Iterable[Decision]) -> None:
    applied = connection.execute("SELECT coalesce(max(log_offset), 0) FROM progress").fetchone()[0]
    known = [one for one in found if one.name in tables]
    for one in known:  # all go before any comes: a push token may have moved from one device to another
        if not tables[one.name].decided.projected:
            put_row(connection, tables[one.name], one.key, None)
    for one in known:
        put_row(connection, tables[one.name], one.key, one.row)
        connection.execute("DELETE FROM decisions WHERE name = ? AND key = ?", (one.name, one.key))
        if tables[one.name].decided.follows_log and one.log_offset > applied:
            ahead = (one.name, one.key, one.row, one.log_offset)
            connection.execute("INSERT OR REPLACE INTO decisions_ahead VALUES (?, ?, ?, ?)", ahead)


def _renumber(connection: sqlite3.Connection, carried: int) -> None:
    """Count what is left to be carried on from the head, in its order."""
    rows = connection.execute("SELECT * FROM decisions ORDER BY version").fetchall()
    connection.execute("DELETE FROM decisions")
    numbered = [(version, *row[1:]) for version, row in enumerate(rows, carried + 1)]
    connection.executemany("INSERT INTO decisions VALUES (?, ?, ?, ?, ?, ?)", numbered)
    newest = carried + len(rows)
    connection.execute("UPDATE decision_writer SET newest = ?", (newest,))
    connection.execute("UPDATE decisions SET ends_command = 1 WHERE version = ?", (newest,))


_APPLIED = "coalesce((SELECT log_offset FROM progress), 0)"


def _put_triggers(connection: sqlite3.Connection, table: _Table) -> None:
    columns = ", ".join(column for column in table.columns if column != table.key) or table.key
    for event, row, is_removal in (
        ("INSERT", "NEW", False),
        (f"UPDATE OF {columns}", "NEW", False),
        ("DELETE", "OLD", True),
    ):
        name = f"decided_{table.decided.name}_{event.partition(' ')[0].lower()}"
        json = "NULL" if is_removal else table.row_json(row)
        connection.execute(f"DROP TRIGGER IF EXISTS {name}")
        connection.execute(
            f"CREATE TRIGGER {name} AFTER {event} ON {table.decided.name}"  # noqa: S608 - names of ours
            " WHEN (SELECT is_command FROM decision_writer)"
            f" BEGIN {_noted(table, f'{row}.{table.key}', json)} END"
        )


def _noted(table: _Table, key: str, json: str) -> str:
    """Return SQL that notes one row; while the log is applied again, also for when it has come this far."""
    name = f"'{table.decided.name}'"
    statements = f"""
        UPDATE decision_writer SET newest = newest + 1;
        INSERT INTO decisions
            SELECT newest, {name}, {key}, {json}, max(log_offset, {_APPLIED}), 0 FROM decision_writer;"""  # noqa: S608
    if table.decided.follows_log:
        statements += f"""
        DELETE FROM decisions_ahead WHERE name = {name} AND key = {key};
        INSERT INTO decisions_ahead
            SELECT {name}, {key}, {json}, log_offset FROM decision_writer WHERE log_offset > {_APPLIED};"""  # noqa: S608
    return statements


def _note_all(connection: sqlite3.Connection, table: _Table) -> None:
    """Note every row there is: the table has none of this file's yet."""
    decided = table.decided
    (newest,) = connection.execute("SELECT newest FROM decision_writer").fetchone()
    connection.execute(
        f"INSERT INTO decisions SELECT ? + row_number() OVER (), '{decided.name}', {table.key},"  # noqa: S608
        f" {table.row_json(decided.name)}, {_APPLIED}, 1 FROM {decided.name} WHERE {decided.where}",
        (newest,),
    )
    connection.execute("UPDATE decision_writer SET newest = coalesce((SELECT max(version) FROM decisions), newest)")
