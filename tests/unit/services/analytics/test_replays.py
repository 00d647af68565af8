"""Any cut into batches, any crash and any quiet tick leave the facts and the alert log of an undisturbed run."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from contracts import rules as r
from contracts.events import LogEntry
from contracts.money import Money
from contracts.vocabulary import AlertSeverity, Comparison
from services.analytics.closing import close_quiet, watched_accounts
from services.analytics.instants import micros_of
from services.analytics.journal import Pace
from services.analytics.rule_store import create_rule
from services.analytics.tables import STATES
from tests.examples import examples
from tests.unit.services.analytics.logs import LATENESS_S, Log, Store, at, people, seqs

KINDS = ("payment.pending", "payment.booked", "card.authorised", "card.declined", "payment.rejected", "card.reversed")
TABLES = ("facts", "late_events", *STATES, "alerts", "alert_log", "alert_heads")

events = st.tuples(
    st.sampled_from(KINDS),
    st.integers(1, 12),  # of few transactions, so that they are told again
    st.sampled_from(("-3000.00", "-70.00", "-2.00", "60.00", "1500.00")),
    st.integers(0, 60 * 24 * 9),
    st.booleans(),
)
logs = st.lists(events, max_size=30)


def log_of(drawn: Sequence[tuple[str, int, str, int, bool]]) -> list[LogEntry]:
    """Turn what was drawn into a log whose own clock goes forward whatever the events' times are."""
    log = people()
    for place, (kind, number, amount, minutes, by_card) in enumerate(drawn):
        accepted, time = at(9 + place / 3), at(minutes=minutes)
        ids = {"transactionId": f"x{number}", "accountId": "a1"}
        if kind == "card.reversed":
            log.add(kind, time, accepted, **ids)
            continue
        more = {"reason": "No"} if kind in {"card.declined", "payment.rejected"} else {}
        card = {"cardId": "k2"} if by_card or kind.startswith("card") else {}
        merchant = {"name": f"Shop {number % 3}", "country": "FR" if number % 2 else "US"}
        log.pay(amount, kind, time, accepted, **ids, **more, **card, merchant=merchant, category="DINING")
    return log.entries


def store_with_rules(reference: Sequence[LogEntry], pace: Pace = Pace()) -> Store:  # noqa: B008 - immutable
    """Return a store that knows the people, with a rule of cust-1 for each window."""
    store = Store(pace)
    store.apply(reference)
    conditions: list[r.AnyCondition] = [
        r.AggregateCondition(comparison=Comparison.BELOW, window_hours=48, total=Money("50.00", "EUR")),
        r.AggregateCondition(comparison=Comparison.ABOVE, window_hours=30, total=Money("75.00", "EUR")),
        r.AggregateCondition(comparison=Comparison.ABOVE, window_hours=24, count=2),
    ]
    for number, condition in enumerate(conditions):
        rule = r.AlertRuleInput("cust-1", "Mine", AlertSeverity.LOW, condition, cooldown_s=3600 * number)
        create_rule(store.connection, f"rule-{number}", rule)
    return store


def state_of(store: Store) -> dict[str, list[tuple[object, ...]]]:
    """Return everything a run leaves."""
    return {table: store.rows(table) for table in TABLES}


@examples(25)
@given(logs, st.data())
def test_cuts_and_crashes_leave_an_undisturbed_run(
    drawn: list[tuple[str, int, str, int, bool]], data: st.DataObject
) -> None:
    """One batch or many, journaled or not, undone or with the memory lost: the same facts, states and alert log."""
    entries = log_of(drawn)
    pace = Pace(data.draw(st.integers(1, 6)), facts_wait := data.draw(st.integers(1, 8)), facts_wait + 5)
    undisturbed, disturbed = store_with_rules(entries[:4]), store_with_rules(entries[:4], pace)
    if entries[4:]:
        undisturbed.apply(entries[4:])
    start = 4
    while start < len(entries):
        end = data.draw(st.integers(start + 1, len(entries)))
        mishap = data.draw(st.sampled_from(("none", "killed", "undone")))
        if mishap == "undone":
            disturbed.undo(entries[start:end])
        disturbed.apply(entries[start:end])
        if mishap == "killed":
            disturbed.restart()
        start = end
    disturbed.settle()
    assert disturbed.rows("journal") == []
    assert state_of(disturbed) == state_of(undisturbed)


@examples(25)
@given(logs, st.sets(st.integers(4, 34)))
def test_quiet_ticks_raise_what_the_next_event_would_have(
    drawn: list[tuple[str, int, str, int, bool]], ticks: set[int]
) -> None:
    """Closing by the clock between two events, seconds before the second, changes no alert."""
    entries = log_of(drawn)
    quiet, ticked = store_with_rules(entries[:4]), store_with_rules(entries[:4])
    for place, entry in enumerate(entries[4:], 4):
        quiet.apply([entry])
        if place in ticks:
            tick(ticked, micros_of(entry.accepted_at) - 1)
        ticked.apply([entry])
    assert ticked.alerts() == quiet.alerts()
    assert ticked.rows("late_events") == quiet.rows("late_events")


