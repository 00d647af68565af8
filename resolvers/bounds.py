"""The bounds of what a query may ask for, each refused with a code of its own."""

from datetime import date

import msgspec

from clients.routes import Query
from contracts.failures import BadCursor, Rejected

PAGE_SIZE_MAX = 100
"""Most nodes of one page."""
NODES_MAX = 100
"""Most ids in one `nodes`."""
PERIOD_DAYS_MAX = 3_700
"""Longest period, in days: ten years and a little."""
FORECAST_DAYS_MAX = 365
CURSOR_CHARACTERS_MAX = 512
"""Longest page cursor that is passed on."""


class Period(msgspec.Struct, frozen=True):
    """Days from `start` to `end`, ISO dates, both included."""

    start: str
    end: str


def checked_period(start: str, end: str) -> Period:
    """Return the period.

    Raises:
        Rejected: `BAD_PERIOD`; it ends before it starts or has more than `PERIOD_DAYS_MAX` days.
    """
    days = (date.fromisoformat(end) - date.fromisoformat(start)).days + 1
    if days < 1:
        raise Rejected("The period ends before it starts.", code="BAD_PERIOD", pointer="/period")
    if days > PERIOD_DAYS_MAX:
        raise Rejected(f"A period has at most {PERIOD_DAYS_MAX} days.", code="BAD_PERIOD", pointer="/period")
    return Period(start, end)


def checked_days(days: int, days_max: int) -> int:
    """Return a number of days.

    Raises:
        Rejected: `BAD_DAYS`; not from 1 to `days_max`.
    """
    if not 1 <= days <= days_max:
        raise Rejected(f"Ask for 1 to {days_max} days.", code="BAD_DAYS", pointer="/days")
    return days


def paging(first: int, after: str | None) -> Query:
    """Return page size and cursor as a service takes them.

    Raises:
        Rejected: `BAD_PAGE_SIZE`; `first` is not from 1 to `PAGE_SIZE_MAX`.
        BadCursor: `after` cannot be one.
    """
    if not 1 <= first <= PAGE_SIZE_MAX:
        raise Rejected(f"A page has 1 to {PAGE_SIZE_MAX} nodes.", code="BAD_PAGE_SIZE", pointer="/first")
    if after is None:
        return [("first", str(first))]
    if not after or len(after) > CURSOR_CHARACTERS_MAX:
        raise BadCursor("The cursor cannot be read.", pointer="/after")
    return [("first", str(first)), ("after", after)]
