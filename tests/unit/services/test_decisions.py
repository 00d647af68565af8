"""What the model of decisions does not reach: bounds, files and tables that do not belong together, the relay's end."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from contracts.failures import Overloaded, Unavailable
from contracts.settings import BadSetting
from services.accounts.devices import remove
from services.accounts.store import SqliteProjection
from services.accounts.tables import DECIDED, SCHEMA
from services.database import Database
from services.decision_outbox import WAITING_MAX, leave, next_due, writer_of
from services.decision_table import DECISIONS_AT_ONCE_MAX, Decision, Head
from services.decisions import Decisions
from services.decisions_ahead import QUIET_MAX
from tests.contract.decision_table_contract import MemoryDecisionTable
from tests.unit.services.accounts.samples import customer, entries, event

Command = Callable[[sqlite3.Connection], None]


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[Database]:
    database = Database(path, SCHEMA)
    await database.start()
    yield database
    await database.stop()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """Open the account service's own file."""
    async with opened(tmp_path / "accounts.sqlite3") as one:
        yield one


@pytest.fixture
def table() -> MemoryDecisionTable:
    """Make an empty table."""
    return MemoryDecisionTable()


def freezing(*cards: str) -> Command:
    """Return a command that freezes cards."""

    def freeze(connection: sqlite3.Connection) -> None:
        connection.executemany("INSERT INTO frozen_cards VALUES (?)", [(card,) for card in cards])

    return freeze


def of(database: Database, table: MemoryDecisionTable, answer_s: float = 60) -> Decisions:
    return Decisions(database, DECIDED, table.opened, answer_s)


async def test_a_command_is_answered_once_it_is_carried(database: Database, table: MemoryDecisionTable) -> None:
    """By the relay that runs beside it; nothing is left to be carried."""
    decisions = of(database, table)
    async with decisions.carrying():
        await asyncio.gather(*(decisions.write(freezing(f"card-{number}")) for number in range(20)))
        assert {key for _, key in table.rows} == {f"card-{number}" for number in range(20)}
    assert table.newest.version == 20
    assert not decisions.leads
    again = of(database, table)
    await again.begin(table)
    assert await again.carry() == 0


async def test_who_was_taken_over_from_is_not_answered(
    database: Database, table: MemoryDecisionTable, tmp_path: Path
) -> None:
    """The relay ends, commands that wait are told, and later ones decide nothing."""
    decisions = of(database, table)
    async with decisions.carrying(), opened(tmp_path / "other.sqlite3") as elsewhere:
        await of(elsewhere, table).begin(table)
        for code in ("DECISION_NOT_SAFE", "NOT_LEADING"):
            with pytest.raises(Unavailable) as refused:
                await decisions.write(freezing(code))
            assert refused.value.reason == code
        assert table.rows == {}


async def test_whole_commands_are_carried_at_once(database: Database, table: MemoryDecisionTable) -> None:
    """What does not fit with those before it goes with the next."""
    decisions = of(database, table)
    await decisions.begin(table)
    for name in ("a", "b", "c"):
        await decisions.noted(freezing(*(f"{name}{number}" for number in range(40))))
    assert 80 < DECISIONS_AT_ONCE_MAX < 120
    assert [await decisions.carry() for _ in range(3)] == [80, 40, 0]


async def test_what_was_changed_back_is_carried_once(database: Database, table: MemoryDecisionTable) -> None:
    """A transaction may not touch a row twice: the last is carried."""
    decisions = of(database, table)
    await decisions.begin(table)
    await decisions.noted(freezing("card-1"))
    await decisions.noted(lambda c: c.execute("DELETE FROM frozen_cards"))
    assert await decisions.carry() == 1
    assert await table.read_after(0) == [Decision(2, "frozen_cards", "card-1", None, 0, expires=True)]


async def test_too_much_that_waits_is_refused(database: Database, table: MemoryDecisionTable) -> None:
    """Before anything is decided, and with when to come back."""
    decisions = of(database, table)
    await decisions.begin(table)
    await decisions.noted(freezing(*map(str, range(WAITING_MAX))))
    with pytest.raises(Overloaded) as refused:
        await decisions.noted(freezing("one more"))
    assert refused.value.retry_after_s
    frozen = await database.read(lambda c: c.execute("SELECT count(*) FROM frozen_cards").fetchone())
    assert frozen == (WAITING_MAX,)


