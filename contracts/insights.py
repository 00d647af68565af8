"""Spending, cash flow, recurring payments and forecast, as the analytics service answers them."""

import msgspec

from contracts.money import Money
from contracts.vocabulary import Frequency


class Baseline(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """Robust centre and spread over earlier periods of the same length; amounts are decimal strings."""

    median: str
    median_absolute_deviation: str
    observations: int


class SpendingInsight(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Spending of one group: debits less refunds, in one currency, signed. No `baseline`: under 3 observations."""

    key: str
    total: Money
    transaction_count: int
    previous_total: Money
    baseline: Baseline | None = None


class SpendingReport(msgspec.Struct, frozen=True, rename="camel"):
    """Spending in `currency` from `start` to `end` (both included), against the period of equal length before it.

    `currencies` lists every currency with spending in the period: none is overlooked. Groups by descending total.
    """

    start: str
    end: str
    currency: str
    currencies: list[str]
    total: Money
    previous_total: Money
    groups: list[SpendingInsight]


class CashFlow(msgspec.Struct, frozen=True, gc=False):
    """Booked money in and out of one interval that starts on `start`; `net` is signed."""

    start: str
    inflow: Money
    outflow: Money
    net: Money


class RecurringPayment(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A merchant or counterparty paid at a steady rhythm: at least 3 payments whose gaps fit one frequency.

    `status` is ACTIVE, or LAPSED when the next one is overdue by more than half a period.
    """

    account_id: str
    counterparty: str
    frequency: Frequency
    average_amount: Money
    last_amount: Money
    last_date: str
    next_expected_date: str
    status: str
    merchant_category_code: str | None = None


class ForecastPoint(msgspec.Struct, frozen=True, gc=False):
    date: str
    expected: Money
    low: Money
    high: Money


class Forecast(msgspec.Struct, frozen=True, rename="camel"):
    """Projected booked balance, in `currency`, day by day; `low`/`high` widen with the spread of past daily flows."""

    currency: str
    points: list[ForecastPoint]
    lowest_point: ForecastPoint


class LateEvent(msgspec.Struct, frozen=True, rename="camel"):
    """An event that came after its window had closed; its aggregates were corrected."""

    offset: int
    event_id: str
    source: str
    account_id: str
    occurred_at: str
    late_by_s: int
