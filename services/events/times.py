"""Event times in one sortable form: `YYYY-MM-DDTHH:MM:SS.ffffffZ`, always UTC, always 27 characters. Pure."""

from datetime import UTC, date, datetime
from functools import lru_cache

CANONICAL_LENGTH = 27


@lru_cache(16_384)
def canonical_time(text: str) -> str:
    """Bring an RFC 3339 time to the sortable form; digits after the microsecond are cut.

    Raises:
        ValueError: the text is not a time of the calendar.
        OverflowError: its offset moves it out of the years 1 to 9999.
    """
    moment = datetime.fromisoformat(text)
    if text[-1] != "Z":
        return _written(moment.astimezone(UTC))
    if len(text) == CANONICAL_LENGTH:
        return text
    if text[19] == "Z":
        return f"{text[:19]}.000000Z"
    return f"{text[:-1]:0<26}"[:26] + "Z"


def canonical_moment(moment: datetime) -> str:
    """Write an aware datetime in the sortable form."""
    return _written(moment.astimezone(UTC))


def _written(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")[:26] + "Z"


@lru_cache(4096)
def is_date(text: str) -> bool:
    """Say whether a `YYYY-MM-DD` text is a day of the calendar."""
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def utc_now() -> datetime:
    """The wall clock, as every part of the service takes it unless a test hands in another."""
    return datetime.now(UTC)
