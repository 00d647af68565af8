"""Which of a secret's two values is used first."""

import pytest

from aws.secrets import EVERY_S, SETTLED_S, in_order


@pytest.mark.parametrize(("age_s", "first"), [(0, "previous"), (EVERY_S, "previous"), (SETTLED_S, "current")])
def test_a_new_value_is_used_once_all_have_read_it(age_s: float, first: str) -> None:
    """Both are in force at any time; all read anew at least every five minutes."""
    values = in_order("current", "previous", age_s)
    assert (values[0], sorted(values)) == (first, ["current", "previous"])
