"""The log and its archive, against kills at every step of moving entries from the one to the other.

The real log on a real database and a real folder; a clock that the machine rules, and a fuse on each step that touches
the disk. The machine's own list of what was accepted is what every read is held against.
"""

import asyncio
import itertools
import tempfile
from collections.abc import Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from contracts.events import LogEntry
from contracts.failures import Conflict, Unavailable
from contracts.ingest import Verdict
from services.database import Database
from services.events.archive import Archive, Piece, pack
from services.events.archive_folder import FolderArchive
from services.events.archived_log import ArchivedLog
from services.events.archiver import Archiver
from services.events.store import SqliteEventLog
from services.events.tables import SCHEMA
from tests.examples import examples
from tests.unit.services.events.samples import NOW, OPENING, payment, screened

T = TypeVar("T")
DAYS = 2.0
PIECE_BYTES = 2_000
"""Some five entries."""
STEPS_MAX = 16
"""A round has fewer: a fuse of this length does not blow."""

entries = msgspec.json.Decoder(LogEntry)


class Killed(Exception):
    """The process ends here."""


class Fuse:
    """Ends the process before or after so many steps."""

    def __init__(self) -> None:
        self.left = STEPS_MAX
        self.after = False

    async def step(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        self.left -= 1
        if self.left == 0 and not self.after:
            raise Killed
        outcome = await work()
        if self.left == 0:
            raise Killed
        return outcome


class FusedDatabase(Database):
    """A database whose every read and write is a step."""

    fuse = Fuse()

    async def read(self, query: Callable[[Any], T]) -> T:
        return await self.fuse.step(lambda: super(FusedDatabase, self).read(query))

    async def write(self, job: Callable[[Any], T]) -> T:
        return await self.fuse.step(lambda: super(FusedDatabase, self).write(job))


class FusedArchive:
    """An archive whose every call is a step."""

    def __init__(self, archive: Archive, fuse: Fuse) -> None:
        self._archive = archive
        self._fuse = fuse

    async def find(self, offset: int) -> Piece | None:
        return await self._fuse.step(lambda: self._archive.find(offset))

    async def get(self, piece: Piece) -> bytes:
        return await self._fuse.step(lambda: self._archive.get(piece))

    async def put(self, piece: Piece, file: bytes) -> None:
        await self._fuse.step(lambda: self._archive.put(piece, file))


class ArchivingMachine(RuleBasedStateMachine):
    """Events come in, time passes, rounds of archiving are killed, readers read from anywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name)
        self.now = NOW
        self.numbers = itertools.count()
        self.accepted: list[bytes] = []
        self.taken_at = [NOW]
        self.start_process()
        self.append(OPENING)

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def start_process(self) -> None:
        self.fuse = Fuse()
        self.database = FusedDatabase(self.path / "events.sqlite3", SCHEMA)
        self.database.fuse = self.fuse
        self.do(self.database.start())
        archive = FolderArchive(self.path / "archive")
        self.archived = ArchivedLog(archive)
        self.log = SqliteEventLog(self.database, lambda: self.now, self.archived)
        self.archiver = Archiver(
            self.database, FusedArchive(archive, self.fuse), lambda: self.now, DAYS,
            piece_bytes=PIECE_BYTES, deleted_bytes_max=PIECE_BYTES // 2,
        )  # fmt: skip

    def stop_process(self) -> None:
        self.archiver.close()
        self.do(self.database.stop())

    def teardown(self) -> None:
        self.stop_process()
        self.runner.close()
        self.folder.cleanup()

    def append(self, records: list[bytes]) -> None:
        self.fuse.left = 0
        self.do(self.log.append_batch([screened(record) for record in records]))
        self.accepted += records
        self.taken_at += [self.now] * len(records)

    @rule(count=st.integers(1, 6))
    def new_events_come_in(self, count: int) -> None:
        numbers = [next(self.numbers) for _ in range(count)]
        self.append([payment(id=f"p-{n}", transactionId=f"tx-{n}") for n in numbers])

    @rule(number=st.integers(0, 10**6))
    def an_event_is_sent_again(self, number: int) -> None:
        number %= len(self.accepted)
        self.fuse.left = 0
        [verdict] = self.do(self.log.append_batch([screened(self.accepted[number])]))
        assert (verdict.verdict, verdict.offset) == (Verdict.DUPLICATE, number + 1)

    @rule(days=st.sampled_from([0.5, 1.0, 3.0]))
    def time_passes(self, days: float) -> None:
        self.now += timedelta(days=days)

    @rule(steps=st.integers(1, STEPS_MAX), after=st.booleans())
    def a_round_is_run_until_a_kill(self, steps: int, after: bool) -> None:
        self.fuse.left, self.fuse.after = steps, after
        try:
            while self.do(self.archiver.archive_next()):
                self.fuse.left = STEPS_MAX
        except Killed:
            self.stop_process()
            self.start_process()
        self.fuse.left = 0

    @rule(after=st.integers(0, 60), limit=st.integers(1, 12))
    def a_reader_follows_from_anywhere(self, after: int, limit: int) -> None:
        assert self.read(min(after, len(self.accepted)), limit) == self.wanted(min(after, len(self.accepted)))

    @invariant()
    def every_entry_is_read_once_and_in_order(self) -> None:
        assert self.read(0, 1000) == self.wanted(0)

    @invariant()
    def nothing_left_the_disk_too_early(self) -> None:
        state = self.do(self.log.state())
        assert state.last_offset == len(self.accepted)
        assert all(at < self.now - timedelta(days=DAYS) for at in self.taken_at[1 : state.first_on_disk])

    @rule()
    def what_is_old_and_fills_a_piece_leaves_the_disk(self) -> None:
        self.fuse.left = 0
        while self.do(self.archiver.archive_next()):
            pass
        first = self.do(self.log.state()).first_on_disk
        old = [at for at in self.taken_at[first:-6] if at < self.now - timedelta(days=DAYS)]
        assert sum(map(len, self.accepted[first - 1 : first - 1 + len(old)])) < 2 * PIECE_BYTES

    def read(self, after: int, limit: int) -> list[tuple[int, str]]:
        self.fuse.left = 0
        found: list[tuple[int, str]] = []
        page = self.do(self.log.read(after, limit))
        while page.count:
            some = [(entry.offset, entry.event.id) for entry in entries.decode_lines(page.lines)]
            assert len(some) == page.count <= limit
            found += some
            page = self.do(self.log.read(page.last, limit))
        return found

    def wanted(self, after: int) -> list[tuple[int, str]]:
        ids = [screened(record).event.id for record in self.accepted]
        return list(enumerate(ids, start=1))[after:]


ArchivingMachine.TestCase.settings = examples(40, stateful_step_count=25)
TestArchiving = ArchivingMachine.TestCase


async def test_the_archive_of_another_log_is_not_taken_for_ones_own(tmp_path: Path) -> None:
    """What it has at the same offsets is not what the disk has: nothing is deleted, and the log is still read."""
    archive = FolderArchive(tmp_path / "archive")
    await archive.put(*pack(1, 3, b"another\nlog's\nentries\n"))
    database = Database(tmp_path / "events.sqlite3", SCHEMA)
    await database.start()
    log = SqliteEventLog(database, lambda: NOW, ArchivedLog(archive))
    archiver = Archiver(database, archive, lambda: NOW + timedelta(days=9), DAYS, piece_bytes=1)
    for records in (OPENING, [payment()]):
        await log.append_batch([screened(record) for record in records])
    with pytest.raises(Conflict, match="another log") as raised:
        await archiver.archive_next()
    assert raised.value.reason == "ARCHIVE_OF_ANOTHER_LOG"
    assert (await log.read(0, 9)).count == 4
    archiver.close()
    await database.stop()


async def test_an_archive_that_lost_a_piece_is_told_and_not_read_past(tmp_path: Path) -> None:
    """A reader is never given the entries behind a hole."""
    archive = FolderArchive(tmp_path)
    await archive.put(*pack(4, 5, b"four\nfive\n"))
    archived = ArchivedLog(archive)
    assert (await archived.page(3, 9)).count == 2
    for after in (2, 5):
        with pytest.raises(Unavailable) as raised:
            await archived.page(after, 9)
        assert raised.value.reason == "LOG_HOLE"
