"""Alert rules as the app writes them."""

import strawberry

from contracts import rules as structs
from contracts.failures import Rejected
from resolvers.rules import RuleDraft
from schema.enums import AlertSeverity, Comparison, CreditDebitIndicator, RuleState, SpendingCategory
from schema.money import MoneyInput
from schema.scalars import CountryCode, Decimal

_POINTER = "/condition"


@strawberry.input(description="A single booking or authorisation above an amount.")
class AmountConditionInput:
    amount: MoneyInput = strawberry.field(description="Raised above this amount, in its currency.")
    direction: CreditDebitIndicator | None = strawberry.field(
        default=None, description="Only in this direction; null: both."
    )

    def condition(self) -> structs.AnyCondition:
        """Return it as a struct."""
        amount = self.amount.money(f"{_POINTER}/amount/amount")
        return structs.AmountCondition(amount=amount, direction=self.direction and self.direction.value)


@strawberry.input(description="A booking takes the booked balance below a threshold.")
class BalanceConditionInput:
    threshold: MoneyInput = strawberry.field(description="The balance goes from this or more to less; signed.")

    def condition(self) -> structs.AnyCondition:
        """Return it as a struct."""
        return structs.BalanceCondition(threshold=self.threshold.money(f"{_POINTER}/balance/threshold", signed=True))


@strawberry.input(
    description="Spending, or the number of payments, within a window; give `total` or `count`, not both."
)
class AggregateConditionInput:
    comparison: Comparison = strawberry.field(description="On which side of the threshold it is raised.")
    window_hours: int = strawberry.field(description="Length of the window of event time, in hours.")
    total: MoneyInput | None = strawberry.field(default=None, description="Threshold of the sum; null: it counts.")
    count: int | None = strawberry.field(default=None, description="Threshold of the number; null: it sums.")
    category: SpendingCategory | None = strawberry.field(default=None, description="Only this category; null: all.")

    def condition(self) -> structs.AnyCondition:
        """Return it as a struct."""
        if (self.total is None) == (self.count is None):
            raise Rejected("Give either a total or a count.", code="BAD_CONDITION", pointer=f"{_POINTER}/aggregate")
        return structs.AggregateCondition(
            comparison=self.comparison,
            window_hours=self.window_hours,
            total=None if self.total is None else self.total.money(f"{_POINTER}/aggregate/total"),
            count=self.count,
            category=self.category,
        )


@strawberry.input(description="A day's spending in a category far above what is usual.")
class BaselineConditionInput:
    deviations: Decimal = strawberry.field(
        description="How far above the median, in units of 1.4826 times the median absolute deviation."
    )
    observations_min: int = strawberry.field(
        default=8, description="Say nothing before this many earlier days with spending in the category."
    )
    minimum: MoneyInput | None = strawberry.field(
        default=None, description="Say nothing about a day's total below this; null: any."
    )

    def condition(self) -> structs.AnyCondition:
        """Return it as a struct."""
        minimum = None if self.minimum is None else self.minimum.money(f"{_POINTER}/baseline/minimum")
        return structs.BaselineCondition(
            deviations=self.deviations, observations_min=self.observations_min, minimum=minimum
        )


@strawberry.input(description="A card payment outside the home countries.")
class CountryConditionInput:
    home_countries: list[CountryCode] = strawberry.field(
        default_factory=list, description="The home countries; empty: the country of residence."
    )

    def condition(self) -> structs.AnyCondition:
        """Return it as a struct."""
        return structs.CountryCondition(home_countries=list(self.home_countries))


@strawberry.input(description="When a rule raises an alert: exactly one of these.", one_of=True)
class AlertConditionInput:
    amount: AmountConditionInput | None = strawberry.field(
        default=strawberry.UNSET, description="A single booking or authorisation above an amount."
    )
    balance: BalanceConditionInput | None = strawberry.field(
        default=strawberry.UNSET, description="A booking takes the booked balance below a threshold."
    )
    aggregate: AggregateConditionInput | None = strawberry.field(
        default=strawberry.UNSET, description="Spending, or the number of payments, within a window."
    )
    baseline: BaselineConditionInput | None = strawberry.field(
        default=strawberry.UNSET, description="A day's spending in a category far above what is usual."
    )
    country: CountryConditionInput | None = strawberry.field(
        default=strawberry.UNSET, description="A card payment outside the home countries."
    )

    def condition(self) -> structs.AnyCondition:
        """Return the one that is given as a struct."""
        given = next(value for value in vars(self).values() if value)
        found: structs.AnyCondition = given.condition()
        return found


@strawberry.input(description="A rule of the customer's own.")
class AlertRuleInput:
    name: str = strawberry.field(description="Its name, 1 to 80 characters.")
    severity: AlertSeverity = strawberry.field(description="Severity of its alerts.")
    condition: AlertConditionInput = strawberry.field(description="When it raises an alert.")
    state: RuleState = strawberry.field(default=RuleState.ACTIVE, description="Whether it is in force.")
    cooldown: int = strawberry.field(
        default=0,
        description="Least time between two alerts of it for one account, in seconds of event time; 0 to 2,592,000.",
    )
    account_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="Accounts it watches, at most 100; empty: all of the customer's."
    )

    def draft(self) -> RuleDraft:
        """Return it as resolvers take it; raises Rejected for what is no condition."""
        return RuleDraft(
            name=self.name,
            severity=self.severity,
            condition=self.condition.condition(),
            state=self.state,
            cooldown_s=self.cooldown,
            account_ids=list(self.account_ids),
        )
