"""Payments that come at a steady rhythm: at least three to one party whose gaps fit one frequency. Pure but for `read`.

A rhythm is told from the median gap; it holds when four in five of the gaps fit it. Amounts may vary: their spread is
not part of the rule, so that a phone bill is found and a supermarket, visited at any gap, is not.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise
from statistics import median_low

import msgspec

from contracts.insights import RecurringPayment
from contracts.money import money_of
from contracts.vocabulary import Frequency
from services.analytics.instants import date_of, number_of
from services.analytics.spending import ACCOUNTS

OCCURRENCES_MIN = 3
OCCURRENCES_MAX = 24
"""Latest payments that are looked at."""
LOOKBACK_DAYS = 800
"""How far back payments are read: two years and the time a yearly one may be late."""
FITTING_SHARE = 0.8

GAPS: dict[Frequency, tuple[int, int]] = {
    Frequency.WEEKLY: (6, 8),
    Frequency.FORTNIGHTLY: (12, 16),
    Frequency.MONTHLY: (26, 35),
    Frequency.QUARTERLY: (83, 99),
    Frequency.YEARLY: (350, 380),
}
"""Days between two payments of each frequency, both ends included."""
_MONTHS = {Frequency.MONTHLY: 1, Frequency.QUARTERLY: 3, Frequency.YEARLY: 12}
_DAYS = {Frequency.WEEKLY: 7, Frequency.FORTNIGHTLY: 14}


class Stream(msgspec.Struct, frozen=True):
    """A rhythm of payments: days in order, signed amounts in minor units (credits positive) beside them."""

    account_id: str
    party: str
    currency: str
    merchant_code: str | None
    frequency: Frequency
    days: list[int]
    minors: list[int]

    def due(self, count: int) -> list[int]:
        """Return the next `count` expected days."""
        last = date_of(self.days[-1])
        return [number_of(next_date(last, self.frequency, step)) for step in range(1, count + 1)]


def read_streams(connection: sqlite3.Connection, account_ids: Sequence[str], today: date) -> list[Stream]:
    """Find the rhythms of accounts, debits and credits alike, in what was booked or is pending."""
    query = f"""SELECT account_id, party, currency, minor < 0, day, minor, merchant_code FROM facts
        WHERE {ACCOUNTS} AND day BETWEEN ? AND ? AND status <> 'RJCT' AND party <> ''
        ORDER BY day, transaction_id"""  # noqa: S608 - conditions of ours
    last = number_of(today)
    accounts = msgspec.json.encode(list(account_ids))
    groups: dict[tuple[str, str, str, bool], list[tuple[int, int, str | None]]] = defaultdict(list)
    for account, party, currency, debit, day, minor, code in connection.execute(
        query, (accounts, last - LOOKBACK_DAYS, last)
    ):
        groups[account, party, currency, bool(debit)].append((day, minor, code))
    streams: list[Stream] = []
    for (account, party, currency, _), rows in groups.items():
        recent = rows[-OCCURRENCES_MAX:]
        days = [day for day, _, _ in recent]
        frequency = frequency_of(days)
        if frequency is not None:
            minors = [minor for _, minor, _ in recent]
            streams.append(Stream(account, party, currency, recent[-1][2], frequency, days, minors))
    return streams


def frequency_of(days: Sequence[int]) -> Frequency | None:
    """Return the rhythm of payments on these days, in order; None for fewer than three or without one."""
    if len(days) < OCCURRENCES_MIN:
        return None
    gaps = [later - earlier for earlier, later in pairwise(days)]
    usual = median_low(gaps)
    for frequency, (least, most) in GAPS.items():
        if least <= usual <= most:
            fitting = sum(least <= gap <= most for gap in gaps)
            return frequency if fitting >= FITTING_SHARE * len(gaps) else None
    return None


def next_date(last: date, frequency: Frequency, steps: int = 1) -> date:
    """Return the date `steps` periods after `last`; the 31st becomes the last day of shorter months."""
    months = _MONTHS.get(frequency)
    if months is None:
        return last + timedelta(days=_DAYS[frequency] * steps)
    ordinal = last.year * 12 + last.month - 1 + months * steps
    first = date(ordinal // 12, ordinal % 12 + 1, 1)
    days_in_month = ((first + timedelta(days=31)).replace(day=1) - first).days
    return first.replace(day=min(last.day, days_in_month))


def recurring_payments(streams: Sequence[Stream], today: date) -> list[RecurringPayment]:
    """Describe the rhythms that cost money, the next one due first."""
    found = [_described(stream, today) for stream in streams if stream.minors[-1] < 0]
    return sorted(found, key=lambda payment: (payment.next_expected_date, payment.counterparty))


def _described(stream: Stream, today: date) -> RecurringPayment:
    expected = next_date(date_of(stream.days[-1]), stream.frequency)
    grace = timedelta(days=(GAPS[stream.frequency][1] + 1) // 2)
    return RecurringPayment(
        stream.account_id,
        stream.party,
        stream.frequency,
        money_of(-sum(stream.minors) // len(stream.minors), stream.currency),
        money_of(-stream.minors[-1], stream.currency),
        date_of(stream.days[-1]).isoformat(),
        expected.isoformat(),
        "LAPSED" if today > expected + grace else "ACTIVE",
        stream.merchant_code,
    )
