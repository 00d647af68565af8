"""What a rule looks at lies in one account, or in one customer's own events: a log cut by account raises the same.

So analytics may be spread over processes by account without a second hop for the rules; what is the customer's (the
order of their alerts, what is unread, what they answered) is not cut that way: docs/aws.md.
"""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from contracts import rules as r
from contracts.events import LogEntry
from contracts.money import Money
from contracts.vocabulary import AlertSeverity, Comparison
from services.analytics.rule_store import create_rule
from tests.examples import examples
from tests.unit.services.analytics.logs import Log, Store, at, people

ACCOUNTS = ("a1", "a2", "a3")
CARDS = {"a1": "k2", "a2": "k1", "a3": "k3"}
OPENING = people().account("a2", "cust-1").account("a3", "cust-2").card("k1", "a2", "cust-1").card("k3", "a3", "cust-2")
REFERENCES = len(OPENING.entries)

CONDITIONS: tuple[r.AnyCondition, ...] = (
    r.AggregateCondition(comparison=Comparison.ABOVE, window_hours=48, total=Money("600.00", "EUR")),
    r.AggregateCondition(comparison=Comparison.BELOW, window_hours=24, total=Money("50.00", "EUR")),
    r.AmountCondition(amount=Money("500.00", "EUR"), direction="DBIT"),
    r.BalanceCondition(threshold=Money("100.00", "EUR")),
)

PAYMENTS = st.tuples(
    st.sampled_from(ACCOUNTS),
    st.sampled_from(["-1.00", "-30.00", "-650.00", "-1500.00", "900.00"]),
    st.integers(0, 600),  # minutes since the event before
    st.booleans(),  # by card
    st.sampled_from(["DE", "FR", "US"]),
    st.sampled_from(["payment.pending", "payment.booked", "payment.booked", "card.declined"]),
)
LOGINS = st.tuples(st.sampled_from(["cust-1", "cust-2"]), st.sampled_from(["d1", "d2", "d3"]))


def log_of(steps: list[tuple[Any, ...]]) -> Log:
    """Return a log of payments and logins after the opening."""
    log, minutes = Log(), 0.0
    log.entries = list(OPENING.entries)
    for step in steps:
        if len(step) == 2:
            log.add("login.succeeded", at(0, minutes=minutes), customerId=step[0], deviceId=step[1], platform="IOS")
            continue
        account_id, amount, passed, by_card, country, kind = step
        minutes += float(passed)
        card: dict[str, Any] = {"merchant": {"name": "Bistro", "country": country}}
        if by_card or kind == "card.declined":
            card["cardId"] = CARDS[account_id]
        if kind == "card.declined":
            card["reason"] = "INSUFFICIENT_FUNDS"
        log.pay(amount, kind, at(0, minutes=minutes), accountId=account_id, category="DINING", **card)
    return log


def part_of(entry: LogEntry) -> str:
    """Return the account an event is about, or the customer where it is about none."""
    data = msgspec.json.decode(entry.event.data)
    return str(data.get("accountId") or data["customerId"])


def raised(entries: list[LogEntry]) -> set[bytes]:
    """Return the alerts that these events raise, without their place in the customer's log."""
    store = Store()
    store.apply(entries[:REFERENCES])
    for number, condition in enumerate(CONDITIONS):
        for customer_id in ("cust-1", "cust-2"):
            wanted = r.AlertRuleInput(
                customer_id=customer_id, name="Mine", severity=AlertSeverity.LOW, condition=condition,
                cooldown_s=3600 * (number % 2),
            )  # fmt: skip
            create_rule(store.connection, f"rule-{customer_id}-{number}", wanted)
    for entry in entries[REFERENCES:]:
        store.apply([entry])
    return {msgspec.json.encode(msgspec.structs.replace(alert, seq=0)) for alert in store.alerts()}


@given(steps=st.lists(st.one_of(PAYMENTS, PAYMENTS, LOGINS), min_size=5, max_size=25))
@examples(40)
def test_a_log_cut_by_account_raises_the_same_alerts(steps: list[tuple[Any, ...]]) -> None:
    """Each part sees the reference events and its own account's; together they raise what the whole log raises."""
    log = log_of(steps)
    events = log.entries[REFERENCES:]
    parts = [
        raised([*log.entries[:REFERENCES], *[entry for entry in events if part_of(entry) == part]])
        for part in (*ACCOUNTS, "cust-1", "cust-2")
    ]
    assert set.union(*parts) == raised(log.entries)
    assert sum(map(len, parts)) == len(set.union(*parts)), "two parts raise the same alert"
