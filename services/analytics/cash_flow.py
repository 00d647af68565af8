"""Booked money in and out, interval by interval. Reads only."""

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import msgspec

from contracts.insights import CashFlow
from contracts.money import money_of
from contracts.vocabulary import Interval
from services.analytics.instants import date_of, number_of
from services.analytics.spending import ACCOUNTS, CURRENCY_UNKNOWN


def cash_flow(
    connection: sqlite3.Connection,
    account_ids: Sequence[str],
    days: range,
    interval: Interval,
    currency: str | None,
) -> list[CashFlow]:
    """Return every interval that begins in or reaches into `days`, empty ones too; only the days asked for count.

    Without a currency it is the one with most bookings in the period.
    """
    nets = booked_days(connection, account_ids, days, currency)
    chosen = currency or nets.currency
    starts = list(_starts(date_of(days.start), date_of(days[-1]), interval))
    inflow = dict.fromkeys(starts, 0)
    outflow = dict.fromkeys(starts, 0)
    for day, money_in, money_out in nets.rows:
        start = start_of(date_of(day), interval)
        inflow[start] += money_in
        outflow[start] += money_out
    return [
        CashFlow(
            start.isoformat(),
            money_of(inflow[start], chosen),
            money_of(outflow[start], chosen),
            money_of(inflow[start] - outflow[start], chosen),
        )
        for start in starts
    ]


_STEP_DAYS = {Interval.DAY: 1, Interval.WEEK: 7, Interval.MONTH: 31}
"""Days from the start of an interval to some day of the next one."""


class BookedDays(msgspec.Struct, frozen=True):
    """Money in and out, both positive minor units of one currency, by day: (day, in, out)."""

    currency: str
    rows: list[tuple[int, int, int]]


def booked_days(
    connection: sqlite3.Connection, account_ids: Sequence[str], days: range, currency: str | None
) -> BookedDays:
    """Sum bookings by the day they were booked on, in one currency."""
    query = f"""SELECT currency, booked_on, sum(max(minor, 0)), sum(max(-minor, 0)), count(*) FROM facts
        WHERE {ACCOUNTS} AND booked_on BETWEEN ? AND ? AND status = 'BOOK'
        GROUP BY 1, 2 ORDER BY 2"""  # noqa: S608 - conditions of ours
    accounts = msgspec.json.encode(list(account_ids))
    rows = connection.execute(query, (accounts, days.start, days[-1])).fetchall()
    counts: dict[str, int] = {}
    for found, _, _, _, count in rows:
        counts[found] = counts.get(found, 0) + count
    chosen = currency or max(counts, key=lambda code: (counts[code], code), default=CURRENCY_UNKNOWN)
    return BookedDays(chosen, [(day, money_in, out) for code, day, money_in, out, _ in rows if code == chosen])


def start_of(day: date, interval: Interval) -> date:
    """Return the first day of the interval a day lies in; weeks begin on Monday."""
    if interval is Interval.MONTH:
        return day.replace(day=1)
    return day - timedelta(days=day.weekday()) if interval is Interval.WEEK else day


def _starts(first: date, last: date, interval: Interval) -> Iterator[date]:
    start, step = start_of(first, interval), timedelta(days=_STEP_DAYS[interval])
    while start <= last:
        yield start
        if date.max - start < step:
            return  # the calendar ends within this interval
        start = start_of(start + step, interval)


def days_between(start: date, end: date) -> range:
    """Return the day numbers of a period, both ends included."""
    return range(number_of(start), number_of(end) + 1)
