"""The rules about many payments: how much or how many within a window, and a day far above what is usual.

A sliding window is the time (t - length, t]. An event that comes out of order lies in windows that end later too: all
of them are looked at. Raised is the change from not exceeding to exceeding, so each crossing is one alert, whoever is
last.
"""

from collections.abc import Sequence

import msgspec

from contracts import rules as r
from contracts.alerts import AlertReason, UnusualSpendingAlert, VelocityAlert
from contracts.money import amount_of, money_of
from contracts.vocabulary import Comparison, SpendingCategory, TransactionStatus
from services.analytics.bank_rules import limit_in
from services.analytics.baselines import median_minor, threshold_of
from services.analytics.facts import Fact
from services.analytics.instants import DAY_US, HOUR_US, MINUTE_US, day_of, day_text, has_time_of_day
from services.analytics.sights import Finding, Sight, opening, places_of
from services.analytics.states import AccountState
from services.analytics.wording import category_text, hours_text, money_text, with_account


class Point(msgspec.Struct, frozen=True, gc=False):
    """A payment in a window: what it adds to what is measured (1 where payments are counted) and to the sum."""

    at_us: int
    transaction_id: str
    measure: int
    minor: int


def exceeds_aggregate(rule: r.AlertRule, condition: r.AggregateCondition, sight: Sight) -> Finding | None:
    """Find the payment that takes a sliding window above its total or count; BELOW is decided when windows close."""
    if condition.comparison is not Comparison.ABOVE or sight.fact.status is TransactionStatus.REJECTED:
        return None
    limit = _limit(rule, condition, sight.fact.currency)
    if limit is None:
        return None
    width_us = condition.window_minutes * MINUTE_US if condition.window_minutes else condition.window_hours * HOUR_US
    points, was = _card_points(sight) if condition.window_minutes else _account_points(condition, sight, width_us)
    window = crossing(points, sight.fact.transaction_id, was, width_us, limit)
    if not window:
        return None
    return _exceeded(rule, condition, sight, window, limit, width_us)


def crossing(points: Sequence[Point], transaction_id: str, was: int, width_us: int, limit: int) -> Sequence[Point]:
    """Return the earliest window that is above the limit because of a transaction; `was` is its measure before.

    `points` are in order of time. Empty where no window crossed, or the transaction is not among the points.
    """
    changed = next((point for point in points if point.transaction_id == transaction_id), None)
    if changed is None:
        return ()
    for end in points:
        if not changed.at_us <= end.at_us < changed.at_us + width_us:
            continue
        window = [point for point in points if end.at_us - width_us < point.at_us <= end.at_us]
        measured = sum(point.measure for point in window)
        if measured > limit >= measured - changed.measure + was:
            return window
    return ()


def is_unusual(rule: r.AlertRule, condition: r.BaselineCondition, sight: Sight) -> Finding | None:
    """Find a day's spending in a category far above its baseline; silent on closed days and before enough days."""
    fact, total = sight.fact, sight.day_total
    minimum = 0 if condition.minimum is None else limit_in(rule, condition.minimum, fact.currency)
    if total is None or sight.spread is None or fact.spending <= 0 or minimum is None or total < minimum:
        return None
    spread = sight.spread()
    if spread is None or spread.observations < condition.observations_min or 2 * total <= spread.median_halves:
        return None
    threshold = threshold_of(spread, condition.deviations)
    if total <= threshold:
        return None
    usual = median_minor(spread)
    day_us = fact.day * DAY_US
    contributing = [
        each.transaction_id
        for each in sight.facts_between(day_us, day_us + DAY_US - 1)
        if each.category is fact.category and each.spending
    ]
    reason = AlertReason(
        "ABOVE_BASELINE",
        amount_of(total, fact.currency),
        expected=amount_of(usual, fact.currency),
        threshold=amount_of(threshold, fact.currency),
        window=day_text(fact.day),
        transaction_ids=contributing,
    )
    what, spent = category_text(fact.category), money_text(total, fact.currency)
    where, normal = with_account(sight.account.display_name), money_text(usual, fact.currency)
    body = f"{spent} on {what} in one day{where}, usually {normal}."
    alert = UnusualSpendingAlert(
        **opening(rule, fact.occurred_us, f"Unusual spending on {what}", body, reason, **places_of(fact)),
        category=fact.category,
        total=money_of(total, fact.currency),
        expected=money_of(usual, fact.currency),
        day=day_text(fact.day),
    )
    return Finding(f"{fact.account_id} {fact.category} {fact.day}", fact.occurred_us, alert)


