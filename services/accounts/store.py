"""The projection's port, and its adapter on SQLite.

Promises: entries applied once have no effect again; after a crash offset and effects agree; the offset never falls.
Reads are plain queries on the same database, beside the resource they answer.
"""

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from contracts.events import LogEntry
from services.accounts.projection import Applied, apply, offset_of, replay, set_aside
from services.accounts.tables import DECIDED
from services.database import Database
from services.decisions_ahead import Ahead
from services.followed import mark_at


class Projection(Protocol):
    """What the event log makes of customers, accounts and balances."""

    def in_turn(self, batch: list[LogEntry]) -> AsyncGenerator[list[LogEntry]]:
        """Yield a batch in the pieces in which it is to be applied (`Ahead.in_turn`)."""

    async def apply(self, entries: Sequence[LogEntry]) -> Applied:
        """Apply consecutive entries of the log and their offset, all or nothing; durable when it returns.

        Raises:
            Overloaded, Unavailable: nothing is applied; may be retried.
            Exception: the code fails at one of them; nothing is applied.
        """

    async def set_aside(self, entry: LogEntry, reason: str) -> Applied:
        """Keep an entry as a dead letter and move the offset past it."""

    async def replay(self, entry: LogEntry) -> None:
        """Apply an entry that was set aside, and mark its letter."""

    async def offset(self) -> int:
        """Return the offset up to which the log is applied, 0 at first."""

    async def mark(self) -> str:
        """Return the mark of the entry at that offset, empty where it is not known."""


class SqliteProjection:
    """`Projection` in the account service's database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ahead = Ahead(database, DECIDED)

    def in_turn(self, batch: list[LogEntry]) -> AsyncGenerator[list[LogEntry]]:
        """See `Projection`."""
        return self._ahead.in_turn(batch)

    async def apply(self, entries: Sequence[LogEntry]) -> Applied:
        """See `Projection`."""
        return await self._database.write(lambda connection: apply(connection, entries))

    async def set_aside(self, entry: LogEntry, reason: str) -> Applied:
        """See `Projection`."""
        return await self._database.write(lambda connection: set_aside(connection, entry, reason))

    async def replay(self, entry: LogEntry) -> None:
        """See `Projection`."""
        await self._database.write(lambda connection: replay(connection, entry))

    async def offset(self) -> int:
        """See `Projection`."""
        return await self._database.read(offset_of)

    async def mark(self) -> str:
        """See `Projection`."""
        return await self._database.read(lambda connection: mark_at(connection, offset_of(connection)))
