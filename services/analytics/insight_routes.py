"""The HTTP interface of insights: spending, cash flow, recurring payments and forecast. See docs/architecture.md."""

import sqlite3
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Annotated

import msgspec
from litestar import get
from litestar.handlers import BaseRouteHandler
from litestar.params import FromQuery, QueryParameter

from contracts.failures import Rejected
from contracts.insights import CashFlow, Forecast, RecurringPayment, SpendingReport
from contracts.money import exponent_of
from contracts.transactions import ACCOUNTS_PER_CALL_MAX
from contracts.vocabulary import Interval, SpendingGroup
from services.analytics import forecast as forecasting
from services.analytics.cash_flow import booked_days, cash_flow, days_between
from services.analytics.consumer import ReadFacts
from services.analytics.instants import number_of
from services.analytics.recurring import Stream, read_streams, recurring_payments
from services.analytics.spending import spending_report
from services.analytics.states import AccountState

PERIOD_DAYS_MAX = 3_700
"""Longest period of a report, both ends included."""
STEPS_MAX = 60
"""Most future payments of one rhythm in a forecast: a weekly one over a year and a little."""

AccountIds = Annotated[list[str], QueryParameter(name="accountId", min_items=1, max_items=ACCOUNTS_PER_CALL_MAX)]
From = Annotated[date, QueryParameter(name="from")]
To = Annotated[date, QueryParameter(name="to")]
Currency = Annotated[str | None, QueryParameter(name="currency")]

_states = msgspec.msgpack.Decoder(AccountState)


def insight_routes(read_facts: ReadFacts, clock: Callable[[], datetime]) -> list[BaseRouteHandler]:
    """Return the handlers of insights; `clock` says what today is."""

    @get("/spending", summary="Spending over a period by group, with the period before it and a baseline")
    async def read_spending(
        account_ids: AccountIds,
        start: From,
        end: To,
        group_by: Annotated[SpendingGroup, QueryParameter(name="groupBy")] = SpendingGroup.CATEGORY,
        currency: Currency = None,
    ) -> SpendingReport:
        days, chosen = _period(start, end), _checked(currency)
        return await read_facts(lambda at: spending_report(at, account_ids, days, group_by, chosen))

    @get("/cash-flow", summary="Booked money in and out by interval")
    async def read_cash_flow(
        account_ids: AccountIds,
        start: From,
        end: To,
        interval: FromQuery[Interval] = Interval.MONTH,
        currency: Currency = None,
    ) -> list[CashFlow]:
        days, chosen = _period(start, end), _checked(currency)
        return await read_facts(lambda at: cash_flow(at, account_ids, days, interval, chosen))

    @get("/recurring-payments", summary="What is paid at a steady rhythm, the next one due first")
    async def read_recurring(account_ids: AccountIds) -> list[RecurringPayment]:
        today = clock().date()
        return recurring_payments(await read_facts(lambda at: read_streams(at, account_ids, today)), today)

    @get("/forecast", summary="The projected balance over the accounts, day by day")
    async def read_forecast(
        account_ids: AccountIds,
        days: Annotated[int, QueryParameter(ge=1, le=forecasting.DAYS_MAX)] = 30,
        currency: Currency = None,
    ) -> Forecast:
        today, chosen = clock().date(), _checked(currency)
        return await read_facts(lambda at: forecast_of(at, account_ids, today, days, chosen))

    return [read_spending, read_cash_flow, read_recurring, read_forecast]


def forecast_of(
    connection: sqlite3.Connection, account_ids: Sequence[str], today: date, days: int, currency: str | None
) -> Forecast:
    """Put the forecast together: present balances, rhythms due, and past flows without those rhythms."""
    past = days_between(today - timedelta(days=forecasting.HISTORY_DAYS), today - timedelta(days=1))
    booked = booked_days(connection, account_ids, past, currency)
    chosen = currency or booked.currency
    streams = [one for one in read_streams(connection, account_ids, today) if one.currency == chosen]
    flows = dict.fromkeys(past, 0)
    for day, money_in, money_out in booked.rows:
        flows[day] += money_in - money_out
    for stream in streams:
        for day, minor in zip(stream.days, stream.minors, strict=True):
            if day in flows:
                flows[day] -= minor
    last = number_of(today)
    scheduled = _scheduled(streams, last, last + days)
    balance = _balance(connection, account_ids, chosen)
    return forecasting.forecast(balance, list(flows.values()), scheduled, last, days, chosen)


def _scheduled(streams: Sequence[Stream], after: int, until: int) -> dict[int, int]:
    due: dict[int, int] = {}
    for stream in streams:
        usual = sum(stream.minors) // len(stream.minors)
        for day in stream.due(STEPS_MAX):
            if after < day <= until:
                due[day] = due.get(day, 0) + usual
    return due


def _balance(connection: sqlite3.Connection, account_ids: Sequence[str], currency: str) -> int:
    accounts = msgspec.json.encode(list(account_ids))
    query = "SELECT value FROM account_states WHERE key IN (SELECT value FROM json_each(?))"
    states = (_states.decode(row[0]) for row in connection.execute(query, (accounts,)))
    return sum(state.balance or 0 for state in states if state.currency == currency)


def _period(start: date, end: date) -> range:
    days = days_between(start, end)
    if not 0 < len(days) <= PERIOD_DAYS_MAX:
        raise Rejected(f"A period has 1 to {PERIOD_DAYS_MAX} days.", code="BAD_PERIOD", pointer="/to")
    return days


def _checked(currency: str | None) -> str | None:
    if currency is not None:
        exponent_of(currency)
    return currency