async def test_what_is_not_carried_in_time_is_told_and_stays(database: Database, table: MemoryDecisionTable) -> None:
    """The change holds here, and goes with what is carried next."""
    decisions = of(database, table, answer_s=0)
    await decisions.begin(table)
    with pytest.raises(Unavailable) as refused:
        await decisions.write(freezing("card-1"))
    assert (refused.value.reason, refused.value.retryable) == ("DECISION_NOT_SAFE", True)
    assert await database.read(lambda c: c.execute("SELECT * FROM frozen_cards").fetchall()) == [("card-1",)]
    assert await decisions.carry() == 1


async def test_a_file_that_gets_a_table_carries_all_it_has(database: Database, table: MemoryDecisionTable) -> None:
    """What was decided before, and no device that a login alone made known."""

    def before(connection: sqlite3.Connection) -> None:
        freezing("card-1", "card-2")(connection)
        for device, trusted in (("mine", 1), ("seen", 0)):
            connection.execute("INSERT INTO devices VALUES (?, 'c', 'IOS', 'n', ?, '2026')", (device, trusted))

    await database.write(before)
    decisions = of(database, table)
    await decisions.begin(table)
    assert await decisions.carry() == 3
    assert {key for _, key in table.rows} == {"card-1", "card-2", "mine"}


async def test_file_and_table_that_do_not_belong_together_are_not_merged(
    database: Database, table: MemoryDecisionTable
) -> None:
    """A file that was without its table for a while, and a table that is behind its file: neither is the newer one."""
    await of(database, table).begin(table)
    await table.commit_if(table.newest, Head(1, "w"), [Decision(1, "frozen_cards", "card-1", "{}", 0)])
    await database.write(leave)
    await database.write(freezing("card-2"))
    with pytest.raises(BadSetting, match="made without it"):
        await of(database, table).begin(table)
    other = MemoryDecisionTable()
    decisions = of(database, other)
    await decisions.begin(other)
    await decisions.carry()
    with pytest.raises(BadSetting, match="has less"):
        await of(database, table).begin(MemoryDecisionTable())


async def test_without_a_table_nothing_is_noted(database: Database, table: MemoryDecisionTable) -> None:
    """A file that left its table has no trigger more: one machine alone writes as if there had been none."""
    await of(database, table).begin(table)
    await database.write(leave)
    await database.write(freezing("card-1"))
    left = "SELECT count(*) FROM sqlite_master WHERE type = 'trigger'"
    assert await database.read(lambda c: c.execute(left).fetchone()) == (0,)
    assert await database.read(writer_of) is None


async def test_what_is_decided_while_the_log_is_applied_again_is_decided_after_it(
    database: Database, table: MemoryDecisionTable
) -> None:
    """As far as it was applied once: the phone that is removed now was registered before, wherever the log is read."""
    phone = {"deviceId": "phone", "customerId": "cust-1", "platform": "IOS"}
    seen, registered = event("login.succeeded", **phone), event("device.registered", **phone, name="Phone")
    log = entries(customer(), seen, registered, seen)
    await table.commit_if(Head(), Head(1, "w"), [Decision(1, "frozen_cards", "c", '{"card_id":"c"}', len(log))])
    decisions, projection = of(database, table), SqliteProjection(database)
    await decisions.begin(table)
    for batch, command in ((log[:2], lambda c: remove(c, "phone")), (log[2:], freezing("another"))):
        async for piece in projection.in_turn(batch):
            await projection.apply(piece)
        await decisions.noted(command)
    assert await database.read(lambda c: c.execute("SELECT * FROM devices").fetchall()) == []


async def test_a_log_that_ends_before_a_decision_is_another_one(database: Database, table: MemoryDecisionTable) -> None:
    """It never comes to where the decision was made: once it is quiet, the decision is carried out all the same."""
    await table.commit_if(Head(), Head(1, "w"), [Decision(1, "devices", "stolen", None, 1_000)])
    await of(database, table).begin(table)
    projection = SqliteProjection(database)
    dues = []
    for _ in range(QUIET_MAX):
        dues.append(await database.read(next_due))
        assert [piece async for piece in projection.in_turn([])] == [[]]
    assert set(dues) == {1_000}
    assert await database.read(next_due) is None
