"""One SQLite file in WAL mode: one writer thread that groups commits, a few reader threads that cannot write.

Rules: a write returns only after its commit is on disk (`synchronous=FULL`). Jobs that wait while a commit runs share
the next transaction, each in a savepoint, so that one job's failure undoes that job alone. The queue is bounded: past
it producers are refused, never made to wait without end. What the store fails at leaves as a typed `Unavailable`; what
a job did wrong (a constraint, a value that fits no column) is that job's own error, and no retry mends it.
"""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from contracts.failures import Overloaded, Unavailable

T = TypeVar("T")

BUSY_TIMEOUT_S = 5.0
"""Longest wait for a lock that another process holds on the file."""
GROUP_MAX = 64
"""Most jobs that share one commit."""
RETRY_AFTER_S = 1.0
JOBS_FAULTS = {sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_RANGE, sqlite3.SQLITE_TOOBIG}
CACHE_KIB = 65_536
"""Pages that the writer keeps in memory."""
READER_CACHE_KIB = 16_384
"""The same of each reader; what it does not keep the system's cache mostly does."""


class Store(Protocol):
    """What is read and written in transactions: a `Database`, or one whose writes are commands (`decisions.py`)."""

    async def read(self, query: Callable[[sqlite3.Connection], T]) -> T: ...

    async def write(self, job: Callable[[sqlite3.Connection], T], /) -> T: ...


class _Job(Generic[T]):
    """One unit of work for the writer, and where its outcome goes."""

    def __init__(self, work: Callable[[sqlite3.Connection], T], loop: asyncio.AbstractEventLoop) -> None:
        self.work = work
        self.loop = loop
        self.done: asyncio.Future[T] = loop.create_future()
        self.outcome: T | None = None
        self.error: Exception | None = None

    def run(self, connection: sqlite3.Connection) -> None:
        connection.execute("SAVEPOINT job")
        try:
            self.outcome = self.work(connection)
        except Exception as error:  # noqa: BLE001 - whatever the job raised is its caller's and must not end the writer
            if connection.in_transaction:
                connection.execute("ROLLBACK TO job")
            self.error = error
        if connection.in_transaction:
            connection.execute("RELEASE job")

    def settle(self) -> None:
        try:
            self.loop.call_soon_threadsafe(self._resolve)
        except RuntimeError:
            return  # the loop closed while the commit ran: nobody waits for the outcome any more

    def _resolve(self) -> None:
        if self.done.done():
            return
        if self.error is not None:
            self.done.set_exception(_translated(self.error))
        else:
            self.done.set_result(self.outcome)  # type: ignore[arg-type]


