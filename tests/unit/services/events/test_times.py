"""Times in their sortable form."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.events.times import canonical_moment, canonical_time, is_date
from tests.examples import examples


@pytest.mark.parametrize(
    ("text", "sortable"),
    [
        ("2026-02-03T10:00:00Z", "2026-02-03T10:00:00.000000Z"),
        ("2026-02-03T10:00:00.1Z", "2026-02-03T10:00:00.100000Z"),
        ("2026-02-03T10:00:00.123456789Z", "2026-02-03T10:00:00.123456Z"),
        ("2026-02-03T10:00:00+02:00", "2026-02-03T08:00:00.000000Z"),
        ("2026-02-03T00:30:00.5+01:00", "2026-02-02T23:30:00.500000Z"),
    ],
)
def test_a_time_becomes_sortable(text: str, sortable: str) -> None:
    """Every offset and every number of decimals ends in one form."""
    assert canonical_time(text) == sortable


offsets = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(datetime(1970, 1, 2), datetime(9999, 1, 1), timezones=offsets)  # noqa: DTZ001 - naive bounds


@examples(60)
@given(moments, moments)
def test_sortable_times_sort_as_the_moments_do(one: datetime, other: datetime) -> None:
    """Comparing the texts is comparing the moments."""
    texts = canonical_time(one.isoformat()), canonical_time(other.isoformat())
    assert (texts[0] < texts[1]) == (one < other)
    assert texts[0] == canonical_moment(one.astimezone(UTC))


def test_a_day_that_does_not_exist_is_no_date() -> None:
    """The calendar decides."""
    assert (is_date("2026-02-28"), is_date("2026-02-29")) == (True, False)
