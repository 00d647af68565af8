"""Decisions, against everything that can happen between a command and its answer, and to the disk.

The account service's own tables, commands and projection on real files; a table in memory that passes the port's suite.
The machine's own account is what each command changed and how far the log was then: what a file says after any loss is
checked against it, with the commands that were answered, and as many after them as had come into the table.
"""

import asyncio
import itertools
import sqlite3
import tempfile
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from contracts.accounts import DeviceInput, NotificationPreferences, PushTokenInput
from contracts.events import LogEntry
from contracts.failures import Conflict, Failure, NotFound, Unavailable
from contracts.vocabulary import AlertSeverity, DevicePlatform, PushPlatform
from services.accounts.cards import freeze, unfreeze
from services.accounts.devices import register, remove
from services.accounts.preferences import put_preferences
from services.accounts.projection import offset_of
from services.accounts.push_tokens import register_push_token
from services.accounts.store import SqliteProjection
from services.accounts.tables import DECIDED, SCHEMA
from services.database import Database
from services.decision_table import Decision, Head
from services.decisions import Decisions
from tests.contract.decision_table_contract import MemoryDecisionTable
from tests.examples import examples
from tests.unit.services.accounts.samples import NOW, account, customer, entries, event

T = TypeVar("T")
Command = Callable[[sqlite3.Connection], object]
Rows = dict[tuple[str, str], Any]

TODAY = NOW.date().isoformat()
MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of the test's own in it
"""Where files are in memory: nothing is lost here that the test does not lose, and a commit waits for no disk."""
PHONES = ("phone-1", "phone-2", "phone-3")
BEGINNING = [customer(), account(), *(event("card.issued", cardId=card, accountId="acc-1", cardholderId="cust-1",
             maskedPan="****1234", expiry="2030-01-01") for card in ("card-1", "card-2"))]  # fmt: skip
QUERIES = {
    "frozen_cards": "SELECT card_id, 1 FROM frozen_cards",
    "devices": "SELECT id, json_array(name, trusted) FROM devices",
    "push_tokens": "SELECT device_id, token FROM push_tokens",
    "preferences": "SELECT customer_id, CAST(body AS TEXT) FROM preferences",
}


def token_of(number: int) -> PushTokenInput:
    return PushTokenInput("cust-1", PushPlatform.APNS, f"{number:064x}", "jti")


def preferences_of(severity: AlertSeverity) -> NotificationPreferences:
    return NotificationPreferences("cust-1", severity, push_enabled=True, muted_kinds=[])


COMMANDS: st.SearchStrategy[Command] = st.one_of(
    st.builds(lambda change, card: lambda c: change(c, card, TODAY), st.sampled_from([freeze, unfreeze]),
              st.sampled_from(["card-1", "card-2"])),
    st.builds(lambda phone: lambda c: remove(c, phone), st.sampled_from(PHONES)),
    st.builds(lambda phone, number: lambda c: register_push_token(c, phone, token_of(number), "2026"),
              st.sampled_from(PHONES), st.integers(1, 2)),
    st.builds(lambda severity: lambda c: put_preferences(c, preferences_of(severity)), st.sampled_from(AlertSeverity)),
    st.just(lambda c: register(c, DeviceInput("cust-1", DevicePlatform.WEB, "Laptop"))),
)  # fmt: skip
TROUBLES = st.sampled_from(["", "", "", "away", "answer lost", "killed before", "killed after"])


class Killed(BaseException):
    """The process ends here."""


class Table(MemoryDecisionTable):
    """A table on the other side of a network, used by a process that may be killed."""

    def __init__(self) -> None:
        super().__init__()
        self.trouble = ""

    async def commit_if(self, seen: Head, head: Head, decisions: Sequence[Decision] = ()) -> None:
        trouble = self.trouble if decisions else ""
        if trouble == "away":
            raise Unavailable("Away.")
        if trouble == "killed before":
            raise Killed
        await super().commit_if(seen, head, decisions)
        if trouble == "killed after":
            raise Killed
        if trouble == "answer lost":
            self.trouble = ""
            raise Unavailable("No answer.")


class Made(NamedTuple):
    """A command that was committed: after which event it was made, and what it changed."""

    offset: int
    changes: Rows


def rows_of(connection: sqlite3.Connection) -> Rows:
    return {(name, key): value for name, query in QUERIES.items() for key, value in connection.execute(query)}


