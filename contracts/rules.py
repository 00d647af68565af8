"""Alert rules: bank-wide ones and customers' own, with typed conditions."""

import msgspec

from contracts.alerts import AnyAlert
from contracts.money import Money
from contracts.vocabulary import AlertSeverity, Comparison, RuleState, SpendingCategory

COOLDOWN_S_MAX = 30 * 24 * 3600
RULES_PER_CUSTOMER_MAX = 50
PREVIEW_DAYS_MAX = 365


class Condition(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True, tag_field="kind"):
    pass


class AmountCondition(Condition, frozen=True, kw_only=True, tag="AMOUNT"):
    """A single booking or authorisation above `amount` in its currency; raises LARGE_TRANSACTION."""

    amount: Money
    direction: str | None = None
    """CRDT, DBIT or both when absent."""


class BalanceCondition(Condition, frozen=True, kw_only=True, tag="BALANCE"):
    """A booking that takes the booked balance from at or above `threshold` (signed) to below it; raises LOW_BALANCE."""

    threshold: Money


class AggregateCondition(Condition, frozen=True, kw_only=True, tag="AGGREGATE"):
    """Spending (or its count) within a window of event time.

    ABOVE is raised as soon as the sliding window of `windowHours` exceeds; BELOW when a window of `windowHours`,
    aligned to the epoch in UTC, closes with less than the threshold. With `count` it raises VELOCITY, with `total`
    UNUSUAL_SPENDING.
    """

    comparison: Comparison
    window_hours: int
    total: Money | None = None
    count: int | None = None
    category: SpendingCategory | None = None
    window_minutes: int | None = None
    """The window in minutes where it is shorter than an hour (`windowHours` is then 1); bank-wide rules only."""


class BaselineCondition(Condition, frozen=True, kw_only=True, tag="BASELINE"):
    """A day's spending in a category above median + `deviations` x 1.4826 x MAD of earlier days: UNUSUAL_SPENDING.

    Says nothing before `observationsMin` earlier days with spending in that category (cold start).
    """

    deviations: str
    observations_min: int = 8
    minimum: Money | None = None


class CountryCondition(Condition, frozen=True, kw_only=True, tag="COUNTRY"):
    """A card payment outside `homeCountries` (the residency country when empty); raises FOREIGN_TRANSACTION."""

    home_countries: list[str] = []


class DeclineCondition(Condition, frozen=True, kw_only=True, tag="DECLINE"):
    """A declined card payment; raises CARD_DECLINED. Bank-wide only."""


class FailureCondition(Condition, frozen=True, kw_only=True, tag="FAILURE"):
    """A rejected payment or failed standing order; raises FAILED_PAYMENT. Bank-wide only."""


class NewDeviceCondition(Condition, frozen=True, kw_only=True, tag="NEW_DEVICE"):
    """A login from a device never seen or registered for the customer; raises LOGIN. Bank-wide only."""


AnyCondition = (
    AmountCondition
    | BalanceCondition
    | AggregateCondition
    | BaselineCondition
    | CountryCondition
    | DeclineCondition
    | FailureCondition
    | NewDeviceCondition
)


class AlertRule(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A rule version in force. `customerId` absent: bank-wide. `accountIds` empty: every account of the customer.

    `cooldownS` is the least event time, in seconds, between two alerts of this rule for the same account and customer.
    """

    id: str
    name: str
    version: int
    state: RuleState
    severity: AlertSeverity
    condition: AnyCondition
    cooldown_s: int
    customer_id: str | None = None
    account_ids: list[str] = []


class AlertRuleInput(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    customer_id: str
    name: str
    severity: AlertSeverity
    condition: AnyCondition
    state: RuleState = RuleState.ACTIVE
    cooldown_s: int = 0
    account_ids: list[str] = []


class AlertRulePreview(msgspec.Struct, frozen=True, rename="camel"):
    """What a rule would have raised on the last `days` of the customer's stored facts."""

    alert_count: int
    alerts: list[AnyAlert]
    transactions_examined: int
    start: str
    end: str
