"""What a rule would have raised on the last days of stored facts: the same evaluators, over history. Writes nothing.

History is the facts as they are now: a payment that was pending and then booked is tried once, as it was booked, and
windows are judged complete, as if nothing had come late.
"""

import sqlite3
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import partial

import msgspec

from contracts.alerts import AnyAlert
from contracts.rules import AggregateCondition, AlertRule, AlertRuleInput, AlertRulePreview
from services.analytics.account_reads import account_states
from services.analytics.facts import Fact, select_facts
from services.analytics.instants import DAY_US, SECOND_US, day_text, time_text
from services.analytics.raising import alert_id_of
from services.analytics.rule_book import is_below
from services.analytics.rule_checks import check_rule
from services.analytics.rule_store import held_by, rule_from
from services.analytics.rules import concerns_card, evaluate
from services.analytics.sights import Finding, Sight
from services.analytics.states import AccountState, CardState, CategoryState, CustomerState
from services.analytics.window_rules import falls_below

ALERTS_LISTED_MAX = 100
"""Alerts listed, the newest; the count says how many there are."""
HISTORY_DAYS = 100
"""Days before the previewed ones that windows and baselines look back on."""
FACTS_MAX = 50_000
"""Most facts of one account that are read, the latest."""

_customers = msgspec.msgpack.Decoder(CustomerState)
_cards = msgspec.msgpack.Decoder(CardState)


def preview_rule(connection: sqlite3.Connection, wanted: AlertRuleInput, today: int, days: int) -> AlertRulePreview:
    """Try a rule on the last `days` days, today included.

    Raises:
        Rejected: the rule does not make sense.
    """
    held = held_by(connection, wanted.customer_id)
    check_rule(wanted, held)
    rule = rule_from(wanted, "preview", 1)
    start = today - days + 1
    findings: list[Finding] = []
    examined = 0
    for account_id, account in account_states(connection, wanted.account_ids or list(held)).items():
        facts = _read(connection, account_id, start, today)
        home = _home(connection, wanted.customer_id)
        if concerns_card(rule):
            facts = [fact for fact in facts if _uses_card(connection, fact, wanted.customer_id)]
        examined += sum(1 for fact in facts if fact.day >= start)
        found = (
            _closed(rule, account_id, account, facts, start, today)
            if is_below(rule)
            else _tried(rule, account, facts, home)
        )
        findings += _cooled(rule, (each for each in found if each.occurred_us >= start * DAY_US))
    findings.sort(key=lambda each: (each.occurred_us, each.subject), reverse=True)
    alerts = [_addressed(each, wanted.customer_id) for each in findings[:ALERTS_LISTED_MAX]]
    return AlertRulePreview(len(findings), alerts, examined, day_text(start), day_text(today))


def _tried(rule: AlertRule, account: AccountState, facts: Sequence[Fact], home: str) -> Iterator[Finding]:
    """Judge facts one after the other, each seeing those up to it."""
    times = [fact.occurred_us for fact in facts]
    categories: defaultdict[str, CategoryState] = defaultdict(CategoryState)
    seen: set[str] = set()
    for place, fact in enumerate(facts):
        until = partial(_between, facts, times, place)
        sight = Sight(account, fact, None, until, home)
        if fact.spending:
            state = categories[fact.category]
            sight.day_total = total = state.add(fact.day, fact.spending)
            sight.spread = partial(state.spread_under, total, fact.day)
        finding = evaluate(rule, sight)
        if finding is not None and finding.subject not in seen:
            seen.add(finding.subject)
            yield finding


def _closed(
    rule: AlertRule, account_id: str, account: AccountState, facts: Sequence[Fact], start: int, today: int
) -> Iterator[Finding]:
    """Judge each whole window that ended within the days, on an account that had been heard of."""
    condition = rule.condition
    if not isinstance(condition, AggregateCondition) or not facts:
        return
    length = condition.window_hours // 24
    times = [fact.occurred_us for fact in facts]
    for number in range(max(start, facts[0].day) // length, today // length):
        days = range(number * length, (number + 1) * length)
        inside = _between(facts, times, len(facts) - 1, days.start * DAY_US, days.stop * DAY_US - 1)
        finding = falls_below(rule, account_id, account, days, inside)
        if finding is not None:
            yield finding


def _between(facts: Sequence[Fact], times: Sequence[int], place: int, start_us: int, end_us: int) -> Sequence[Fact]:
    return facts[bisect_left(times, start_us) : min(bisect_right(times, end_us), place + 1)]


def _cooled(rule: AlertRule, findings: Iterator[Finding]) -> Iterator[Finding]:
    last_us: int | None = None
    for each in findings:
        if last_us is None or each.occurred_us - last_us >= rule.cooldown_s * SECOND_US:
            last_us = each.occurred_us
            yield each


def _addressed(finding: Finding, customer_id: str) -> AnyAlert:
    """Address an alert that is not in the log: its seq is 0."""
    alert_id = alert_id_of("preview", customer_id, finding.subject)
    raised_at = time_text(finding.occurred_us)
    return msgspec.structs.replace(finding.alert, id=alert_id, customer_id=customer_id, raised_at=raised_at)


def _read(connection: sqlite3.Connection, account_id: str, start: int, today: int) -> list[Fact]:
    where = "account_id = ? AND day BETWEEN ? AND ? ORDER BY day DESC LIMIT ?"
    facts = select_facts(connection, where, (account_id, start - HISTORY_DAYS, today, FACTS_MAX))
    return sorted(facts, key=lambda fact: (fact.occurred_us, fact.transaction_id))


def _home(connection: sqlite3.Connection, customer_id: str) -> str:
    row = connection.execute("SELECT value FROM customer_states WHERE key = ?", (customer_id,)).fetchone()
    return "" if row is None else _customers.decode(row[0]).residency


def _uses_card(connection: sqlite3.Connection, fact: Fact, customer_id: str) -> bool:
    """Say whether the payment was by a card of the customer's, or by one nobody is known to hold."""
    if fact.card_id is None:
        return False
    row = connection.execute("SELECT value FROM card_states WHERE key = ?", (fact.card_id,)).fetchone()
    return row is None or _cards.decode(row[0]).cardholder in {"", customer_id}
