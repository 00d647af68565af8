"""How far each shard of the stream is read, kept in the file of the log that what was read went into.

A place is noted after what it stands for is durable, so a crash has some records read again, which the log knows. Each
log has places of its own: one that was away while another process wrote reads what it has missed.
"""

from typing import Protocol

from services.database import Database

SCHEMA = "CREATE TABLE IF NOT EXISTS places (shard TEXT PRIMARY KEY, place TEXT NOT NULL) WITHOUT ROWID;\n"

_UPSERT = "INSERT INTO places VALUES (?, ?) ON CONFLICT (shard) DO UPDATE SET place = excluded.place"


class Places(Protocol):
    """The last sequence number landed of each shard, or that it is read to its end."""

    async def load(self) -> dict[str, str]:
        """Return the places by shard; none of a shard that was not begun.

        Raises:
            Unavailable: may be retried.
        """

    async def keep(self, shard: str, place: str) -> None:
        """Note the place of a shard.

        Raises:
            Overloaded, Unavailable: it is not noted; may be retried.
        """


class SqlitePlaces:
    """`Places` in the event service's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self) -> dict[str, str]:
        """See `Places`."""
        return dict(await self._database.read(lambda c: c.execute("SELECT shard, place FROM places").fetchall()))

    async def keep(self, shard: str, place: str) -> None:
        """See `Places`."""
        await self._database.write(lambda connection: connection.execute(_UPSERT, (shard, place)).rowcount)
