"""Event times as this service uses them: in one sortable UTC form, and as UTC days. Pure but for `utc_now`."""

from datetime import UTC, datetime


def utc_time(text: str) -> str:
    """Bring an RFC 3339 time to `YYYY-MM-DDTHH:MM:SS.ffffffZ`, which sorts as time does.

    Raises:
        ValueError, OverflowError: it is not a time of the calendar in UTC.
    """
    moment = datetime.fromisoformat(text).astimezone(UTC)
    return f"{moment.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def utc_day(text: str) -> str:
    """Return the UTC day, `YYYY-MM-DD`, of an RFC 3339 time. Raises as `utc_time`."""
    return text[:10] if text.endswith("Z") else utc_time(text)[:10]


def utc_now() -> datetime:
    """The wall clock, as every part of the service takes it unless a test hands in another."""
    return datetime.now(UTC)
