"""What every keyed state promises, whatever it is kept in; an adapter's tests inherit this suite."""

import asyncio

import pytest

from contracts.failures import Conflict
from services.keyed_state import KeyedState, Versioned


class KeyedStateContract:
    """The suite; a subclass provides the fixture `state`."""

    async def test_what_is_not_there_has_version_zero(self, state: KeyedState) -> None:
        """An unknown key is no error."""
        assert await state.load("a") == Versioned(0, b"")

    async def test_a_commit_is_read_back_with_its_version(self, state: KeyedState) -> None:
        """Versions count up from one; values are any bytes; keys do not meet."""
        versions = [await state.commit_if("a", 0, b"\x00one"), await state.commit_if("a", 1, b"two")]
        assert (versions, await state.load("a"), await state.load("b")) == (
            [1, 2],
            Versioned(2, b"two"),
            Versioned(0, b""),
        )

    @pytest.mark.parametrize("seen", [0, 1, 3])
    async def test_only_who_saw_the_latest_may_commit(self, state: KeyedState, seen: int) -> None:
        """A commit on another version is a conflict and changes nothing."""
        for version in (0, 1):
            await state.commit_if("a", version, b"kept")
        with pytest.raises(Conflict) as refused:
            await state.commit_if("a", seen, b"lost")
        assert (refused.value.reason, await state.load("a")) == ("VERSION_MOVED_ON", Versioned(2, b"kept"))

    async def test_of_commits_at_once_one_holds(self, state: KeyedState) -> None:
        """Exactly one of the writers that saw the same version succeeds."""
        tries = [state.commit_if("a", 0, b"%d" % number) for number in range(8)]
        outcomes = await asyncio.gather(*tries, return_exceptions=True)
        assert sorted(map(str, map(type, outcomes))) == sorted(map(str, [int, *[Conflict] * 7]))
