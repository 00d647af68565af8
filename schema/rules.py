"""Alert rules and their conditions, as the app reads them."""

from typing import Annotated, Union

import strawberry

from contracts import rules as structs
from resolvers import rules as resolvers
from schema.enums import AlertKind, AlertSeverity, Comparison, CreditDebitIndicator, RuleState, SpendingCategory
from schema.money import Money, Period
from schema.nodes import Node
from schema.references import AccountRef, AlertRef
from schema.scalars import CountryCode, Decimal
from schema.views import field, node_id, view

_RAISES = "The kind of alert it raises."


@view(structs.AmountCondition, description="A single booking or authorisation above an amount.", exact=True)
class AmountCondition:
    raises: AlertKind = field(_RAISES, resolver=resolvers.raises)
    amount: Money = field("Raised above this amount, in its currency.")
    direction: CreditDebitIndicator | None = field("Only in this direction; null: both.")


@view(structs.BalanceCondition, description="A booking takes the booked balance below a threshold.", exact=True)
class BalanceCondition:
    raises: AlertKind = field(_RAISES, resolver=resolvers.raises)
    threshold: Money = field("Raised when the balance goes from this or more to less; signed.")


@view(structs.AggregateCondition, description="Spending, or the number of payments, within a window.", exact=True)
class AggregateCondition:
    raises: AlertKind = field(_RAISES, resolver=resolvers.raises)
    comparison: Comparison = field("On which side of the threshold it is raised.")
    window_hours: int = field("Length of the window of event time, in hours.")
    total: Money | None = field("Threshold of the sum; null when it counts.")
    count: int | None = field("Threshold of the number of payments; null when it sums.")
    category: SpendingCategory | None = field("Only spending of this category; null: all.")


@view(structs.BaselineCondition, description="A day's spending in a category far above what is usual.", exact=True)
class BaselineCondition:
    raises: AlertKind = field(_RAISES, resolver=resolvers.raises)
    deviations: Decimal = field("How far above the median, in units of 1.4826 times the median absolute deviation.")
    observations_min: int = field("Says nothing before this many earlier days with spending in the category.")
    minimum: Money | None = field("Says nothing about a day's total below this; null: any.")


@view(structs.CountryCondition, description="A card payment outside the home countries.", exact=True)
class CountryCondition:
    raises: AlertKind = field(_RAISES, resolver=resolvers.raises)
    home_countries: list[CountryCode] = field("The home countries; empty: the customer's country of residence.")


@view(structs.DeclineCondition, description="A card payment is declined; the bank's own rules only.", exact=True)
class DeclineCondition:
    raises: AlertKind = field(_RAISES, resolver=resolvers.raises)


@view(structs.FailureCondition, description="A payment or standing order fails; the bank's own rules only.", exact=True)
class FailureCondition:
    raises: AlertKind = field(_RAISES, resolver=resolvers.raises)


@view(structs.NewDeviceCondition, description="A login from a new device; the bank's own rules only.", exact=True)
class NewDeviceCondition:
    raises: AlertKind = field(_RAISES, resolver=resolvers.raises)


AlertCondition = Annotated[
    Union[  # noqa: UP007 - Strawberry reads the union's members from here
        AmountCondition,
        BalanceCondition,
        AggregateCondition,
        BaselineCondition,
        CountryCondition,
        DeclineCondition,
        FailureCondition,
        NewDeviceCondition,
    ],
    strawberry.union("AlertCondition", description="When a rule raises an alert."),
]


@view(structs.AlertRule, description="What raises alerts: one of the bank's own rules, or one the customer has made.")
class AlertRule(Node):
    node_id: strawberry.ID = node_id("AlertRule")
    name: str = field("Its name.")
    version: int = field("Counts up from 1 with each change.")
    state: RuleState = field("Whether it is in force.")
    severity: AlertSeverity = field("Severity of its alerts.")
    condition: AlertCondition = field("When it raises an alert.")
    cooldown_s: int = field(
        "Least time between two alerts of it for one account and customer, in seconds of event time; 0: none.",
        name="cooldown",
    )
    bank_wide: bool = field("Whether it is the bank's own: those cannot be changed.", computed=resolvers.bank_wide)
    accounts: list[AccountRef] | None = field(
        "The customer's accounts it watches; null when they could not be read.", resolver=resolvers.accounts
    )


@view(structs.AlertRulePreview, description="What a rule would have raised; nothing of it is stored.")
class AlertRulePreview:
    alert_count: int = field("Number of alerts, the listed ones and any beyond them.")
    alerts: list[AlertRef] = field("The alerts.", resolver=resolvers.preview_alerts)
    transactions_examined: int = field("Number of transactions it was tried on.")
    period: Period = field("The days it was tried on.", resolver=resolvers.preview_period)
