"""Who may call a service, also while its token is rotated."""

import pytest

from contracts.settings import BadSetting
from services.access import Access

OLD, NEW = "o" * 40, "n" * 40


def test_only_the_token_opens_a_guarded_service() -> None:
    """As a bearer, whole; nothing else does."""
    access = Access(OLD)
    shown = (f"Bearer {OLD}", f"Bearer {NEW}", OLD, "Bearer ", "", f"Bearer {OLD}x", "Bearer \u00e4")
    assert [access.allows(header) for header in shown] == [True] + [False] * 6


def test_both_tokens_of_a_rotation_are_accepted() -> None:
    """Callers show the new one from their next start; after the next rotation the old one is worth nothing."""
    access = Access(OLD)
    access.take([OLD, NEW])
    assert access.allows(f"Bearer {OLD}")
    assert access.allows(f"Bearer {NEW}")
    access.take([NEW])
    assert not access.allows(f"Bearer {OLD}")


def test_a_token_that_could_be_guessed_is_not_put_in_force() -> None:
    """What was in force stays."""
    access = Access(OLD)
    with pytest.raises(BadSetting):
        access.take([NEW, "short"])
    assert [access.allows(f"Bearer {token}") for token in (OLD, NEW, "short")] == [True, False, False]
