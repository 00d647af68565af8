"""Whose fault a failed batch is: a store's is waited out, an event's is set aside, bad code ends the consumer."""

import asyncio
import json
import sqlite3
from contextlib import closing

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.events import CloudEvent, LogEntry
from contracts.failures import Unavailable
from services import isolating, set_aside
from services.isolating import SET_ASIDE_MAX, CodeBroken, Isolating
from tests.examples import examples


def entries_to(last: int) -> list[LogEntry]:
    event = CloudEvent("1.0", "e", "urn:test", "belfry.test.v1", "2026-03-01T12:00:00Z", msgspec.Raw(b"{}"))
    return [LogEntry(offset, "2026-03-01T12:00:00Z", event) for offset in range(1, last + 1)]


class Store:
    """A consumer's store: all or nothing, always from where it is, and broken at `poison`."""

    def __init__(self, poison: frozenset[int] = frozenset()) -> None:
        self.poison = poison
        self.applied: list[int] = []
        self.letters: list[int] = []
        self.offset = 0

    async def apply(self, entries: list[LogEntry]) -> int:
        """Apply consecutive entries."""
        offsets = [entry.offset for entry in entries]
        assert offsets[0] == self.offset + 1
        if self.poison & set(offsets):
            raise KeyError(offsets[0])
        self.applied += offsets
        self.offset = offsets[-1]
        return self.offset

    async def set_aside(self, entry: LogEntry, reason: str) -> int:
        """Keep one letter."""
        assert entry.offset == self.offset + 1
        assert reason.startswith("KeyError in services/test_isolating.py:")
        self.letters.append(entry.offset)
        self.offset = entry.offset
        return self.offset


@given(
    cuts=st.lists(st.integers(1, 40), min_size=1, max_size=6), poison=st.frozensets(st.integers(1, 240), max_size=30)
)
@examples(100)
def test_each_event_is_applied_once_or_set_aside_in_order(cuts: list[int], poison: frozenset[int]) -> None:
    """However the log is cut into batches, wherever the bad ones are: none lost, none twice, none skipped with them."""

    async def consume() -> Store:
        store, log = Store(poison), entries_to(sum(cuts))
        isolated = Isolating(store.apply, store.set_aside)
        for cut in cuts:
            batch, log = log[:cut], log[cut:]
            assert (await isolated.apply(batch))[-1] == batch[-1].offset
        return store

    store = asyncio.run(consume())
    everything = range(1, sum(cuts) + 1)
    assert store.applied == [offset for offset in everything if offset not in poison]
    assert store.letters == [offset for offset in everything if offset in poison]


async def test_a_broken_deployment_does_not_set_the_whole_log_aside() -> None:
    """After a hundred in a row the consumer ends; what follows stays in the log and is not touched."""
    store = Store(frozenset(range(1, 1001)))
    with pytest.raises(CodeBroken):
        await Isolating(store.apply, store.set_aside).apply(entries_to(1000))
    assert (store.letters, store.applied) == (list(range(1, SET_ASIDE_MAX + 1)), [])


async def test_a_store_that_is_away_is_waited_out_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is set aside for a full disk; past a bound the consumer says that it is not healthy, then that it is."""
    monkeypatch.setattr(isolating, "BACKOFF_S_MIN", 0.0)
    monkeypatch.setattr(isolating, "HEALTHY_WITHIN_S", 0.0)
    store, told = Store(), []
    failures = [Unavailable("full", code="STORAGE_FULL") for _ in range(3)]

    async def apply(entries: list[LogEntry]) -> int:
        told.append(isolated.healthy)
        if failures:
            raise failures.pop()
        return await store.apply(entries)

    isolated = Isolating(apply, store.set_aside)
    await isolated.apply(entries_to(3))
    assert (store.applied, store.letters) == ([1, 2, 3], [])
    assert (told, isolated.healthy) == ([True, False, False, False], True)


def test_a_reason_names_the_place_and_quotes_nothing() -> None:
    """The text of an error may hold an account number: only its kind and place are kept."""
    error = json.JSONDecodeError("DE89370400440532013000", "", 0)
    assert isolating.reason_of(error) == "JSONDecodeError"


def test_the_newest_dead_letters_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many events a consumer's code fails at over the years."""
    monkeypatch.setattr(set_aside, "LETTERS_MAX", 3)
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(set_aside.SCHEMA)
        for entry in entries_to(5):
            set_aside.keep_letter(connection, entry, "KeyError")
        kept = set_aside.letters_after(connection, 0, 10).items
    assert [letter.id for letter in kept] == [3, 4, 5]
