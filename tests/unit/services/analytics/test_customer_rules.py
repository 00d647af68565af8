"""Customers' own rules: what is accepted, when they hold, and that a preview tells what they would have raised."""

import pytest

from contracts import rules as r
from contracts.alerts import AnyAlert
from contracts.failures import Conflict, NotFound, Rejected
from contracts.money import Money
from contracts.vocabulary import AlertSeverity, Comparison, RuleState
from services.analytics.instants import day_number
from services.analytics.previews import preview_rule
from services.analytics.rule_store import change_rule, create_rule, delete_rule, rules_of
from tests.cases import each
from tests.unit.services.analytics.logs import Log, Store, at, people

FIFTY = Money("50.00", "EUR")
TODAY = day_number("2026-03-20")


def wanted(condition: r.AnyCondition, **fields: object) -> r.AlertRuleInput:
    """Return a rule of cust-1."""
    given: dict[str, object] = {"customer_id": "cust-1", "name": "Mine", "severity": AlertSeverity.LOW}
    return r.AlertRuleInput(condition=condition, **(given | fields))  # type: ignore[arg-type]  # fields of an input


def above(total: str = "50.00", hours: int = 24, **fields: object) -> r.AlertRuleInput:
    """Return a rule about spending more within hours."""
    total_in = Money(total, "EUR")
    return wanted(r.AggregateCondition(comparison=Comparison.ABOVE, window_hours=hours, total=total_in), **fields)


def ruled(log: Log, *rules: r.AlertRuleInput) -> Store:
    """Apply the people, put rules in force, then apply the rest."""
    store = Store()
    store.apply(log.entries[:4])
    for number, rule in enumerate(rules):
        create_rule(store.connection, f"rule-{number}", rule)
    if log.entries[4:]:
        store.apply(log.entries[4:])
    return store


def own(store: Store) -> list[AnyAlert]:
    """Return the alerts of customers' rules."""
    return [alert for alert in store.alerts() if alert.rule_id.startswith("rule-")]


DINNERS = people().pay("500.00")
for _day in (0, 0.5, 1, 3):
    DINNERS.pay("-30.00", time=at(_day), category="DINING", cardId="k2", merchant={"name": "Bistro", "country": "FR"})

RULES: list[tuple[r.AlertRuleInput, list[str]]] = [
    (wanted(r.AmountCondition(amount=Money("29.99", "EUR"), direction="DBIT")), ["t6", "t7", "t8", "t9"]),
    (wanted(r.AmountCondition(amount=Money("30.00", "EUR"), direction="DBIT")), []),
    (wanted(r.AmountCondition(amount=Money("30.00", "EUR"))), ["t5"]),
    (wanted(r.BalanceCondition(threshold=Money("425.00", "EUR"))), ["t8"]),
    (above(), ["t7", "t8"]),
    (above("60.00"), []),
    (above("60.00", 25), ["t8"]),
    (above("50.00", account_ids=["a1"]), ["t7", "t8"]),
    (wanted(r.AmountCondition(amount=Money("1.00", "EUR"), direction="DBIT"), cooldown_s=86_400), ["t6", "t8", "t9"]),
    (wanted(r.AggregateCondition(comparison=Comparison.ABOVE, window_hours=48, count=2)), ["t8"]),
    (wanted(r.CountryCondition(), customer_id="cust-2"), []),
    (wanted(r.CountryCondition(home_countries=["DE"]), customer_id="cust-2"), ["t6", "t7", "t8", "t9"]),
    (wanted(r.CountryCondition(home_countries=["DE"])), []),
]


@each(("rule", "transactions"), RULES)
def test_a_rule_raises_for_its_customer_what_it_says(rule: r.AlertRuleInput, transactions: list[str]) -> None:
    """Each kind of condition, on four dinners of 30.00 after a deposit of 500.00."""
    raised = own(ruled(DINNERS, rule))
    assert [alert.transaction_id for alert in raised] == transactions
    assert {alert.customer_id for alert in raised} <= {rule.customer_id}


@each(("rule", "transactions"), RULES)
def test_a_preview_tells_what_the_rule_would_have_raised(rule: r.AlertRuleInput, transactions: list[str]) -> None:
    """The same evaluators on the stored facts; nothing is written."""
    store = ruled(DINNERS)
    before = store.rows("alert_log")
    preview = preview_rule(store.connection, rule, TODAY, 90)
    assert [alert.transaction_id for alert in reversed(preview.alerts)] == transactions
    assert (preview.alert_count, preview.end) == (len(transactions), "2026-03-20")
    assert store.rows("alert_log") == before


def test_a_preview_of_a_below_rule_judges_every_closed_window() -> None:
    """From the first day heard of to yesterday, the days with less than the threshold."""
    condition = r.AggregateCondition(comparison=Comparison.BELOW, window_hours=24, total=FIFTY)
    preview = preview_rule(ruled(DINNERS).connection, wanted(condition), day_number("2026-03-06"), 90)
    assert [alert.occurred_at[:10] for alert in reversed(preview.alerts)] == ["2026-03-04", "2026-03-05", "2026-03-06"]


def test_a_preview_looks_only_at_its_days() -> None:
    """What lies before is history for windows, not something to alert about."""
    preview = preview_rule(ruled(DINNERS).connection, RULES[0][0], day_number("2026-03-05"), 1)
    assert (preview.alert_count, preview.transactions_examined, preview.start) == (1, 1, "2026-03-05")


