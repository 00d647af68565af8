"""What a bank-wide rule is asked: nothing less than what it could find."""

from hypothesis import example, given
from hypothesis import strategies as st

from contracts import rules as r
from contracts.money import Money
from contracts.vocabulary import AlertSeverity, RuleState, SpendingCategory, TransactionStatus
from services.analytics.facts import Fact
from services.analytics.rules import evaluate
from services.analytics.sights import Sight
from services.analytics.states import AccountState, CategoryState
from services.analytics.triggers import bounds_of, need_of, triggers_of
from tests.examples import examples

amounts = st.integers(0, 20).map(lambda units: Money(f"{units}.00", "EUR"))
conditions = st.one_of(
    amounts.map(lambda amount: r.AmountCondition(amount=amount)),
    amounts.map(lambda amount: r.BalanceCondition(threshold=amount)),
    st.builds(r.BaselineCondition, deviations=st.just("0"), observations_min=st.just(1), minimum=st.none() | amounts),
)


def rule_of(condition: r.AnyCondition) -> r.AlertRule:
    """Return a bank-wide rule."""
    return r.AlertRule("bank-x", "x", 1, RuleState.ACTIVE, AlertSeverity.LOW, condition, 0)


rules = st.lists(conditions.map(rule_of), max_size=4)
AT_FIVE = [rule_of(r.BalanceCondition(threshold=Money(f"{units}.00", "EUR"))) for units in (9, 5)]


@examples(40)
@example(AT_FIVE, -1, 500, [])  # the balance was at the lower limit exactly
@example(AT_FIVE, -1, 900, [])
@given(rules, st.integers(-2_500, 2_500), st.integers(-1_000, 2_500), st.lists(st.integers(1, 2_500), max_size=6))
def test_narrowing_hides_no_finding(asked: list[r.AlertRule], minor: int, before: int, earlier: list[int]) -> None:
    """Whatever a rule finds in an event, its trigger is left."""
    fact = Fact(
        "a", 100, "t", 1, TransactionStatus.BOOKED, "EUR", minor, max(0, -minor), SpendingCategory.DINING, "", "", ""
    )
    fact.balance_before, fact.balance_after = before, before + minor
    sight = Sight(AccountState(currency="EUR"), fact, None, lambda _, __: [fact])
    if fact.spending:
        state = CategoryState(list(range(100 - len(earlier), 100)), earlier)
        sight.day_total = total = state.add(100, fact.spending)
        sight.spread = lambda: state.spread_under(total, 100)
    left = bounds_of(asked, "EUR").narrow(triggers_of(sight), sight)
    assert all(need_of(rule) & left for rule in asked if evaluate(rule, sight) is not None)


@examples(40)
@given(st.lists(st.integers(0, 50), max_size=40), st.integers(0, 60))
def test_a_spread_that_is_not_made_would_not_have_mattered(totals: list[int], total: int) -> None:
    """Where no spread is made though days have spending, the total is not above their median."""
    state = CategoryState(list(range(len(totals))), list(totals))
    if state.spread_under(total, len(totals)) is None and any(totals):
        recent = sorted([one for one in totals if one > 0][-30:])
        middle = recent[len(recent) // 2] + recent[(len(recent) - 1) // 2]
        assert 2 * total <= middle