class Database:
    """A service's own store. Construct is free; `start` opens the file and applies the idempotent `schema` script."""

    def __init__(self, path: Path, schema: str, *, queue_max: int = 256, readers: int = 2) -> None:
        self._path = path
        self._schema = schema
        self._jobs: queue.Queue[_Job[Any] | None] = queue.Queue(maxsize=queue_max)
        self._readers = readers
        self._reader_local = threading.local()
        self._reader_connections: list[sqlite3.Connection] = []
        self._pool: ThreadPoolExecutor | None = None
        self._writer: threading.Thread | None = None

    async def start(self) -> None:
        """Open the file, create what is missing, start the threads.

        Raises:
            Unavailable: the file cannot be opened or written.
        """
        await asyncio.to_thread(self._create)
        self._pool = ThreadPoolExecutor(self._readers, thread_name_prefix=f"{self._path.stem}-reader")
        self._writer = threading.Thread(target=self._write_loop, name=f"{self._path.stem}-writer", daemon=True)
        self._writer.start()

    async def stop(self) -> None:
        """Finish the queued writes, then close. Idempotent."""
        if self._writer is not None:
            await asyncio.to_thread(self._jobs.put, None)
            await asyncio.to_thread(self._writer.join)
            self._writer = None
        if self._pool is not None:
            self._pool.shutdown(wait=True)
            self._pool = None
        for connection in self._reader_connections:
            connection.close()
        self._reader_connections.clear()

    async def write(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Run `job` in the writer's next transaction and return its result once that is durable.

        A cancelled caller does not undo the job. An exception of the job undoes the job and is raised here.

        Raises:
            Overloaded: the queue is full; retry after `retry_after_s`.
            Unavailable: `STORAGE_FULL`, `STORAGE_BUSY` or `STORAGE_FAILED`; nothing of the job is stored.
        """
        pending = _Job(job, asyncio.get_running_loop())
        try:
            self._jobs.put_nowait(pending)
        except queue.Full:
            raise Overloaded("Too many writes are waiting.", retry_after_s=RETRY_AFTER_S) from None
        return await pending.done

    async def read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """Run `query` on a read-only snapshot connection in a reader thread.

        Raises:
            Unavailable: SQLite failed, or the database is stopped.
        """
        if self._pool is None:
            raise Unavailable("The store is not open.", code="STORAGE_FAILED")
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._read, query)

    def _create(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with closing(self._connect()) as connection:
                connection.executescript(f"BEGIN; {self._schema}; COMMIT")  # one write to the disk, not one a table
        except (OSError, sqlite3.Error) as error:
            raise _translated(error) from error

    def _connect(self, cache_kib: int = CACHE_KIB) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False, cached_statements=512
        )
        # Where SQLite is built with SECURE_DELETE, as Debian's is, each page that a delete frees is read and written
        # full of zeros. FAST zeroes only what lies in pages that are written anyway.
        connection.executescript(
            f"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA cache_size=-{cache_kib};"
            "PRAGMA temp_store=MEMORY; PRAGMA wal_autocheckpoint=4000; PRAGMA secure_delete=FAST;"
        )
        return connection

    def _read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        connection: sqlite3.Connection | None = getattr(self._reader_local, "connection", None)
        try:
            if connection is None:
                connection = self._connect(READER_CACHE_KIB)
                connection.execute("PRAGMA query_only=ON")
                self._reader_local.connection = connection
                self._reader_connections.append(connection)
            return query(connection)
        except sqlite3.Error as error:
            raise _translated(error) from error

    def _write_loop(self) -> None:
        connection = self._connect()
        with closing(connection):
            while (first := self._jobs.get()) is not None:
                group = [first]
                while len(group) < GROUP_MAX and (more := self._next_waiting()) is not None:
                    group.append(more)
                self._commit(connection, group)

    def _next_waiting(self) -> _Job[Any] | None:
        try:
            job = self._jobs.get_nowait()
        except queue.Empty:
            return None
        if job is None:
            self._jobs.put(None)  # the stop signal: leave it for the loop, after this group
        return job

    def _commit(self, connection: sqlite3.Connection, group: list[_Job[Any]]) -> None:
        try:
            connection.execute("BEGIN IMMEDIATE")
            for job in group:
                job.run(connection)
                if not connection.in_transaction:  # SQLite undid everything by itself (a full disk, an I/O error)
                    raise job.error if isinstance(job.error, sqlite3.Error) else sqlite3.OperationalError("rolled back")
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            for job in group:
                job.error = error
        for job in group:
            job.settle()


def _translated(error: Exception) -> Exception:
    if isinstance(error, sqlite3.Error):
        code = (getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF
        if code in JOBS_FAULTS:
            return error
        if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
            return Unavailable(
                "The store is full.", code="STORAGE_FULL", detail=str(error), retry_after_s=RETRY_AFTER_S
            )
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return Unavailable(
                "The store is busy.", code="STORAGE_BUSY", detail=str(error), retry_after_s=RETRY_AFTER_S
            )
        return Unavailable("The store failed.", code="STORAGE_FAILED", detail=str(error))
    if isinstance(error, OSError):
        return Unavailable("The store cannot be opened.", code="STORAGE_FAILED", detail=str(error))
    return error
