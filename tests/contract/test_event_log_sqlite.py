"""The event log on SQLite: the common suite, and what only a file can do wrong."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from contracts.failures import Unavailable
from contracts.ingest import RecordVerdict, Verdict
from services.database import Database
from services.events.archive_folder import FolderArchive
from services.events.archived_log import ArchivedLog
from services.events.archiver import Archiver
from services.events.dead_letters import letter_of
from services.events.log_pages import TAIL_BYTES_MAX
from services.events.screening import Record
from services.events.store import EventLog, SqliteEventLog
from services.events.tables import SCHEMA
from services.isolating import SET_ASIDE_MAX
from tests.contract.event_log_contract import EventLogContract, Open, opened, verdicts_of
from tests.unit.services.events.samples import ACCOUNT, NOW, OPENING, payment, raw, screened


class TestSqliteEventLog(EventLogContract):
    """`SqliteEventLog` keeps every promise of the port."""

    @pytest.fixture(params=[TAIL_BYTES_MAX, 0], ids=["from memory", "from the file"])
    def open_log(self, tmp_path: Path, request: pytest.FixtureRequest) -> Open:
        """Open a file of the test's own; what was appended last is read from memory, or from there."""

        @asynccontextmanager
        async def open_file() -> AsyncIterator[EventLog]:
            database = Database(tmp_path / "events.sqlite3", SCHEMA)
            await database.start()
            yield SqliteEventLog(database, lambda: NOW, tail_bytes_max=request.param)
            await database.stop()

        return open_file


class TestArchivedEventLog(EventLogContract):
    """It keeps them, too, when all but the newest segment is moved to the archive at once, each a piece of its own."""

    @pytest.fixture
    def open_log(self, tmp_path: Path) -> Open:
        """Open a file and an archive of the test's own."""

        @asynccontextmanager
        async def open_both() -> AsyncIterator[EventLog]:
            database = Database(tmp_path / "events.sqlite3", SCHEMA)
            await database.start()
            archive = FolderArchive(tmp_path / "archive")
            archiver = Archiver(database, archive, lambda: NOW + timedelta(days=2), 1.0, piece_bytes=1)
            yield _Archiving(database, archiver, ArchivedLog(archive))
            archiver.close()
            await database.stop()

        return open_both


class _Archiving(SqliteEventLog):
    """Archives with each append what is there to be archived."""

    def __init__(self, database: Database, archiver: Archiver, archived: ArchivedLog) -> None:
        super().__init__(database, lambda: NOW, archived, tail_bytes_max=0)
        self._archiver = archiver
        self._archives = asyncio.Lock()

    async def append_batch(
        self, records: Sequence[Record], first_index: int = 0, replays: int | None = None
    ) -> list[RecordVerdict]:
        verdicts = await super().append_batch(records, first_index, replays)
        async with self._archives:
            while await self._archiver.archive_next():
                pass
        return verdicts


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(tmp_path / "events.sqlite3", SCHEMA)
    await database.start()
    yield database
    await database.stop()


async def hold_writer(database: Database) -> tuple[asyncio.Task[None], threading.Event]:
    entered, release = threading.Event(), threading.Event()

    def hold(_: sqlite3.Connection) -> None:
        entered.set()
        release.wait(5)

    held = asyncio.create_task(database.write(hold))
    await asyncio.to_thread(entered.wait, 5)
    return held, release


async def test_a_full_disk_refuses_the_batch_and_remembers_nothing_of_it(database: Database) -> None:
    """An account opened in a batch that did not fit is unknown afterwards, and the log goes on where it was."""
    log = await opened(SqliteEventLog(database, lambda: NOW))
    pages = await database.write(lambda connection: connection.execute("PRAGMA page_count").fetchone()[0])
    await database.write(lambda connection: connection.execute(f"PRAGMA max_page_count={pages + 1}").fetchone())
    account = screened(raw("account.opened", ACCOUNT | {"accountId": "acc-3"}, id="a-3"))
    large = [screened(payment(id=f"p-{n}", transactionId=f"t-{n}", counterparty="x" * 140)) for n in range(200)]
    with pytest.raises(Unavailable) as refused:
        await log.append_batch([account, *large])
    await database.write(lambda connection: connection.execute("PRAGMA max_page_count=100000").fetchone())
    answer = await log.append_batch([screened(payment(accountId="acc-3")), screened(payment(id="p-1"))])
    assert refused.value.reason == "STORAGE_FULL"
    assert [verdict.reason for verdict in answer] == ["UNKNOWN_ACCOUNT", None]
    assert answer[1].offset == len(OPENING) + 1


async def test_a_locked_file_is_a_typed_failure_and_nothing_is_lost(database: Database, tmp_path: Path) -> None:
    """Another process holding the lock makes the append fail as busy; afterwards it succeeds."""
    log = await opened(SqliteEventLog(database, lambda: NOW))
    await database.write(lambda connection: connection.execute("PRAGMA busy_timeout=0").fetchone())
    other = Database(tmp_path / "events.sqlite3", SCHEMA)
    await other.start()
    held, release = await hold_writer(other)
    with pytest.raises(Unavailable) as refused:
        await log.append_batch([screened(payment())])
    release.set()
    await held
    answer = await log.append_batch([screened(payment())])
    await other.stop()
    assert refused.value.reason == "STORAGE_BUSY"
    assert verdicts_of(answer) == [Verdict.ACCEPTED]


async def test_a_record_the_code_fails_at_is_refused_alone(database: Database) -> None:
    """Halving finds it: the others are appended in their order with their own verdicts, it is a dead letter."""
    log = await opened(SqliteEventLog(database, lambda: NOW))
    batch = [screened(payment(id=f"p-{n}", transactionId=f"tx-{n}")) for n in range(6)]
    batch[3] = msgspec.structs.replace(batch[3], minor=2**70)  # no column holds it
    answer = await log.append_batch(batch, 10)
    assert [(verdict.index, verdict.reason, verdict.offset) for verdict in answer] == [
        (10, None, 4), (11, None, 5), (12, None, 6), (13, "POISON", None), (14, None, 7), (15, None, 8),
    ]  # fmt: skip
    letter = await database.read(lambda connection: letter_of(connection, answer[3].dead_letter_id or 0))
    assert letter.raw == batch[3].raw


async def test_broken_code_makes_no_dead_letters_of_everything(database: Database) -> None:
    """Record after record failing is no record's fault: the error is the producer's to see, who tries again."""
    log = await opened(SqliteEventLog(database, lambda: NOW))
    batch = [screened(payment(id=f"p-{n}", transactionId=f"tx-{n}")) for n in range(2 * SET_ASIDE_MAX)]
    with pytest.raises(OverflowError):
        await log.append_batch([msgspec.structs.replace(one, minor=2**70) for one in batch])
    answer = await log.append_batch(batch)
    assert set(verdicts_of(answer)) == {Verdict.ACCEPTED}
