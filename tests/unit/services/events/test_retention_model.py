"""The log, its archive, what was seen and history, against kills at every step of archiving and removing.

The real log on a real database and a real folder; a clock that the machine rules, and a fuse on each step that touches
the disk. The machine's own list of what was accepted is what every read is held against.
"""

import asyncio
import itertools
import sqlite3
import tempfile
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from contracts.events import LogEntry, PaymentBooked
from contracts.failures import Conflict, Unavailable
from contracts.ingest import RecordVerdict, Verdict
from services.database import Database
from services.events.archive import Archive, Piece, pack
from services.events.archive_folder import FolderArchive
from services.events.archived_log import ArchivedLog
from services.events.archiver import Archiver
from services.events.forgetting import Forgetting
from services.events.history_bounds import HistoryBounds
from services.events.history_queries import Filter, merged_page
from services.events.screening import Screened, screen
from services.events.store import SqliteEventLog
from services.events.tables import SCHEMA
from tests.examples import examples
from tests.unit.services.events.samples import NOW, OPENING, payment, screened

T = TypeVar("T")
LOG_DAYS = 2.0
SEEN_DAYS = 4.0
HISTORY_DAYS = 6.0
FUTURE_S = 300
FAR = "2029-01-01T00:00:00.000000Z"
ROWS_LEFT_MAX = 1
"""The newest row stays, however old."""
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
        self.left = 0  # blows at the step that makes it 0: not before it is set
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


