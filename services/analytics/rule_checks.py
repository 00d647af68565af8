"""Whether a customer's rule makes sense; every refusal names the field by JSON pointer. Pure."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from contracts import rules as r
from contracts.failures import Rejected
from contracts.money import Money, minor_of
from contracts.vocabulary import Comparison, CreditDebitIndicator
from services.analytics.rules import CUSTOMER_CONDITIONS

NAME_CHARACTERS_MAX = 80
ACCOUNTS_MAX = 100
WINDOW_HOURS_MAX = 92 * 24
"""Longest window: a quarter."""
COUNT_MAX = 1_000
DEVIATIONS_MAX = 100
OBSERVATIONS_MAX = 30
COUNTRIES_MAX = 50

_DEVIATIONS = re.compile(r"[0-9]{1,15}(\.[0-9]{1,8})?", re.ASCII)
"""As GraphQL's `Decimal` writes one."""

Currencies = Mapping[str, str]
"""The accounts the customer holds, with their currencies."""


def check_rule(rule: r.AlertRuleInput, held: Currencies) -> None:
    """Check a rule against the accounts its customer holds.

    Raises:
        Rejected: `BAD_NAME`, `BAD_COOLDOWN`, `UNKNOWN_ACCOUNT`, `BAD_CONDITION`, `BAD_AMOUNT`, `UNKNOWN_CURRENCY` or
            `CURRENCY_MISMATCH`.
    """
    if not 1 <= len(rule.name.strip()) <= NAME_CHARACTERS_MAX:
        raise Rejected(f"A name has 1 to {NAME_CHARACTERS_MAX} characters.", code="BAD_NAME", pointer="/name")
    if not 0 <= rule.cooldown_s <= r.COOLDOWN_S_MAX:
        raise Rejected(f"A cooldown is 0 to {r.COOLDOWN_S_MAX} seconds.", code="BAD_COOLDOWN", pointer="/cooldownS")
    if len(rule.account_ids) > ACCOUNTS_MAX:
        raise Rejected(f"A rule names at most {ACCOUNTS_MAX} accounts.", code="TOO_MANY", pointer="/accountIds")
    for place, account_id in enumerate(rule.account_ids):
        if account_id not in held:
            raise Rejected(
                "The customer holds no such account.", code="UNKNOWN_ACCOUNT", pointer=f"/accountIds/{place}"
            )
    if not isinstance(rule.condition, CUSTOMER_CONDITIONS):
        raise _bad("Only the bank has rules of this kind.", "kind")
    watched = {held[account_id] for account_id in rule.account_ids or held}
    _CHECKS[type(rule.condition)](rule.condition, watched)


def _amount(condition: r.AmountCondition, watched: set[str]) -> None:
    _positive(condition.amount, "amount", watched)
    if condition.direction is not None and condition.direction not in set(CreditDebitIndicator):
        raise _bad("The direction is CRDT or DBIT.", "direction")


def _balance(condition: r.BalanceCondition, watched: set[str]) -> None:
    _money(condition.threshold, "threshold", watched, signed=True)


def _aggregate(condition: r.AggregateCondition, watched: set[str]) -> None:
    if (condition.total is None) == (condition.count is None):
        raise _bad("Give either a total or a count.", "total")
    if condition.total is not None:
        _positive(condition.total, "total", watched)
    if condition.count is not None and not 1 <= condition.count <= COUNT_MAX:
        raise _bad(f"A count is 1 to {COUNT_MAX}.", "count")
    if not 1 <= condition.window_hours <= WINDOW_HOURS_MAX:
        raise _bad(f"A window has 1 to {WINDOW_HOURS_MAX} hours.", "windowHours")
    if condition.comparison is Comparison.BELOW and condition.window_hours % 24:
        raise _bad("A window that is to stay below a threshold has whole days: a multiple of 24 hours.", "windowHours")
    if condition.window_minutes is not None:
        raise _bad("Only the bank has windows of minutes.", "windowMinutes")


def _baseline(condition: r.BaselineCondition, watched: set[str]) -> None:
    if _DEVIATIONS.fullmatch(condition.deviations) is None:
        raise _bad("The deviations are not a plain decimal number.", "deviations")
    if not 0 < Decimal(condition.deviations) <= DEVIATIONS_MAX:
        raise _bad(f"The deviations are above 0 and at most {DEVIATIONS_MAX}.", "deviations")
    if not 1 <= condition.observations_min <= OBSERVATIONS_MAX:
        raise _bad(f"The observations are 1 to {OBSERVATIONS_MAX}.", "observationsMin")
    if condition.minimum is not None:
        _money(condition.minimum, "minimum", watched)


def _country(condition: r.CountryCondition, _: set[str]) -> None:
    if len(condition.home_countries) > COUNTRIES_MAX:
        raise _bad(f"At most {COUNTRIES_MAX} countries.", "homeCountries")
    for place, country in enumerate(condition.home_countries):
        if not (len(country) == 2 and country.isascii() and country.isalpha() and country.isupper()):
            raise _bad("A country is an ISO 3166-1 code of two letters.", f"homeCountries/{place}")


def _positive(money: Money, field: str, watched: set[str]) -> None:
    if _money(money, field, watched) == 0:
        raise Rejected("The amount is zero.", code="BAD_AMOUNT", pointer=f"/condition/{field}/amount")


def _money(money: Money, field: str, watched: set[str], *, signed: bool = False) -> int:
    try:
        minor = minor_of(money.amount, money.currency, signed=signed)
    except Rejected as failure:
        part = "currency" if failure.reason == "UNKNOWN_CURRENCY" else "amount"
        raise Rejected(failure.message, code=failure.reason, pointer=f"/condition/{field}/{part}") from None
    if money.currency not in watched:
        message = "None of the accounts it watches is in this currency."
        raise Rejected(message, code="CURRENCY_MISMATCH", pointer=f"/condition/{field}/currency")
    return minor


def _bad(message: str, field: str) -> Rejected:
    return Rejected(message, code="BAD_CONDITION", pointer=f"/condition/{field}")


_CHECKS: dict[type[r.Condition], Callable[[Any, set[str]], None]] = {
    r.AmountCondition: _amount,
    r.BalanceCondition: _balance,
    r.AggregateCondition: _aggregate,
    r.BaselineCondition: _baseline,
    r.CountryCondition: _country,
}
