"""Quiet hours in the customer's time zone, right on the days the clocks change. Pure.

Quiet hours are the time between two instants: the start of a local day's quiet hours and their end. A local time that
the clocks skip is read with the offset before the change, one they show twice is its first occurrence (RFC 5545,
section 3.3.5), so that quiet hours neither vanish nor begin again within a night.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_DAY = timedelta(days=1)


def quiet_until(start: time, end: time, zone: ZoneInfo, now: datetime) -> datetime | None:
    """Return when the quiet hours that an instant lies in end, in UTC; None outside of them.

    Hours that end when they start are none.
    """
    today = now.astimezone(zone).date()
    for day in (today - _DAY, today):
        begins = _instant(day, start, zone)
        ends = _instant(day if end >= start else day + _DAY, end, zone)
        if begins <= now < ends:
            return ends
    return None


def zone_of(name: str) -> ZoneInfo | None:
    """Return an IANA time zone; None for a name that is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, at, zone).astimezone(UTC)