class DecisionsMachine(RuleBasedStateMachine):
    """Customers command, the log goes on, the table is away, the process is killed, its disk lost or an old copy."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None)
        self.names = (Path(self.folder.name) / str(number) for number in itertools.count())
        self.table = Table()
        self.log: list[LogEntry] = entries(*BEGINNING)
        self.said: list[tuple[int, str, str]] = []
        """Offset, phone and what the log says: registered by this name, or (empty) only seen."""
        self.made: list[Made] = []
        self.answered = 0
        """How many of the commands made must be there: of them one was answered, or one after them."""
        self.copy: Path | None = None
        self.start_on(next(self.names))
        self.project(len(self.log))

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def start_on(self, path: Path) -> None:
        self.path, self.table.trouble = path, ""
        self.database = Database(path, SCHEMA)
        self.do(self.database.start())
        self.projection = SqliteProjection(self.database)
        self.decisions = Decisions(self.database, DECIDED, self.table.opened, answer_s=0)
        self.do(self.decisions.begin(self.table))

    def teardown(self) -> None:
        try:
            self.restart(loss="everything")
            self.project(len(self.log))
            self.check(self.rows())
        finally:
            self.do(self.database.stop())
            self.runner.close()
            self.folder.cleanup()

    def rows(self) -> Rows:
        return self.do(self.database.read(rows_of))

    def offset(self) -> int:
        return self.do(self.database.read(offset_of))

    def expected(self, made: Sequence[Made]) -> Rows:
        """Return what a file says that has come to the end of the log and was never lost."""
        rows: Rows = {}
        said = [(offset, 0, phone, name) for offset, phone, name in self.said]
        decided = [(one.offset, 1, "", one) for one in made]
        for _, _, phone, what in sorted([*said, *decided], key=lambda each: each[:2]):
            if isinstance(what, Made):
                for key, value in what.changes.items():
                    rows.pop(key, None)
                    rows |= {key: value} if value is not None else {}
            elif what:
                rows["devices", phone] = f'["{what}",1]'
            else:
                rows.setdefault(("devices", phone), '["iOS device",0]')
        return rows

    def check(self, rows: Rows) -> None:
        """What is here is all that was answered and a beginning of what was not: forget what is lost."""
        lengths = range(len(self.made), self.answered - 1, -1)
        kept = next((length for length in lengths if self.expected(self.made[:length]) == rows), None)
        assert kept is not None, (rows, self.expected(self.made[: self.answered]))
        del self.made[kept:]

    @rule(phone=st.sampled_from(PHONES), name=st.sampled_from(["", "Phone", "Tablet"]))
    def say(self, phone: str, name: str) -> None:
        """Let the log have one event more about a phone: registered, or signed in from."""
        kind, more = ("device.registered", {"name": name}) if name else ("login.succeeded", {})
        new = event(kind, deviceId=phone, customerId="cust-1", platform="IOS", **more)
        self.log += entries(new, after=len(self.log))
        self.said.append((len(self.log), phone, name))

    @rule(count=st.integers(1, 4))
    def project(self, count: int) -> None:
        """Apply the next events of the log."""

        async def apply() -> None:
            offset = await self.projection.offset()
            batches: AsyncGenerator[list[LogEntry]] = self.projection.in_turn(self.log[offset : offset + count])
            async for piece in batches:
                if piece:
                    await self.projection.apply(piece)

        self.do(apply())
        if self.offset() == len(self.log):
            assert self.rows() == self.expected(self.made)

    @rule(command=COMMANDS, trouble=TROUBLES)
    def command(self, command: Command, trouble: str) -> None:
        self.table.trouble = trouble
        before = self.rows()
        try:
            _, version = self.do(self.decisions.noted(command))
        except Failure:
            assert self.rows() == before
            return
        after = self.rows()
        changes = {key: after.get(key) for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
        offset = max([self.offset(), *(one.offset for one in self.made)])
        self.made.append(Made(offset, changes))
        try:
            self.answer(version)
        except Killed:
            self.restart(loss="nothing")

    def answer(self, version: int) -> None:
        try:
            for _ in range(3):
                with suppress(Unavailable):
                    self.do(self.decisions.carry())
            self.do(self.decisions.safe(version))
            assert version <= self.table.newest.version
            self.answered = len(self.made)
        except Unavailable:
            assert self.table.trouble == "away"

    @rule()
    def copy_disk(self) -> None:
        """Take a snapshot, as is done each hour."""
        self.copy = next(self.names)

        def copy(connection: sqlite3.Connection) -> None:
            with closing(sqlite3.connect(str(self.copy))) as target:
                connection.backup(target)

        self.do(self.database.read(copy))

    @rule(loss=st.sampled_from(["nothing", "nothing", "everything", "since the copy"]))
    def restart(self, loss: str) -> None:
        self.do(self.database.stop())
        if loss == "nothing":
            self.start_on(self.path)
            return
        copy, self.copy = self.copy, None
        self.start_on(copy if copy is not None and loss == "since the copy" else next(self.names))
        self.check_restored()

    def check_restored(self) -> None:
        """What no event says is there before the service is ready; once the log was applied, all is."""
        rows, answered = self.rows(), self.expected(self.made[: self.answered])
        unsure = {key for one in self.made[self.answered :] for key in one.changes}
        for key in {key for key in rows.keys() | answered.keys() if key[0] in {"frozen_cards", "preferences"}} - unsure:
            assert rows.get(key) == answered.get(key)
        lost = Path(self.folder.name) / "whole"
        self.lengthen(lost)

    def lengthen(self, path: Path) -> None:
        """Find out on a copy, to which the whole log is applied, which commands are left."""
        with suppress(FileNotFoundError):
            path.unlink()

        def copy(connection: sqlite3.Connection) -> None:
            with closing(sqlite3.connect(str(path))) as target:
                connection.backup(target)

        async def whole() -> Rows:
            await self.database.read(copy)
            database = Database(path, SCHEMA)
            await database.start()
            projection = SqliteProjection(database)
            async for piece in projection.in_turn(self.log[await projection.offset() :]):
                if piece:
                    await projection.apply(piece)
            rows = await database.read(rows_of)
            await database.stop()
            return rows

        self.check(self.do(whole()))

    @rule(command=COMMANDS)
    def be_taken_over(self, command: Command) -> None:
        """Another process starts on an empty disk while this one still runs: nothing of this one is answered more."""
        old, behind = self.decisions, self.database
        self.start_on(next(self.names))
        with suppress(NotFound):
            _, version = self.do(old.noted(command))
            with suppress(Conflict):
                assert self.do(old.carry()) == 0
            with suppress(Unavailable):
                self.do(old.safe(version))
                assert version <= self.table.newest.version
        self.do(behind.stop())
        self.check_restored()


TestDecisions = DecisionsMachine.TestCase
TestDecisions.settings = examples(24, stateful_step_count=20)
