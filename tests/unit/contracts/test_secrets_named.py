"""Settings that name a secret instead of holding it."""

import pytest

from contracts.settings import BadSetting, read_settings

SECRET = "s" * 40


@pytest.mark.parametrize("name", ["BELFRY_SERVICE_TOKEN", "BELFRY_CURSOR_KEYS"])
def test_a_secret_is_held_or_named_not_both(name: str) -> None:
    """Which of the two counts would be a guess."""
    with pytest.raises(BadSetting, match=f"{name}_SECRET"):
        read_settings({name: SECRET, f"{name}_SECRET": "belfry/secret"})


def test_a_service_for_the_network_may_name_its_token() -> None:
    """It needs one, wherever that is kept."""
    assert read_settings({"BELFRY_HOST": "10.0.0.1", "BELFRY_SERVICE_TOKEN_SECRET": "belfry/token"}).service_token == ""
    with pytest.raises(BadSetting):
        read_settings({"BELFRY_HOST": "10.0.0.1"})
