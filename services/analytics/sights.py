"""What a rule sees of one event, and what it finds: values that the caller fills from state or from history."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from contracts.alerts import AlertReason, AnyAlert
from contracts.rules import AlertRule
from contracts.vocabulary import AlertState
from services.analytics.baselines import Spread
from services.analytics.facts import Fact
from services.analytics.instants import time_text
from services.analytics.states import AccountState, CardPayment

FactsBetween = Callable[[int, int], Sequence[Fact]]
"""(from, to) in microseconds, both included -> the account's facts in that time, this event's included."""


class Sight(msgspec.Struct):
    """A payment event after its fact was made, as a rule sees it for one customer.

    `day_total` and `spread` are None where the day's window is closed; `spread` is asked for only by a rule that gets
    so far, because making a baseline anew is what costs most here. `home` is the customer's residency. Each reason is
    that of the refusal this event tells of.
    """

    account: AccountState
    fact: Fact
    before: Fact | None
    facts_between: FactsBetween
    home: str = ""
    card_payments: Sequence[CardPayment] = ()
    day_total: int | None = None
    spread: Callable[[], Spread | None] | None = None
    decline_reason: str | None = None
    failure_reason: str | None = None


class Finding(msgspec.Struct, frozen=True):
    """An alert not yet addressed: it has no id, customer, seq or raising time. `subject` is what it is about.

    Rule, customer and subject make the alert's id, so the same finding is the same alert however often it is found.
    """

    subject: str
    occurred_us: int
    alert: AnyAlert


def opening(
    rule: AlertRule, occurred_us: int, title: str, body: str, reason: AlertReason, **places: str | None
) -> dict[str, Any]:
    """Return the fields every kind of alert begins with; `places` are account, card and transaction ids."""
    return {
        "id": "",
        "customer_id": "",
        "seq": 0,
        "severity": rule.severity,
        "state": AlertState.NEW,
        "title": title,
        "body": body,
        "occurred_at": time_text(occurred_us),
        "raised_at": "",
        "rule_id": rule.id,
        "rule_version": rule.version,
        "reasons": [reason],
        **places,
    }


def places_of(fact: Fact) -> dict[str, str | None]:
    """Return where a payment happened, for `opening`."""
    return {"account_id": fact.account_id, "card_id": fact.card_id, "transaction_id": fact.transaction_id}
