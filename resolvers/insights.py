"""Spending, cash flow, recurring payments and forecast over all the caller's accounts."""

from clients.deadline import Errand
from clients.routes import Query
from contracts.accounts import Account
from contracts.categories import category_of_code
from contracts.insights import CashFlow, Forecast, RecurringPayment, SpendingReport
from contracts.money import exponent_of
from contracts.transactions import TransactionMerchant
from contracts.vocabulary import Interval, SpendingGroup
from resolvers.accounts import required_accounts
from resolvers.bounds import FORECAST_DAYS_MAX, Period, checked_days, checked_period
from resolvers.context import Info, RequestContext
from resolvers.loads import Load


async def spending(
    info: Info, start: str, end: str, group_by: SpendingGroup, currency: str | None
) -> SpendingReport | None:
    """Return the report of a period; None for a caller without accounts."""
    period = checked_period(start, end)
    account_ids = await info.context.access.account_ids()
    if not account_ids:
        return None
    query = [*_dates(period), ("groupBy", group_by.value), *_in(currency)]
    return await info.context.backends.analytics.spending(account_ids, query, _errand(info))


async def cash_flow(info: Info, start: str, end: str, interval: Interval, currency: str | None) -> list[CashFlow]:
    """Return booked money in and out of each interval of a period, oldest first."""
    period = checked_period(start, end)
    account_ids = await info.context.access.account_ids()
    if not account_ids:
        return []
    query = [*_dates(period), ("interval", interval.value), *_in(currency)]
    return await info.context.backends.analytics.cash_flow(account_ids, query, _errand(info))


async def recurring_payments(info: Info) -> list[RecurringPayment]:
    """Return what the caller pays at a steady rhythm."""
    account_ids = await info.context.access.account_ids()
    if not account_ids:
        return []
    return await info.context.backends.analytics.recurring_payments(account_ids, _errand(info))


async def forecast(info: Info, days: int, currency: str | None) -> Forecast | None:
    """Return the projected balance of the next days; None for a caller without accounts."""
    query = [("days", str(checked_days(days, FORECAST_DAYS_MAX))), *_in(currency)]
    account_ids = await info.context.access.account_ids()
    if not account_ids:
        return None
    return await info.context.backends.analytics.forecast(account_ids, query, _errand(info))


def period_of(root: SpendingReport) -> Period:
    """Return the days the report covers."""
    return Period(root.start, root.end)


def account(roots: list[RecurringPayment], context: RequestContext) -> list[Load[Account]]:
    """Load the account it is paid from."""
    return required_accounts([root.account_id for root in roots], context)


def merchant(root: RecurringPayment) -> TransactionMerchant | None:
    """Return the counterparty as a merchant; None where it is none (rent, an insurance)."""
    code = root.merchant_category_code
    return None if code is None else TransactionMerchant(root.counterparty, category_of_code(code), code)


def _errand(info: Info) -> Errand:
    """Return the errand as of this field: an insight kept from earlier is noted under its path."""
    return info.context.deadline.at(info.path.as_list())


def _dates(period: Period) -> Query:
    return [("from", period.start), ("to", period.end)]


def _in(currency: str | None) -> Query:
    if currency is None:
        return []
    exponent_of(currency)
    return [("currency", currency)]
