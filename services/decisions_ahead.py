"""Restored decisions, in turn with the events of the log: a file that was lost is made anew from both.

    event 1 … event 70   device registered, by event        event 71 …
                         └─ decided here: device removed    └─ seen again, not trusted

A decision holds as soon as it is restored. Where the projection writes the same rows, or judges events by them, it is
carried out once more when the log has come to where it was made: what an event said before it is undone, what one says
after it stays. A log that ends before that place is not the one it was made beside; then everything is carried out.
"""

import sqlite3
from collections.abc import AsyncGenerator, Callable, Sequence

from contracts.events import LogEntry
from services.database import Database
from services.decision_outbox import Decided, next_due, release
from services.isolating import Patience

QUIET_MAX = 10
"""Times in a row that the log has nothing more, a second apart, before it is held to end here."""


class Ahead:
    """What lies ahead of the projection; the projection's one task asks it."""

    def __init__(
        self,
        database: Database,
        decided: Sequence[Decided],
        released: Callable[[sqlite3.Connection], None] = lambda _: None,
    ) -> None:
        """`released` is called in the transaction that carried something out."""
        self._database = database
        self._decided = decided
        self._released = released
        self._patiently = Patience().patiently
        self._waits = True
        self._quiet = 0

    async def in_turn(self, batch: list[LogEntry]) -> AsyncGenerator[list[LogEntry]]:
        """Yield a batch, in pieces where decisions lie between its events; they are carried out in between.

        The caller applies each piece before it asks for the next. An empty batch, of a quiet log, is yielded too.
        """
        is_empty = not batch
        self._quiet = self._quiet + 1 if is_empty else 0
        while self._waits and (batch or self._quiet >= QUIET_MAX):
            due = await self._patiently(lambda: self._database.read(next_due))
            if due is None:
                self._waits = False
                break
            reached = sum(entry.offset <= due for entry in batch)
            if reached:
                yield batch[:reached]
                if batch[reached - 1].offset < due and reached == len(batch):
                    return
            await self._release(due if batch else None)
            batch = batch[reached:]
        if batch or is_empty:
            yield batch

    async def _release(self, offset: int | None) -> None:
        def carry_out(connection: sqlite3.Connection) -> None:
            release(connection, self._decided, offset)
            self._released(connection)

        await self._patiently(lambda: self._database.write(carry_out))
