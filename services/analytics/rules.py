"""Which evaluator answers which condition, and whom its alerts concern. Evaluators are pure."""

from collections.abc import Callable
from typing import Any

from contracts import rules as r
from contracts.alerts import AlertReason, LoginAlert
from contracts.events import LoginSucceeded
from services.analytics.payment_rules import crosses_balance, exceeds_amount, is_declined, is_rejected, pays_abroad
from services.analytics.sights import Finding, Sight, opening
from services.analytics.window_rules import exceeds_aggregate, is_unusual

_EVALUATORS: dict[type[r.Condition], Callable[[r.AlertRule, Any, Sight], Finding | None]] = {
    r.AmountCondition: exceeds_amount,
    r.BalanceCondition: crosses_balance,
    r.AggregateCondition: exceeds_aggregate,
    r.BaselineCondition: is_unusual,
    r.CountryCondition: pays_abroad,
    r.DeclineCondition: is_declined,
    r.FailureCondition: is_rejected,
}
CUSTOMER_CONDITIONS = (
    r.AmountCondition,
    r.BalanceCondition,
    r.AggregateCondition,
    r.BaselineCondition,
    r.CountryCondition,
)
"""What customers may make rules of; the others are the bank's."""


def evaluate(rule: r.AlertRule, sight: Sight) -> Finding | None:
    """Return what a rule finds in a payment event; None where nothing, or the rule is not about payments."""
    evaluator = _EVALUATORS.get(type(rule.condition))
    return None if evaluator is None else evaluator(rule, rule.condition, sight)


def concerns_card(rule: r.AlertRule) -> bool:
    """Say whether the rule is about how a card is used: its alerts go to the cardholder, others to every holder."""
    condition = rule.condition
    if isinstance(condition, r.AggregateCondition):
        return condition.window_minutes is not None
    return isinstance(condition, r.CountryCondition | r.DeclineCondition)


def new_device(rule: r.AlertRule, data: LoginSucceeded, occurred_us: int) -> Finding:
    """Return the finding of a login from a device not seen before."""
    where = f" in {data.country}" if data.country is not None else ""
    alert = LoginAlert(
        **opening(
            rule,
            occurred_us,
            "Login from a new device",
            f"Someone signed in to your account from a new {data.platform.value} device{where}. Was it you?",
            AlertReason("NEW_DEVICE", data.device_id),
        ),
        device_id=data.device_id,
        platform=data.platform,
        country=data.country,
    )
    return Finding(data.device_id, occurred_us, alert)