def falls_below(
    rule: r.AlertRule, account_id: str, account: AccountState, days: range, facts: Sequence[Fact]
) -> Finding | None:
    """Find a closed window of whole days with less than a BELOW rule's threshold; `facts` are those of these days."""
    condition = rule.condition
    if not isinstance(condition, r.AggregateCondition):
        return None
    limit = _limit(rule, condition, account.currency)
    counted = [_point(condition, fact) for fact in facts if _is_measured(condition, fact)]
    measured = sum(point.measure for point in counted)
    if limit is None or measured >= limit:
        return None
    reason = _aggregate_reason(condition, account.currency, measured, limit, counted)
    length = hours_text(condition.window_hours)
    seen = _measured_text(condition, measured, account.currency)
    title = "Less than expected" if condition.count is None else "Fewer payments than expected"
    body = f"{seen} within {length}{with_account(account.display_name)}."
    end_us = days.stop * DAY_US
    begun = opening(rule, end_us, title, body, reason, account_id=account_id)
    alert = _aggregate_alert(condition, begun, account.currency, counted, limit, days.stop - 1, None)
    return Finding(f"{account_id} {days.start} {days.stop}", end_us, alert)


def _limit(rule: r.AlertRule, condition: r.AggregateCondition, currency: str) -> int | None:
    if condition.count is not None:
        return condition.count
    return None if condition.total is None else limit_in(rule, condition.total, currency)


def _card_points(sight: Sight) -> tuple[list[Point], int]:
    if sight.before is not None:
        return [], 0
    return [Point(each.at_us, each.transaction_id, 1, each.minor) for each in sight.card_payments], 0


def _account_points(condition: r.AggregateCondition, sight: Sight, width_us: int) -> tuple[list[Point], int]:
    fact, before = sight.fact, sight.before
    if not _is_measured(condition, fact):
        return [], 0
    facts = sight.facts_between(fact.occurred_us - width_us + 1, fact.occurred_us + width_us - 1)
    measured = sorted((each for each in facts if _is_measured(condition, each)), key=lambda each: each.occurred_us)
    was = _point(condition, before).measure if before is not None and _is_measured(condition, before) else 0
    return [_point(condition, each) for each in measured], was


def _is_measured(condition: r.AggregateCondition, fact: Fact) -> bool:
    if not fact.spending or (condition.category is not None and fact.category is not condition.category):
        return False
    if condition.count is None:
        return True
    return fact.spending > 0 and (condition.window_hours >= 24 or has_time_of_day(fact.occurred_us))


def _point(condition: r.AggregateCondition, fact: Fact) -> Point:
    measure = fact.spending if condition.count is None else 1
    return Point(fact.occurred_us, fact.transaction_id, measure, fact.spending)


def _exceeded(
    rule: r.AlertRule,
    condition: r.AggregateCondition,
    sight: Sight,
    window: Sequence[Point],
    limit: int,
    width_us: int,
) -> Finding:
    fact = sight.fact
    measured = sum(point.measure for point in window)
    seen = _measured_text(condition, measured, fact.currency)
    length = f"{condition.window_minutes} minutes" if condition.window_minutes else hours_text(condition.window_hours)
    title = "Many payments in a short time" if condition.count is not None else "Spending above your limit"
    reason = _aggregate_reason(condition, fact.currency, measured, limit, window)
    body = f"{seen} within {length}{with_account(sight.account.display_name)}."
    begun = opening(rule, fact.occurred_us, title, body, reason, **places_of(fact))
    day = day_of(window[-1].at_us)
    alert = _aggregate_alert(condition, begun, fact.currency, window, limit, day, fact.category, width_us // MINUTE_US)
    return Finding(fact.transaction_id, fact.occurred_us, alert)


def _aggregate_alert(
    condition: r.AggregateCondition,
    begun: dict[str, object],
    currency: str,
    window: Sequence[Point],
    limit: int,
    day: int,
    category: SpendingCategory | None,
    minutes: int | None = None,
) -> VelocityAlert | UnusualSpendingAlert:
    total = money_of(sum(point.minor for point in window), currency)
    if condition.count is not None:
        return VelocityAlert(
            **begun,  # type: ignore[arg-type]  # the fields of `opening`
            transaction_count=len(window),
            window_minutes=minutes or condition.window_hours * 60,
            total=total,
        )
    # A rule about all spending is told under the category of the payment that crossed it; a quiet window has none.
    return UnusualSpendingAlert(
        **begun,  # type: ignore[arg-type]  # the fields of `opening`
        category=condition.category or category or SpendingCategory.OTHER,
        total=total,
        expected=money_of(limit, currency),
        day=day_text(day),
    )


def _aggregate_reason(
    condition: r.AggregateCondition, currency: str, measured: int, limit: int, window: Sequence[Point]
) -> AlertReason:
    side = "ABOVE" if condition.comparison is Comparison.ABOVE else "BELOW"
    counting = condition.count is not None
    return AlertReason(
        f"{'COUNT' if counting else 'TOTAL'}_{side}_THRESHOLD",
        str(measured) if counting else amount_of(measured, currency),
        threshold=str(limit) if counting else amount_of(limit, currency),
        window=f"PT{condition.window_minutes}M" if condition.window_minutes else f"PT{condition.window_hours}H",
        transaction_ids=[point.transaction_id for point in window],
    )


def _measured_text(condition: r.AggregateCondition, measured: int, currency: str) -> str:
    on = f" on {category_text(condition.category)}" if condition.category is not None else ""
    if condition.count is not None:
        return f"{measured} payment{'' if measured == 1 else 's'}{on}"
    return f"{money_text(measured, currency)} spent{on}"
