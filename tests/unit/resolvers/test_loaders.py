"""Loaders: one call a turn, nothing asked for twice, nobody's cancellation is another's."""

import asyncio
from collections.abc import Callable

import pytest

from contracts.accounts import IDS_PER_CALL_MAX
from resolvers.loaders import Loader


def named(keys: list[int]) -> list[str]:
    """Return the values of keys."""
    return [f"v{key}" for key in keys]


class Asked:
    """What a loader asked for."""

    def __init__(self, answer: Callable[[list[int]], list[str]] = named) -> None:
        self.calls: list[list[int]] = []
        self.begun = asyncio.Event()
        self._answer = answer

    async def load(self, keys: list[int]) -> list[str]:
        """Answer after a turn of the loop."""
        self.calls.append(keys)
        self.begun.set()
        await asyncio.sleep(0)
        return self._answer(keys)


async def test_what_is_asked_for_in_one_turn_goes_in_one_call() -> None:
    """Each key once, in the order first asked for."""
    asked = Asked()
    loader = Loader(asked.load)
    assert await loader.load_many([2, 1, 2]) == ["v2", "v1", "v2"]
    assert asked.calls == [[2, 1]]


async def test_what_is_known_is_not_asked_for_again() -> None:
    """A later load is answered at once; a new key makes a call of its own."""
    asked = Asked()
    loader = Loader(asked.load)
    await loader.load(1)
    assert loader.load(1).done()
    assert await loader.load_many([1, 2]) == ["v1", "v2"]
    assert asked.calls == [[1], [2]]


async def test_more_keys_than_a_call_takes_are_asked_for_in_several() -> None:
    """No call is over the bound of the services."""
    asked = Asked()
    keys = list(range(IDS_PER_CALL_MAX + 1))
    assert await Loader(asked.load).load_many(keys) == [f"v{key}" for key in keys]
    assert [len(call) for call in asked.calls] == [IDS_PER_CALL_MAX, 1]


async def test_a_failed_call_fails_all_who_wait_and_who_come_later() -> None:
    """It is not tried again within the request."""

    def fail(_: list[int]) -> list[str]:
        raise ConnectionError

    asked = Asked(fail)
    loader = Loader(asked.load)
    failed = await asyncio.gather(loader.load(1), loader.load(2), return_exceptions=True)
    assert [type(one) for one in failed] == [ConnectionError, ConnectionError]
    with pytest.raises(ConnectionError):
        await loader.load(1)
    assert asked.calls == [[1, 2]]


async def test_an_answer_of_the_wrong_length_is_a_failure() -> None:
    """Nobody is given another's value."""
    with pytest.raises(LookupError, match="2 keys were asked for, 1 answered"):
        await Loader(Asked(lambda _: ["one"]).load).load_many([1, 2])


async def test_a_cancelled_load_leaves_others_their_answer() -> None:
    """Also when both wait for the same key."""
    loader = Loader(Asked().load)
    first, second = asyncio.ensure_future(loader.load(1)), asyncio.ensure_future(loader.load(1))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == "v1"
    assert await loader.load(1) == "v1"


async def test_a_key_asked_for_while_a_call_runs_waits_for_its_own() -> None:
    """A call that has begun takes no more keys."""
    asked = Asked()
    loader = Loader(asked.load)
    first = loader.load(1)
    await asked.begun.wait()
    assert await loader.load(2) == "v2"
    assert await first == "v1"
    assert asked.calls == [[1], [2]]
