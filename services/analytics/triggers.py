"""What an event has that rules need: most have so little that most rules need not be asked (6 µs an event saved)."""

from contracts import rules as r
from contracts.vocabulary import TransactionStatus
from services.analytics.sights import Sight

AMOUNT, BALANCE, SPENDING, CARD_USE, DAY, COUNTRY, DECLINE, FAILURE = (1 << bit for bit in range(8))
CARD_TRIGGERS = CARD_USE | COUNTRY | DECLINE
"""What rules about the use of cards need."""

_NEEDS: dict[type[r.Condition], int] = {
    r.AmountCondition: AMOUNT,
    r.BalanceCondition: BALANCE,
    r.AggregateCondition: SPENDING,
    r.BaselineCondition: DAY,
    r.CountryCondition: COUNTRY,
    r.DeclineCondition: DECLINE,
    r.FailureCondition: FAILURE,
}


def need_of(rule: r.AlertRule) -> int:
    """Return what a rule needs; 0 for a rule that is not about payments."""
    if isinstance(rule.condition, r.AggregateCondition) and rule.condition.window_minutes is not None:
        return CARD_USE
    return _NEEDS.get(type(rule.condition), 0)


def triggers_of(sight: Sight) -> int:
    """Return what an event has: a sum of the constants above."""
    fact = sight.fact
    if fact.status is TransactionStatus.REJECTED:
        return DECLINE * (sight.decline_reason is not None) + FAILURE * (sight.failure_reason is not None)
    found = AMOUNT
    if fact.balance_after is not None:
        found += BALANCE
    if fact.spending:
        found += SPENDING
        if sight.spread is not None:
            found += DAY
    if sight.card_payments:
        found += CARD_USE
    if fact.country:
        found += COUNTRY
    return found
