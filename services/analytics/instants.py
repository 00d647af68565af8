"""Event time as integers: microseconds and days since 1970-01-01 UTC, from and to RFC 3339. Pure."""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 3_600 * SECOND_US
DAY_US = 24 * HOUR_US

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


def micros_of(text: str) -> int:
    """Return the microseconds of an RFC 3339 time with an offset; digits after the microsecond are cut."""
    since = datetime.fromisoformat(text) - _EPOCH
    return (since.days * 86_400 + since.seconds) * SECOND_US + since.microseconds


def micros_at(moment: datetime) -> int:
    """Return the microseconds of an aware datetime."""
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * SECOND_US + since.microseconds


def moment_of(micros: int) -> datetime:
    """Return microseconds as a datetime in UTC."""
    return _EPOCH + timedelta(microseconds=micros)


def time_text(micros: int) -> str:
    """Write microseconds as RFC 3339 in UTC, with a fraction only where there is one."""
    return moment_of(micros).isoformat().removesuffix("+00:00") + "Z"


def day_of(micros: int) -> int:
    """Return the UTC day an instant lies in."""
    return micros // DAY_US


@lru_cache(4096)
def day_number(text: str) -> int:
    """Return the day of an ISO date."""
    return date.fromisoformat(text).toordinal() - _EPOCH_ORDINAL


def number_of(day: date) -> int:
    """Return the day of a date."""
    return day.toordinal() - _EPOCH_ORDINAL


def date_of(day: int) -> date:
    """Return the date of a day."""
    return date.fromordinal(day + _EPOCH_ORDINAL)


def day_text(day: int) -> str:
    """Write a day as an ISO date."""
    return date_of(day).isoformat()


def has_time_of_day(micros: int) -> bool:
    """Say whether an event knows when in its day it was.

    Files that know days only are replayed at exactly midnight UTC: to a rule about minutes they would all be at once.
    """
    return micros % DAY_US != 0


def utc_now() -> datetime:
    """The wall clock, as every part of the service takes it unless a test hands in another."""
    return datetime.now(UTC)
