"""The rules the bank has for every customer, and what their amounts mean in currencies other than the euro."""

from decimal import Decimal
from functools import lru_cache

from contracts import rules as r
from contracts.money import Money, exponent_of, minor_of
from contracts.vocabulary import AlertSeverity, Comparison, RuleState

VELOCITY_MINUTES = 10
VELOCITY_COUNT = 4
"""More than this many card payments within the minutes are fast."""

_TIMES = {"CZK": 25, "JPY": 150}
"""What one euro of a bank-wide amount is taken for, in major units; one of any other currency."""
_AMOUNTS_MAX = 4096


def _rule(
    name: str, title: str, severity: AlertSeverity, condition: r.AnyCondition, cooldown_s: int = 0
) -> r.AlertRule:
    return r.AlertRule(f"bank-{name}", title, 1, RuleState.ACTIVE, severity, condition, cooldown_s)


BANK_RULES: tuple[r.AlertRule, ...] = (
    _rule(
        "large-transaction",
        "Large payment",
        AlertSeverity.MEDIUM,
        r.AmountCondition(amount=Money("1000.00", "EUR"), direction="DBIT"),
    ),
    _rule(
        "low-balance",
        "Balance below zero",
        AlertSeverity.HIGH,
        r.BalanceCondition(threshold=Money("0.00", "EUR")),
    ),
    _rule("card-declined", "Card payment declined", AlertSeverity.MEDIUM, r.DeclineCondition()),
    _rule("foreign-transaction", "Card payment abroad", AlertSeverity.LOW, r.CountryCondition()),
    _rule(
        "velocity",
        "Many card payments within minutes",
        AlertSeverity.HIGH,
        r.AggregateCondition(
            comparison=Comparison.ABOVE, window_hours=1, window_minutes=VELOCITY_MINUTES, count=VELOCITY_COUNT
        ),
        cooldown_s=VELOCITY_MINUTES * 60,
    ),
    _rule(
        "unusual-spending",
        "Unusual spending",
        AlertSeverity.MEDIUM,
        r.BaselineCondition(deviations="4", observations_min=8, minimum=Money("50.00", "EUR")),
    ),
    _rule("failed-payment", "Payment failed", AlertSeverity.HIGH, r.FailureCondition()),
    _rule("new-device", "Login from a new device", AlertSeverity.HIGH, r.NewDeviceCondition()),
)


def limit_in(rule: r.AlertRule, limit: Money, currency: str) -> int | None:
    """Return a rule's amount in minor units of an account's currency, signed.

    A customer's rule speaks of its own currency only (None for others); a bank-wide one of every currency.
    """
    if rule.customer_id is None:
        return _scaled(limit.amount, currency)
    return own_limit(limit.amount, currency) if limit.currency == currency else None


@lru_cache(_AMOUNTS_MAX)
def own_limit(amount: str, currency: str) -> int:
    """Return a checked amount in minor units, signed."""
    return minor_of(amount, currency, signed=True)


@lru_cache(_AMOUNTS_MAX)
def _scaled(amount: str, currency: str) -> int:
    return int(Decimal(amount) * _TIMES.get(currency, 1) * 10 ** exponent_of(currency))
