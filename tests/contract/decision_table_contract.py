"""What every decision table promises, whatever it is kept in; an adapter's tests inherit this suite."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import pytest

from contracts.failures import Conflict
from services.decision_table import DECISIONS_AT_ONCE_MAX, Decision, DecisionTable, Head


class MemoryDecisionTable:
    """`DecisionTable` in memory, for tests that kill what uses it; it passes the suite."""

    def __init__(self) -> None:
        self.newest = Head()
        self.rows: dict[tuple[str, str], Decision] = {}

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator["MemoryDecisionTable"]:
        yield self

    async def head(self) -> Head:
        return self.newest

    async def read_after(self, version: int) -> list[Decision]:
        return sorted(one for one in self.rows.values() if one.version > version)

    async def commit_if(self, seen: Head, head: Head, decisions: Sequence[Decision] = ()) -> None:
        if self.newest not in (seen, head):
            raise Conflict("Another process decides now.", code="VERSION_MOVED_ON")
        self.newest = head
        self.rows |= {(one.name, one.key): one for one in decisions}


def put(version: int, key: str, row: str | None = "{}") -> Decision:
    return Decision(version, "cards", key, row, 7, expires=row is None)


class DecisionTableContract:
    """The suite; a subclass provides the fixture `table`."""

    async def test_an_empty_table_has_no_head(self, table: DecisionTable) -> None:
        """Version 0, nobody's, and nothing to read."""
        assert (await table.head(), await table.read_after(0)) == (Head(), [])

    async def test_decisions_are_read_back_by_version(self, table: DecisionTable) -> None:
        """The latest on each row, removals too, those after a version alone; text of any kind comes back as it was."""
        first, second = Head(2, "w"), Head(5, "w")
        moved = [put(3, "b d"), put(4, "c", None), put(5, "a", '{"name": "Žofie – 手机"}')]
        await table.commit_if(Head(), first, [put(1, "a"), put(2, "b d")])
        await table.commit_if(first, second, moved)
        assert await table.head() == second
        assert (await table.read_after(0), await table.read_after(3)) == (moved, moved[1:])

    async def test_a_transaction_takes_as_many_as_it_says(self, table: DecisionTable) -> None:
        """The bound is one that goes."""
        decisions = [put(number, f"card-{number}") for number in range(1, DECISIONS_AT_ONCE_MAX + 1)]
        await table.commit_if(Head(), Head(DECISIONS_AT_ONCE_MAX, "w"), decisions)
        assert await table.read_after(0) == decisions

    async def test_only_who_saw_the_head_may_move_it(self, table: DecisionTable) -> None:
        """A writer that is behind is told, and nothing of its commit is there."""
        await table.commit_if(Head(), Head(1, "w"), [put(1, "a")])
        await table.commit_if(Head(1, "w"), Head(1, "x"))
        for seen in (Head(), Head(1, "w"), Head(0, "x")):
            with pytest.raises(Conflict) as refused:
                await table.commit_if(seen, Head(2, "w"), [put(2, "a", None), put(2, "b")])
            assert refused.value.reason == "VERSION_MOVED_ON"
        assert (await table.head(), await table.read_after(0)) == (Head(1, "x"), [put(1, "a")])

    async def test_a_commit_made_again_is_the_same_commit(self, table: DecisionTable) -> None:
        """A writer that did not hear the answer commits again: no error, nothing twice."""
        for _ in range(2):
            await table.commit_if(Head(), Head(1, "w"), [put(1, "a")])
        assert (await table.head(), await table.read_after(0)) == (Head(1, "w"), [put(1, "a")])

    async def test_of_writers_at_once_one_wins(self, table: DecisionTable) -> None:
        """Who saw the same head: exactly one commits, and what it put is there whole."""
        tries = [
            table.commit_if(Head(), Head(2, f"w{number}"), [put(1, f"a{number}"), put(2, f"b{number}")])
            for number in range(6)
        ]
        outcomes = await asyncio.gather(*tries, return_exceptions=True)
        (winner,) = [number for number, outcome in enumerate(outcomes) if outcome is None]
        assert await table.head() == Head(2, f"w{winner}")
        assert [one.key for one in await table.read_after(0)] == [f"a{winner}", f"b{winner}"]
