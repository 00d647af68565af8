"""Commands whose outcome outlives the disk: each is answered once what it decided is in the decision table.

command ──one transaction──▶ the service's tables, and a note of each row (decision_outbox.py)
        ──▶ the relay carries what was noted, in order, whole commands at once ──▶ the decision table ──▶ answer

relay away, or too late    the answer is `DECISION_NOT_SAFE`: the decision holds here and stays noted; it is carried
                           as soon as that goes. Only a disk that is lost before then loses it
another process took over  the relay ends, commands are refused before they decide, readiness says so
"""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import TypeVar
from uuid import uuid4

import structlog
from prometheus_client import Counter, Gauge

from contracts.failures import Conflict, Unavailable
from services.database import Database
from services.decision_outbox import (
    RETRY_AFTER_S,
    Decided,
    decide,
    is_behind,
    next_decisions,
    note_carried,
    take_over,
    writer_of,
)
from services.decision_table import Decision, DecisionTable, Head
from services.isolating import Patience
from services.tasks import running

T = TypeVar("T")

ANSWER_S_MAX = 3.0
"""How long a command waits for its decision to be in the table; the gateway waits five seconds for all of a request."""

CARRIED = Counter("belfry_decisions_carried", "Rows that commands changed, carried to the decision table.")
WAITING = Gauge("belfry_decisions_waiting", "Rows that commands changed and that are not in the decision table yet.")
_log = structlog.get_logger(__name__)


class Decisions:
    """Reads and writes `database` as it does itself; what is written are commands."""

    def __init__(
        self,
        database: Database,
        decided: Sequence[Decided],
        opened: Callable[[], AbstractAsyncContextManager[DecisionTable]],
        answer_s: float = ANSWER_S_MAX,
    ) -> None:
        """`opened` opens the table for as long as its block runs."""
        self._database = database
        self._decided = decided
        self._expiring = frozenset(one.name for one in decided if not one.projected)
        self._opened = opened
        self._answer_s = answer_s
        self._table: DecisionTable | None = None
        self._head = Head()
        self._leads = False
        self._patience = Patience()
        self._noted = asyncio.Event()
        self._moved = asyncio.Condition()

    @property
    def leads(self) -> bool:
        """Whether this process is the writer of the service's decisions."""
        return self._leads

    @asynccontextmanager
    async def carrying(self) -> AsyncGenerator[None]:
        """Make the file as new as the table, then carry what is decided for as long as the block runs.

        Raises:
            BadSetting: see `take_over`.
            NotFound: there is no such table.
        """
        async with self._opened() as table:
            await self.begin(table)
            async with running({"carry decisions": self._run()}, "decisions not carried"):
                yield

    async def begin(self, table: DecisionTable) -> None:
        """Take over from who wrote before. Waits for a table that is away: what it has is not known without it."""
        self._table, name = table, uuid4().hex
        patiently = self._patience.patiently
        while not self._leads:
            seen = await patiently(table.head)
            writer = await self._database.read(writer_of)
            found: list[Decision] = []
            if is_behind(writer, seen):
                found = await patiently(partial(table.read_after, writer.carried if writer else 0))
            await self._database.write(partial(self._take_over, name, seen, found))
            self._head = Head(seen.version, name)
            try:
                await patiently(partial(table.commit_if, seen, self._head))
                self._leads = True
            except Conflict:
                _log.warning("decisions made meanwhile", after=seen.version)
            _log.info("decisions taken over", newest=seen.version, restored=len(found))

    def _take_over(self, name: str, head: Head, found: Sequence[Decision], connection: sqlite3.Connection) -> None:
        take_over(connection, self._decided, name, head, found)

    async def read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """See `Database`."""
        return await self._database.read(query)

    async def write(self, command: Callable[[sqlite3.Connection], T]) -> T:
        """Run a command in a transaction; return its outcome once what it decided is safe.

        Raises:
            Overloaded: nothing is decided; may be retried.
            Unavailable: `DECISION_NOT_SAFE`, see above; `NOT_LEADING` and others of `Database`, nothing is decided.
        """
        outcome, version = await self.noted(command)
        await self.safe(version)
        return outcome

    async def noted(self, command: Callable[[sqlite3.Connection], T]) -> tuple[T, int]:
        """Run a command; return its outcome and the version up to which decisions must be carried for it to be safe."""
        if not self._leads:
            raise Unavailable(
                "This is not the writer of decisions now.", code="NOT_LEADING", retry_after_s=RETRY_AFTER_S
            )
        outcome, version = await self._database.write(lambda c: decide(c, command))
        WAITING.set(version - self._head.version)
        self._noted.set()
        return outcome, version

    async def safe(self, version: int) -> None:
        """Wait until everything up to a version is in the table.

        A command that changes nothing waits too: for the one before it that did.
        """
        try:
            async with asyncio.timeout(self._answer_s), self._moved:
                await self._moved.wait_for(lambda: self._head.version >= version or not self._leads)
        except TimeoutError:
            pass
        if self._head.version < version:
            raise Unavailable(
                "The change holds, but is not safe yet.", code="DECISION_NOT_SAFE", retry_after_s=RETRY_AFTER_S
            )

    async def carry(self) -> int:
        """Carry what was noted to the table, as much as goes at once; return how many rows that were.

        Raises:
            Conflict: another process took over.
            Overloaded, Unavailable: it may or may not be there; carry it again.
        """
        if self._table is None:
            raise Unavailable("The decision table is not open.")
        version, decisions = await self._database.read(partial(next_decisions, expiring=self._expiring))
        if not decisions:
            return 0
        if version > self._head.version:
            head = Head(version, self._head.writer)
            await self._table.commit_if(self._head, head, decisions)
            async with self._moved:
                self._head = head
                self._moved.notify_all()
            CARRIED.inc(len(decisions))
        await self._database.write(partial(note_carried, version=version))
        return len(decisions)

    async def _run(self) -> None:
        try:
            while True:
                self._noted.clear()
                if not await self._patience.patiently(self.carry):
                    WAITING.set(0)
                    await self._noted.wait()
        finally:
            async with self._moved:
                self._leads = False
                self._moved.notify_all()
