"""What the analytics service makes of transactions: spending, cash flow, recurring payments, forecast."""

from contracts import insights as structs
from resolvers import insights as resolvers
from schema.enums import Frequency, RecurringStatus
from schema.money import Money, Period
from schema.references import AccountRef
from schema.scalars import CurrencyCode, Date, Decimal
from schema.transactions import Merchant
from schema.views import field, view


@view(structs.Baseline, description="What is usual, measured so that single outliers do not move it.")
class Baseline:
    median: Decimal = field("Median of earlier periods of the same length, in the report's currency.")
    median_absolute_deviation: Decimal = field("Median distance from that median, in the report's currency.")
    observations: int = field("How many earlier periods it is made of; at least 3.")


@view(structs.SpendingInsight, description="Spending of one group.")
class SpendingInsight:
    key: str = field("The category, merchant, country, day or purpose; empty where a transaction has none.")
    total: Money = field("Debits less refunds; negative when refunds prevail.")
    transaction_count: int = field("Number of transactions, refunds included.")
    previous_total: Money = field("The same over the period of equal length right before.")
    baseline: Baseline | None = field("What is usual; null with fewer than 3 observations.")


@view(structs.SpendingReport, description="Spending over all the customer's accounts in one currency.")
class SpendingReport:
    period: Period = field("The days it covers.", computed=resolvers.period_of)
    currency: CurrencyCode = field("The currency it is in.")
    currencies: list[CurrencyCode] = field("Every currency with spending in the period; each is a report of its own.")
    total: Money = field("Debits less refunds of all groups.")
    previous_total: Money = field("The same over the period of equal length right before.")
    groups: list[SpendingInsight] = field("The groups by descending total.")


@view(structs.CashFlow, description="Booked money in and out of one interval.")
class CashFlow:
    start: Date = field("First day of the interval.")
    inflow: Money = field("Money in; never negative.")
    outflow: Money = field("Money out; never negative.")
    net: Money = field("Inflow less outflow; signed.")


@view(
    structs.RecurringPayment,
    description="Something paid at a steady rhythm: at least 3 payments that fit one frequency.",
)
class RecurringPayment:
    account: AccountRef | None = field(
        "Account it is paid from; null only when it could not be read.", each=resolvers.account
    )
    merchant: Merchant | None = field("The merchant; null where the counterparty is none.", computed=resolvers.merchant)
    counterparty: str = field("Who is paid.")
    frequency: Frequency = field("How often.")
    average_amount: Money = field("Average of all payments.")
    last_amount: Money = field("Amount of the latest payment.")
    last_date: Date = field("Day of the latest payment.")
    next_expected_date: Date = field("Day the next one is expected.")
    status: RecurringStatus = field("Whether it still recurs.")


@view(structs.ForecastPoint, description="One day of a forecast.")
class ForecastPoint:
    date: Date = field("The day.")
    expected: Money = field("Expected booked balance at its end; signed.")
    low: Money = field("What it will hardly fall below; signed.")
    high: Money = field("What it will hardly exceed; signed.")


@view(structs.Forecast, description="Projected booked balance over all the customer's accounts in one currency.")
class Forecast:
    currency: CurrencyCode = field("The currency it is in.")
    points: list[ForecastPoint] = field("Day by day from tomorrow; the span widens.")
    lowest_point: ForecastPoint = field("The day with the lowest expected balance.")
