"""The store's promises: durable when it returns, one job's failure is its own, bounded, typed errors."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from contracts.failures import Overloaded, Unavailable
from services.database import Database

SCHEMA = "CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL)"


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    store = Database(tmp_path / "notes.sqlite3", SCHEMA, queue_max=4)
    await store.start()
    yield store
    await store.stop()


def insert(text: str | None) -> Callable[[sqlite3.Connection], int | None]:
    return lambda connection: connection.execute("INSERT INTO notes (text) VALUES (?)", (text,)).lastrowid


def texts(connection: sqlite3.Connection) -> list[str]:
    return [row[0] for row in connection.execute("SELECT text FROM notes ORDER BY id")]


async def hold_writer(database: Database) -> tuple[asyncio.Task[None], threading.Event]:
    entered, release = threading.Event(), threading.Event()

    def hold(_: sqlite3.Connection) -> None:
        entered.set()
        release.wait(5)

    task = asyncio.create_task(database.write(hold))
    await asyncio.to_thread(entered.wait, 5)
    return task, release


async def test_a_write_is_readable_once_it_returns(database: Database) -> None:
    """A returned write is committed: every later read sees it."""
    await database.write(insert("one"))
    assert await database.read(texts) == ["one"]


async def test_a_failing_job_undoes_only_itself(database: Database) -> None:
    """Jobs that share a commit do not share their failures."""
    task, release = await hold_writer(database)
    jobs = [asyncio.create_task(database.write(insert(text))) for text in ("a", None, "b")]
    await asyncio.sleep(0)
    release.set()
    outcomes = await asyncio.gather(task, *jobs, return_exceptions=True)
    assert isinstance(outcomes[2], sqlite3.IntegrityError)  # no failure of the store: a retry would not mend it
    assert await database.read(texts) == ["a", "b"]


async def test_a_full_queue_refuses_with_a_time_to_come_back(database: Database) -> None:
    """Past its bound the queue answers Overloaded at once; what was queued still happens."""
    task, release = await hold_writer(database)
    queued = [asyncio.create_task(database.write(insert(str(n)))) for n in range(4)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded) as refused:
        await database.write(insert("too many"))
    release.set()
    await asyncio.gather(task, *queued)
    assert refused.value.retry_after_s is not None
    assert len(await database.read(texts)) == 4


async def test_a_full_disk_is_a_typed_failure_and_loses_nothing_committed(database: Database) -> None:
    """SQLITE_FULL becomes STORAGE_FULL, what was committed stays, and writing works again when there is room."""
    await database.write(insert("kept"))
    await database.write(lambda connection: connection.execute("PRAGMA max_page_count=3").fetchone())
    with pytest.raises(Unavailable) as refused:
        await database.write(insert("x" * 100_000))
    await database.write(lambda connection: connection.execute("PRAGMA max_page_count=100000").fetchone())
    await database.write(insert("after"))
    assert refused.value.reason == "STORAGE_FULL"
    assert await database.read(texts) == ["kept", "after"]


async def test_readers_cannot_write(database: Database) -> None:
    """A reader's connection refuses to change anything."""
    with pytest.raises(Unavailable):
        await database.read(lambda connection: connection.execute("DELETE FROM notes"))


async def test_stopping_finishes_what_was_queued(tmp_path: Path) -> None:
    """A write accepted before the stop is durable after it."""
    store = Database(tmp_path / "notes.sqlite3", SCHEMA)
    await store.start()
    task, release = await hold_writer(store)
    queued = asyncio.create_task(store.write(insert("last")))
    await asyncio.sleep(0)
    stopping = asyncio.create_task(store.stop())
    release.set()
    await asyncio.gather(task, queued, stopping)
    with sqlite3.connect(tmp_path / "notes.sqlite3") as connection:
        assert texts(connection) == ["last"]
    connection.close()


async def test_an_unwritable_folder_stops_the_start(tmp_path: Path) -> None:
    """A data folder that is a file is named as a storage failure, not a crash later."""
    (tmp_path / "blocked").write_text("")
    with pytest.raises(Unavailable):
        await Database(tmp_path / "blocked" / "notes.sqlite3", SCHEMA).start()