class RetentionMachine(RuleBasedStateMachine):
    """Events come in and again, time passes, rounds are killed, readers read from anywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name)
        self.now = NOW
        self.numbers = itertools.count()
        self.accepted: list[bytes] = []
        self.taken_at: list[datetime] = []
        self.rows: dict[str, tuple[datetime, str]] = {}
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
        archived = ArchivedLog(archive)
        self.log = SqliteEventLog(self.database, self.clock, archived, tail_bytes_max=PIECE_BYTES // 2)
        self.archiver = Archiver(
            self.database, FusedArchive(archive, self.fuse), self.clock, LOG_DAYS,
            piece_bytes=PIECE_BYTES, deleted_bytes_max=PIECE_BYTES // 2,
        )  # fmt: skip
        self.rounds: dict[str, Callable[[], Coroutine[Any, Any, bool]]] = {
            "log": self.archiver.archive_next,
            "seen": Forgetting(self.database, self.log, self.clock, SEEN_DAYS).forget_next,
            "history": HistoryBounds(self.database, self.clock, HISTORY_DAYS, FUTURE_S, rows_max=2).remove_next,
        }

    def clock(self) -> datetime:
        return self.now

    def stop_process(self) -> None:
        self.archiver.close()
        self.do(self.database.stop())

    def teardown(self) -> None:
        self.stop_process()
        self.runner.close()
        self.folder.cleanup()

    def append(self, records: list[bytes]) -> list[RecordVerdict]:
        screened_records = [screen(record, FAR) for record in records]
        verdicts = self.do(self.log.append_batch(screened_records))
        for record, verdict in zip(screened_records, verdicts, strict=True):
            assert isinstance(record, Screened)
            if verdict.verdict is Verdict.ACCEPTED:
                assert verdict.offset == len(self.accepted) + 1
                self.accepted.append(record.raw)
                self.taken_at.append(self.now)
                if isinstance(record.data, PaymentBooked):
                    self.rows.setdefault(record.data.transaction_id, (self.now, record.occurred_at))
        return verdicts

    @rule(count=st.integers(1, 6), hours_ago=st.integers(0, 100))
    def new_events_come_in(self, count: int, hours_ago: int) -> None:
        at = (self.now - timedelta(hours=hours_ago)).isoformat()
        numbers = [next(self.numbers) for _ in range(count)]
        verdicts = self.append([payment(id=f"p-{n}", transactionId=f"tx-{n}", time=at) for n in numbers])
        assert {verdict.verdict for verdict in verdicts} == {Verdict.ACCEPTED}

    @rule(number=st.integers(0, 10**6))
    def an_event_is_sent_again(self, number: int) -> None:
        """It is a duplicate while it is known; afterwards it may be a new event, and its row comes back."""
        record = self.accepted[number % len(self.accepted)]
        offset = max(place for place, other in enumerate(self.accepted, start=1) if other == record)
        taken_at = self.taken_at[offset - 1]
        for name in set(self.rows) - self.kept_rows():
            del self.rows[name]
        [verdict] = self.append([record])
        if verdict.verdict is Verdict.DUPLICATE:
            assert verdict.offset == offset
        else:
            assert taken_at < self.now - timedelta(days=SEEN_DAYS)

    @rule(days=st.sampled_from([0.5, 1.0, 3.0]))
    def time_passes(self, days: float) -> None:
        self.now += timedelta(days=days)

    @rule(what=st.sampled_from(["log", "log", "seen", "history"]), steps=st.integers(1, STEPS_MAX), after=st.booleans())
    def a_round_is_run_until_a_kill(self, what: str, steps: int, after: bool) -> None:
        self.fuse.left, self.fuse.after = steps, after
        try:
            while self.do(self.rounds[what]()):
                self.fuse.left = STEPS_MAX
        except Killed:
            self.stop_process()
            self.start_process()
        self.fuse.left = 0

    @rule(after=st.integers(0, 60), limit=st.integers(1, 12))
    def a_reader_follows_from_anywhere(self, after: int, limit: int) -> None:
        assert self.read(min(after, len(self.accepted)), limit) == self.wanted(min(after, len(self.accepted)))

    @rule()
    def what_is_old_leaves_the_disk(self) -> None:
        for _ in range(2):  # history is noted in the first
            for one in self.rounds.values():
                while self.do(one()):
                    pass
        first = self.do(self.log.state()).first_on_disk
        newest = [at for at in self.taken_at[first - 1 :] if at < self.now - timedelta(days=LOG_DAYS)]
        assert sum(map(len, self.accepted[first - 1 :][: len(newest)])) < 2 * PIECE_BYTES
        known = self.count("event_keys")
        assert known == sum(at >= self.now - timedelta(days=SEEN_DAYS) for at in self.taken_at)
        old = {name for name, (at, _) in self.rows.items() if at < self.now - timedelta(days=2 * HISTORY_DAYS)}
        assert len(self.kept_rows() & old) <= ROWS_LEFT_MAX

    @invariant()
    def every_entry_is_read_once_and_in_order(self) -> None:
        assert self.read(0, 1000) == self.wanted(0)

    @invariant()
    def nothing_left_the_disk_too_early(self) -> None:
        state = self.do(self.log.state())
        assert state.last_offset == len(self.accepted)
        assert all(at < self.now - timedelta(days=LOG_DAYS) for at in self.taken_at[: state.first_on_disk - 1])

    @invariant()
    def history_has_what_it_says(self) -> None:
        page = self.do(self.database.read(lambda c: merged_page(c, ["acc-1"], Filter(first=200))))
        kept = {msgspec.json.decode(edge.node)["id"] for edge in page.edges}
        new = {name for name, (at, _) in self.rows.items() if at >= self.now - timedelta(days=HISTORY_DAYS)}
        since = page.complete_from or ""
        complete = {name for name, (_, occurred_at) in self.rows.items() if occurred_at >= since}
        assert kept >= new | complete

    def kept_rows(self) -> set[str]:
        page = self.do(self.database.read(lambda c: merged_page(c, ["acc-1"], Filter(first=200))))
        return {msgspec.json.decode(edge.node)["id"] for edge in page.edges}

    def count(self, table: str) -> int:
        query = f"SELECT count(*) FROM {table}"  # noqa: S608 - a name of the test's own
        return int(self.do(self.database.read(lambda connection: connection.execute(query).fetchone()[0])))

    def read(self, after: int, limit: int) -> list[tuple[int, str]]:
        found: list[tuple[int, str]] = []
        page = self.do(self.log.read(after, limit))
        while page.count:
            some = [(entry.offset, entry.event.id) for entry in entries.decode_lines(page.lines)]
            assert len(some) == page.count <= limit
            found += some
            page = self.do(self.log.read(page.last, limit))
        return found

    def wanted(self, after: int) -> list[tuple[int, str]]:
        ids = [msgspec.json.decode(record)["id"] for record in self.accepted]
        return list(enumerate(ids, start=1))[after:]


RetentionMachine.TestCase.settings = examples(40, stateful_step_count=25)
TestRetention = RetentionMachine.TestCase


async def test_the_archive_of_another_log_is_not_taken_for_ones_own(tmp_path: Path) -> None:
    """What it has at the same offsets is not what the disk has: nothing is deleted, and the log is still read."""
    archive = FolderArchive(tmp_path / "archive")
    await archive.put(*pack(1, 3, b"another\nlog's\nentries\n"))
    database = Database(tmp_path / "events.sqlite3", SCHEMA)
    await database.start()
    log = SqliteEventLog(database, lambda: NOW, ArchivedLog(archive))
    archiver = Archiver(database, archive, lambda: NOW + timedelta(days=9), LOG_DAYS, piece_bytes=1)
    for records in (OPENING, [payment()]):
        await log.append_batch([screened(record) for record in records])
    with pytest.raises(Conflict, match="another log") as raised:
        await archiver.archive_next()
    assert raised.value.reason == "ARCHIVE_OF_ANOTHER_LOG"
    assert (await log.read(0, 9)).count == 4
    archiver.close()
    await database.stop()


async def test_a_log_restored_from_an_older_copy_finds_what_was_archived_since(tmp_path: Path) -> None:
    """It has those entries on the disk again, and lets them go once it has seen that the archive has the same."""
    archive = FolderArchive(tmp_path / "archive")
    for name in ("events", "copy"):
        database = Database(tmp_path / f"{name}.sqlite3", SCHEMA)
        await database.start()
        log = SqliteEventLog(database, lambda: NOW, ArchivedLog(archive), tail_bytes_max=0)
        archiver = Archiver(database, archive, lambda: NOW + timedelta(days=9), LOG_DAYS, piece_bytes=1)
        if name == "events":
            for records in (OPENING, [payment(id="p-1")], [payment(id="p-2")], [payment(id="p-3")]):
                await log.append_batch([screened(record) for record in records])
            copy = sqlite3.connect(tmp_path / "copy.sqlite3", check_same_thread=False)
            await database.read(partial(sqlite3.Connection.backup, target=copy))
            copy.close()
        assert (await log.state()).first_on_disk == 1
        while await archiver.archive_next():
            pass
        assert (await log.state()).first_on_disk == 6
        pages = [await log.read(after, 9) for after in range(6)]
        assert [page.last for page in pages] == [3, 3, 3, 4, 5, 6]
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


async def test_the_file_stops_growing(tmp_path: Path) -> None:
    """What leaves makes room for what comes: after the oldest day left, each further one takes no page."""
    now = NOW
    database = Database(tmp_path / "events.sqlite3", SCHEMA)
    await database.start()
    archive = FolderArchive(tmp_path / "archive")
    log = SqliteEventLog(database, lambda: now, ArchivedLog(archive))
    archiver = Archiver(database, archive, lambda: now, 1.5, piece_bytes=PIECE_BYTES)
    rounds = [
        archiver.archive_next,
        Forgetting(database, log, lambda: now, 1.5).forget_next,
        HistoryBounds(database, lambda: now, 1.5, FUTURE_S).remove_next,
    ]
    await log.append_batch([screened(record) for record in OPENING])
    pages: list[int] = []
    for day in range(12):
        for start in range(0, 300, 100):
            names = [f"{day}-{number}" for number in range(start, start + 100)]
            await log.append_batch([screened(payment(id=name, transactionId=f"tx-{name}")) for name in names])
        for one in rounds:
            while await one():
                pass
        pages.append(await database.read(lambda connection: connection.execute("PRAGMA page_count").fetchone()[0]))
        now += timedelta(days=1)
    assert await log.last_offset() == 12 * 300 + len(OPENING)
    assert pages[-1] <= pages[4] * 1.1
    archiver.close()
    await database.stop()