def test_a_rule_holds_from_the_next_event_on_and_until_it_is_paused_or_deleted() -> None:
    """Changes are seen by the consumer's next batch, each with its version."""
    rule = wanted(r.AmountCondition(amount=Money("1.00", "EUR"), direction="DBIT"))
    log = people().pay("500.00").pay("-30.00").pay("-31.00").pay("-32.00").pay("-33.00")
    store = Store()
    store.apply(log.entries[:6])
    create_rule(store.connection, "rule-0", rule)
    store.apply(log.entries[6:7])
    paused = wanted(rule.condition, state=RuleState.PAUSED)
    assert change_rule(store.connection, "rule-0", paused).version == 2
    assert change_rule(store.connection, "rule-0", paused).version == 2
    store.apply(log.entries[7:8])
    assert change_rule(store.connection, "rule-0", rule).version == 3
    store.apply(log.entries[8:])
    delete_rule(store.connection, "rule-0", "cust-1")
    store.apply(log.pay("-34.00").entries[-1:])
    assert [(alert.transaction_id, alert.rule_version) for alert in own(store)] == [("t7", 1), ("t9", 3)]


@each(
    ("rule", "code", "pointer"),
    [
        (above(name=" "), "BAD_NAME", "/name"),
        (above(cooldown_s=-1), "BAD_COOLDOWN", "/cooldownS"),
        (above(account_ids=["a1", "a2"]), "UNKNOWN_ACCOUNT", "/accountIds/1"),
        (above(customer_id="cust-9"), "UNKNOWN_CUSTOMER", "/customerId"),
        (above("1.234"), "BAD_AMOUNT", "/condition/total/amount"),
        (above("0.00"), "BAD_AMOUNT", "/condition/total/amount"),
        (above(hours=0), "BAD_CONDITION", "/condition/windowHours"),
        (wanted(r.DeclineCondition()), "BAD_CONDITION", "/condition/kind"),
        (wanted(r.AmountCondition(amount=Money("1", "XXX"))), "UNKNOWN_CURRENCY", "/condition/amount/currency"),
        (wanted(r.AmountCondition(amount=Money("1", "JPY"))), "CURRENCY_MISMATCH", "/condition/amount/currency"),
        (wanted(r.AmountCondition(amount=FIFTY, direction="UP")), "BAD_CONDITION", "/condition/direction"),
        (wanted(r.BalanceCondition(threshold=Money("1e3", "EUR"))), "BAD_AMOUNT", "/condition/threshold/amount"),
        (wanted(r.BaselineCondition(deviations="NaN")), "BAD_CONDITION", "/condition/deviations"),
        (wanted(r.BaselineCondition(deviations="1e-999999999")), "BAD_CONDITION", "/condition/deviations"),
        (wanted(r.BaselineCondition(deviations="0." + "1" * 100_000)), "BAD_CONDITION", "/condition/deviations"),
        (wanted(r.BaselineCondition(deviations="0.00")), "BAD_CONDITION", "/condition/deviations"),
        (wanted(r.BaselineCondition(deviations="100.01")), "BAD_CONDITION", "/condition/deviations"),
        (
            wanted(r.BaselineCondition(deviations="2", observations_min=0)),
            "BAD_CONDITION",
            "/condition/observationsMin",
        ),
        (wanted(r.CountryCondition(home_countries=["de"])), "BAD_CONDITION", "/condition/homeCountries/0"),
        (
            wanted(r.AggregateCondition(comparison=Comparison.BELOW, window_hours=36, total=FIFTY)),
            "BAD_CONDITION",
            "/condition/windowHours",
        ),
        (
            wanted(r.AggregateCondition(comparison=Comparison.ABOVE, window_hours=1, total=FIFTY, count=1)),
            "BAD_CONDITION",
            "/condition/total",
        ),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_with_its_field(rule: r.AlertRuleInput, code: str, pointer: str) -> None:
    """Each refusal has a code and a JSON pointer, and nothing is stored."""
    store = ruled(people())
    with pytest.raises(Rejected) as refusal:
        create_rule(store.connection, "rule-0", rule)
    assert (refusal.value.reason, refusal.value.pointer) == (code, pointer)
    assert store.connection.execute("SELECT count(*) FROM rules WHERE customer_id IS NOT NULL").fetchone() == (0,)


def test_a_rule_is_its_customer_s_alone() -> None:
    """Another customer's rule, and the bank's, can be neither changed nor deleted."""
    store = ruled(people(), above())
    for rule_id, customer_id in (("rule-0", "cust-2"), ("bank-velocity", "cust-1"), ("rule-9", "cust-1")):
        with pytest.raises(NotFound):
            delete_rule(store.connection, rule_id, customer_id)
        with pytest.raises(NotFound):
            change_rule(store.connection, rule_id, above(customer_id=customer_id))
    assert len(rules_of(store.connection, "cust-2")) == 8


def test_a_customer_has_a_bounded_number_of_rules() -> None:
    """One more than the bound is a conflict."""
    store = ruled(people(), *[above()] * r.RULES_PER_CUSTOMER_MAX)
    with pytest.raises(Conflict) as refusal:
        create_rule(store.connection, "rule-x", above())
    assert refusal.value.reason == "TOO_MANY_RULES"
