"""Loads: told at once, chained without a turn of the loop, failing alone."""

import asyncio

import pytest

from resolvers.loads import All, Load, each, settled


async def test_what_is_made_of_a_value_is_there_with_it() -> None:
    """Also where a load is made of it, and for who comes later."""
    first: Load[str] = Load()
    second: Load[int] = Load()
    made = first.then(str.upper)
    led: Load[int] = first.then(lambda _: second)
    first.settle("a")
    second.settle(2)
    assert (made.result(), led.result(), first.then(len).result()) == ("A", 2, 1)
    assert await led == 2


async def test_what_cannot_be_made_is_the_error_of_what_was_to_be_made() -> None:
    """The load itself, and what else is made of it, have their values."""
    load: Load[str] = Load()
    failing, fine = load.then(int), load.then(len)
    load.settle("a")
    assert fine.result() == 1
    with pytest.raises(ValueError, match="invalid literal"):
        await failing


async def test_an_error_passes_by_what_would_be_made() -> None:
    """It is told of each that was made of it."""
    load: Load[str] = Load()
    made = load.then(len).then(str)
    load.settle(None, ConnectionError())
    with pytest.raises(ConnectionError):
        await made


async def test_several_are_there_in_their_order_or_not_at_all() -> None:
    """The first error is known before the rest is there."""
    loads: list[Load[int]] = [Load() for _ in range(3)]
    several, failing = All(loads[:2]), All(loads)
    loads[2].settle(None, ConnectionError())
    assert failing.done()
    for index in (1, 0):
        loads[index].settle(index)
    assert several.result() == [0, 1]
    assert await All([]) == []


async def test_one_who_stops_waiting_takes_nothing_from_the_others() -> None:
    """A cancelled waiter is passed over."""
    load: Load[int] = Load()
    impatient, patient = (asyncio.ensure_future(load) for _ in range(2))
    await asyncio.sleep(0)
    impatient.cancel()
    await asyncio.sleep(0)
    load.settle(7)
    assert await patient == 7
    assert impatient.cancelled()


async def test_each_key_is_asked_for_once_and_answered_in_its_place() -> None:
    """However often it is there."""
    asked: list[str] = []

    def ask(key: str) -> Load[str]:
        asked.append(key)
        return settled(key.upper())

    loads = each(["a", "b", "a"], ask)
    assert [await load for load in loads] == ["A", "B", "A"]
    assert asked == ["a", "b"]
