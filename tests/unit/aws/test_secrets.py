"""Which of a secret's two values is used first."""

import pytest

from aws.secrets import EVERY_S, SETTLED_S, fill, filled, in_order
from contracts.settings import Settings


@pytest.mark.parametrize(("age_s", "first"), [(0, "previous"), (EVERY_S, "previous"), (SETTLED_S, "current")])
def test_a_new_value_is_used_once_all_have_read_it(age_s: float, first: str) -> None:
    """Both are in force at any time; all read anew at least every five minutes."""
    values = in_order("current", "previous", age_s)
    assert (values[0], sorted(values)) == (first, ["current", "previous"])


async def test_aws_is_not_asked_where_no_secret_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """One machine needs no region; a process starts with what it was given."""
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    settings = Settings(service_token="s" * 40)
    assert await fill(settings) is settings


def test_a_process_without_secrets_starts_without_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same, before there is a loop."""
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    settings = Settings()
    assert filled(settings) is settings
