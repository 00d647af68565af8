"""Quiet hours are the night of the customer, on the days the clocks change too."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from services.analytics.instants import micros_of, moment_of
from services.analytics.quiet_hours import quiet_until, zone_of
from tests.cases import each
from tests.examples import examples

BERLIN, KOLKATA, LORD_HOWE = (ZoneInfo(name) for name in ("Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe"))
NIGHT = (time(22), time(7))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@each(
    ("hours", "zone", "now", "until"),
    [
        (NIGHT, BERLIN, "2026-01-10T20:59:59", None),
        (NIGHT, BERLIN, "2026-01-10T21:00:00", "2026-01-11T06:00:00"),
        (NIGHT, BERLIN, "2026-01-11T05:59:59", "2026-01-11T06:00:00"),
        (NIGHT, BERLIN, "2026-01-11T06:00:00", None),
        (NIGHT, KOLKATA, "2026-01-10T16:30:00", "2026-01-11T01:30:00"),
        ((time(13), time(14)), BERLIN, "2026-07-10T11:30:00", "2026-07-10T12:00:00"),
        # The night the clocks go forward is an hour shorter, the one they go back an hour longer.
        (NIGHT, BERLIN, "2026-03-28T21:00:00", "2026-03-29T05:00:00"),
        (NIGHT, BERLIN, "2026-10-24T20:00:00", "2026-10-25T06:00:00"),
        # 02:30 does not exist on this night: it is read with the offset before the change, 01:30 UTC.
        ((time(1), time(2, 30)), BERLIN, "2026-03-29T01:15:00", "2026-03-29T01:30:00"),
        ((time(1), time(2, 30)), BERLIN, "2026-03-29T01:30:00", None),
        # 02:30 happens twice on this one: the first ends the quiet hours, the second begins none.
        ((time(1), time(2, 30)), BERLIN, "2026-10-25T00:29:00", "2026-10-25T00:30:00"),
        ((time(1), time(2, 30)), BERLIN, "2026-10-25T01:15:00", None),
        # A change of half an hour.
        (NIGHT, LORD_HOWE, "2026-04-04T11:00:00", "2026-04-04T20:30:00"),
        # Hours that end when they start are none.
        ((time(9), time(9)), BERLIN, "2026-01-10T08:00:00", None),
    ],
)
def test_quiet_hours_are_between_two_instants(
    hours: tuple[time, time], zone: ZoneInfo, now: str, until: str | None
) -> None:
    """Each end is where the customer's clock shows it."""
    assert quiet_until(*hours, zone, utc(now)) == (None if until is None else utc(until))


@examples(50)
@given(
    st.times(),
    st.times(),
    st.sampled_from([BERLIN, KOLKATA, LORD_HOWE, ZoneInfo("America/St_Johns"), ZoneInfo("Pacific/Apia")]),
    st.integers(micros_of("2011-12-25T00:00:00Z"), micros_of("2030-01-01T00:00:00Z")),
)
def test_quiet_hours_end_within_a_day_and_a_bit(start: time, end: time, zone: ZoneInfo, now_us: int) -> None:
    """What waits for the end is not quiet then, waits a day and an hour at most, and was quiet all the while."""
    now = moment_of(now_us)
    until = quiet_until(start, end, zone, now)
    if until is None:
        return
    assert now < until <= now + timedelta(hours=25)
    assert quiet_until(start, end, zone, until - timedelta(microseconds=1)) == until
    assert quiet_until(start, end, zone, now + (until - now) / 2) == until


def test_a_name_that_is_no_time_zone_is_none() -> None:
    """Neither an unknown name nor a path is one."""
    assert [zone_of(name) for name in ("Europe/Nowhere", "../etc/passwd", "", "/etc/localtime", "Ünknown")] == [
        None
    ] * 5