@examples(25)
@given(logs)
def test_every_customer_s_log_is_gapless_and_its_ids_are_unique(drawn: list[tuple[str, int, str, int, bool]]) -> None:
    """Seqs are 1, 2, 3, … for each customer, and no alert is raised twice."""
    entries = log_of(drawn)
    store = store_with_rules(entries[:4])
    if entries[4:]:
        store.apply(entries[4:])
    alerts = store.alerts()
    assert len({alert.id for alert in alerts}) == len(alerts)
    for customer in ("cust-1", "cust-2"):
        found = seqs(alerts, customer)
        assert found == list(range(1, len(found) + 1))


def tick(store: Store, now_us: int) -> None:
    """Close what the clock closes."""
    watched = watched_accounts(store.connection)
    close_quiet(store.connection, store.memory, watched, now_us, LATENESS_S)


def below(hours: int = 24) -> r.AlertRuleInput:
    """Return a rule of cust-1: less than 50 spent."""
    condition = r.AggregateCondition(comparison=Comparison.BELOW, window_hours=hours, total=Money("50.00", "EUR"))
    return r.AlertRuleInput("cust-1", "Little spent", AlertSeverity.LOW, condition)


def watched_store(log: Log, rule: r.AlertRuleInput) -> Store:
    """Apply a log to a store in which the rule is in force from the start."""
    store = Store()
    store.apply(log.entries[:4])
    create_rule(store.connection, "rule-0", rule)
    store.apply(log.entries[4:])
    return store


def test_a_window_closes_by_event_time_once_lateness_has_passed() -> None:
    """The first event an hour past midnight closes the day; one before does not."""
    log = people().pay("-20.00", time="2026-03-02T12:00:00Z", category="DINING")
    log.pay("-1.00", time="2026-03-03T00:59:59Z", category="DINING")
    store = watched_store(log, below())
    assert store.alerts("UNUSUAL_SPENDING") == []
    log.pay("-1.00", time="2026-03-03T01:00:00Z", category="DINING")
    store.apply(log.entries[-1:])
    (alert,) = store.alerts("UNUSUAL_SPENDING")
    assert (alert.occurred_at, alert.reasons[0].observed, alert.body) == (
        "2026-03-03T00:00:00Z", "20.00", "20.00 EUR spent within 1 day (Everyday).",
    )  # fmt: skip


def test_a_window_closes_by_the_clock_on_a_quiet_stream() -> None:
    """Nothing comes, the clock passes midnight, lateness and its margin: the window closes, once."""
    store = watched_store(people().pay("-20.00", time="2026-03-02T12:00:00Z"), below())
    for now, raised in (("01:00:04", 0), ("01:00:05", 1), ("02:00:00", 1)):
        tick(store, micros_of(f"2026-03-03T{now}Z"))
        assert len(store.alerts("UNUSUAL_SPENDING")) == raised
    assert store.alerts("UNUSUAL_SPENDING")[0].raised_at == "2026-03-03T01:00:00Z"


def test_a_quiet_day_says_that_nothing_was_spent() -> None:
    """A window without any event has less than the threshold too."""
    store = watched_store(people().pay("-80.00", time="2026-03-02T12:00:00Z", category="DINING"), below())
    tick(store, micros_of("2026-03-04T12:00:00Z"))
    assert [alert.reasons[0].observed for alert in store.alerts("UNUSUAL_SPENDING")] == ["0.00"]


def test_a_late_event_is_recorded_corrects_and_still_meets_the_other_rules() -> None:
    """Its fact and total count, large is large, and the closed day is not judged again."""
    log = people().pay("9000.00").pay("-1.00", time=at(3)).pay("-2000.00", time=at(1), category="DINING")
    store = watched_store(log, below())
    assert store.rows("late_events") == [(7, "e7", "urn:test", "a1", at(1), (24 + 14) * 3600 + 30 * 60)]
    assert [row[7] for row in store.rows("facts") if row[2] == "t7"] == [200_000]
    assert "LARGE_TRANSACTION" in [str(alert.__struct_config__.tag) for alert in store.alerts()]
    assert len([alert for alert in store.alerts() if alert.rule_id == "rule-0"]) == 3


def test_an_old_history_is_not_late_to_itself() -> None:
    """Importing last year's payments in order, all accepted today, finds every day open."""
    log = people()
    for day in range(5):
        log.pay("-1.00", time=at(day - 365), accepted=at(0, minutes=day))
    store = Store()
    store.apply(log.entries)
    assert store.rows("late_events") == []
