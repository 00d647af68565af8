"""The signed-in customer: where every query begins."""

from typing import Annotated

import strawberry

from contracts.alerts import AlertPage
from contracts.insights import CashFlow as CashFlowStruct
from contracts.insights import Forecast as ForecastStruct
from contracts.insights import SpendingReport as SpendingReportStruct
from contracts.rules import AlertRulePreview as AlertRulePreviewStruct
from contracts.transactions import TransactionPage
from resolvers import alerts as alert_resolvers
from resolvers import customers as resolvers
from resolvers import insights, rules, transactions
from resolvers.context import Info
from schema.accounts import Account
from schema.alerts import AlertConnection, AlertFilter
from schema.alerts import FilterArgument as AlertFilterArgument
from schema.cards import Card, Device
from schema.costs import DAYS, GROUPS, PAGE, POINTS, PREVIEW, REPORT
from schema.enums import Interval, SpendingGroup
from schema.insights import CashFlow, Forecast, RecurringPayment, SpendingReport
from schema.money import PeriodInput
from schema.nodes import After, First, Node
from schema.preferences import NotificationPreferences
from schema.rule_inputs import AlertRuleInput
from schema.rules import AlertRule, AlertRulePreview
from schema.scalars import CountryCode, CurrencyCode
from schema.transactions import FilterArgument, TransactionConnection, conditions_of
from schema.views import argument, field, node_id, view

PeriodArgument = Annotated[PeriodInput, argument("Which days, at most 3,700.")]
CurrencyArgument = Annotated[CurrencyCode | None, argument("In this currency; null: the one with most transactions.")]


async def _transactions(
    info: Info, filter: FilterArgument = None, first: First = 20, after: After = None
) -> TransactionPage:
    return await transactions.page_of_customer(info, conditions_of(filter), first, after)


async def _alerts(info: Info, filter: AlertFilterArgument = None, first: First = 20, after: After = None) -> AlertPage:
    return await alert_resolvers.page(info, (filter or AlertFilter()).conditions(), first, after)


MAY_BE_STALE = "May be minutes old when the service fails: `extensions.stale` of the answer then names it."


async def _spending(
    info: Info,
    period: PeriodArgument,
    group_by: Annotated[SpendingGroup, argument("What it is grouped by.")] = SpendingGroup.CATEGORY,
    currency: CurrencyArgument = None,
) -> SpendingReportStruct | None:
    return await insights.spending(info, period.start, period.end, group_by, currency)


async def _cash_flow(
    info: Info,
    period: PeriodArgument,
    interval: Annotated[Interval, argument("Length of one step.")] = Interval.MONTH,
    currency: CurrencyArgument = None,
) -> list[CashFlowStruct]:
    return await insights.cash_flow(info, period.start, period.end, interval, currency)


async def _forecast(
    info: Info,
    days: Annotated[int, argument("How many days ahead, 1 to 365.")] = 30,
    currency: CurrencyArgument = None,
) -> ForecastStruct | None:
    return await insights.forecast(info, days, currency)


async def _alert_rule_preview(
    info: Info,
    input: Annotated[AlertRuleInput, argument("The rule to try.")],
    days: Annotated[int, argument("How many days back, 1 to 365.")] = 90,
) -> AlertRulePreviewStruct:
    return await rules.preview(info, input.draft(), days)


@view(resolvers.Viewer, description="The signed-in customer. A null part could not be read; its error says why.")
class Customer(Node):
    node_id: strawberry.ID = node_id("Customer")
    given_name: str | None = field("Given name; null only when it could not be read.", each=resolvers.given_name)
    family_name: str | None = field("Family name; null only when it could not be read.", each=resolvers.family_name)
    locale: str | None = field(
        "Language and region, BCP 47; null only when it could not be read.", each=resolvers.locale
    )
    time_zone: str | None = field("IANA time zone; null only when it could not be read.", each=resolvers.time_zone)
    residency_country: CountryCode | None = field(
        "Country of residence; null only when it could not be read.", each=resolvers.residency_country
    )
    accounts: list[Account] | None = field(
        "Every account the customer holds, in any role; null when they could not be read.", resolver=resolvers.accounts
    )
    cards: list[Card] | None = field(
        "Every card the customer may see; null when they could not be read.", resolver=resolvers.cards
    )
    devices: list[Device] | None = field(
        "Registered devices; null when they could not be read.", resolver=resolvers.devices
    )
    transactions: TransactionConnection | None = field(
        "Transactions of all accounts, newest first; null when they could not be read.",
        resolver=_transactions,
        costs=[PAGE],
    )
    spending: SpendingReport | None = field(
        f"Spending over all accounts; null for one without accounts, or when it could not be read. {MAY_BE_STALE}",
        resolver=_spending,
        costs=[REPORT, GROUPS],
    )
    cash_flow: list[CashFlow] | None = field(
        f"Booked money in and out, oldest first; null when it could not be read. {MAY_BE_STALE}",
        resolver=_cash_flow,
        costs=[REPORT, DAYS],
    )
    recurring_payments: list[RecurringPayment] | None = field(
        f"What is paid at a steady rhythm; null when it could not be read. {MAY_BE_STALE}",
        resolver=insights.recurring_payments,
        costs=[REPORT],
    )
    forecast: Forecast | None = field(
        f"Projected balance; null for a customer without accounts, or when it could not be read. {MAY_BE_STALE}",
        resolver=_forecast,
        costs=[REPORT, POINTS],
    )
    alerts: AlertConnection | None = field(
        "The customer's alerts, newest first; null when they could not be read.",
        resolver=_alerts,
        costs=[PAGE],
    )
    unread_alert_count: int | None = field(
        "How many alerts are unread, NEW or SEEN; null when it could not be read.",
        resolver=alert_resolvers.unread_count,
    )
    alert_rules: list[AlertRule] | None = field(
        "The customer's own rules and the bank's; null when they could not be read.", resolver=rules.of_customer
    )
    alert_rule_preview: AlertRulePreview | None = field(
        "What a rule would have raised on past transactions; stores nothing. Null when it could not be tried.",
        resolver=_alert_rule_preview,
        costs=[PREVIEW],
    )
    notification_preferences: NotificationPreferences | None = field(
        "What reaches the phone and when; null when it could not be read.", resolver=resolvers.preferences
    )
