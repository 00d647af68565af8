"""What an event has that rules need: most have so little that most rules need not be asked (6 µs an event saved)."""

import sys
from collections.abc import Iterable
from typing import NamedTuple

from contracts import rules as r
from contracts.vocabulary import TransactionStatus
from services.analytics.bank_rules import limit_in
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


class Bounds(NamedTuple):
    """What no event of a currency within can make a set of rules fire, in its minor units."""

    amount: int
    """Only a payment of more does."""
    balance: int
    """Only a balance below does,"""
    balance_before: int
    """that was this or more before."""
    day_total: int
    """Only a day's total of this or more does."""

    def narrow(self, triggers: int, sight: Sight) -> int:
        """Return the triggers without those that the rules cannot fire on."""
        fact = sight.fact
        if triggers & AMOUNT and abs(fact.minor) <= self.amount:
            triggers -= AMOUNT
        before, after = fact.balance_before, fact.balance_after
        if triggers & BALANCE and before is not None and after is not None:
            crosses = before >= self.balance_before and after < self.balance
            triggers -= 0 if crosses else BALANCE
        if triggers & DAY and (sight.day_total is None or sight.day_total < self.day_total):
            triggers -= DAY
        return triggers


def bounds_of(rules: Iterable[r.AlertRule], currency: str) -> Bounds:
    """Return the bounds of rules for events of a currency."""
    amounts, balances, totals = [sys.maxsize], [-sys.maxsize], [sys.maxsize]
    for rule in rules:
        match rule.condition:
            case r.AmountCondition(amount=amount):
                amounts += _known(limit_in(rule, amount, currency))
            case r.BalanceCondition(threshold=threshold):
                balances += _known(limit_in(rule, threshold, currency))
            case r.BaselineCondition(minimum=minimum):
                totals += [0] if minimum is None else _known(limit_in(rule, minimum, currency))
    return Bounds(min(amounts), max(balances), min(balances[1:], default=sys.maxsize), min(totals))


def _known(limit: int | None) -> list[int]:
    return [] if limit is None else [limit]
