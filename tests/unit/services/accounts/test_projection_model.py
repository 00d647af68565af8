"""The projection against a naive model: events in any order, duplicated, in any batches, with crashes at commits."""

import sqlite3
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from contracts.events import LogEntry
from services.accounts.balances import balance_days, closing_of, current_balances
from services.accounts.projection import apply
from services.accounts.tables import SCHEMA
from tests.examples import examples
from tests.unit.services.accounts.samples import Named, account, entries, event, money

ACCOUNTS = ("acc-0", "acc-1")
DAYS = tuple(f"2026-01-0{day}" for day in range(1, 6))
KINDS = (
    "payment.pending",
    "card.authorised",
    "payment.booked",
    "payment.booked",
    "payment.reversed",
    "payment.rejected",
    "card.reversed",
    "card.declined",
)
cents = st.integers(1, 500)


@st.composite
def movements(draw: st.DrawFn) -> Named:
    number = draw(st.integers(0, 9))
    data: dict[str, Any] = {
        "transactionId": f"t{number}",
        "accountId": ACCOUNTS[number % 2],
        "amount": money(f"{draw(cents) / 100:.2f}"),
        "creditDebitIndicator": draw(st.sampled_from(["CRDT", "DBIT"])),
        "bookingDate": draw(st.sampled_from(DAYS)),
    }
    if draw(st.booleans()):
        data["balanceAfter"] = money(f"{draw(st.integers(-500, 500)) / 100:.2f}")
    return event(draw(st.sampled_from(KINDS)), **data)


@st.composite
def reports(draw: st.DrawFn) -> Named:
    balance = money(f"{draw(st.integers(-500, 500)) / 100:.2f}")
    day, of = draw(st.sampled_from(DAYS)), draw(st.sampled_from(ACCOUNTS))
    return event("balance.reported", accountId=of, balance=balance, referenceDate=day)


logs = st.lists(st.one_of(movements(), movements(), reports()), max_size=40)


def minor(amount: dict[str, str]) -> int:
    return round(float(amount["amount"]) * 100)


class Model:
    """An account's days and holds, found by walking through the whole log again for each question."""

    def __init__(self, log: list[Named], account_id: str) -> None:
        self.steps: list[tuple[str, int, bool]] = []
        self.holds: dict[str, int] = {}
        settled: set[str] = set()
        booked: set[str] = set()
        for kind, data, _ in log:
            if data["accountId"] != account_id:
                continue
            if kind == "balance.reported":
                self.steps.append((data["referenceDate"], minor(data["balance"]), True))
                continue
            id, sign = data["transactionId"], 1 if data["creditDebitIndicator"] == "CRDT" else -1
            if kind in ("payment.pending", "card.authorised"):
                if id not in settled:
                    self.holds[id] = sign * minor(data["amount"])
                continue
            settled.add(id)
            self.holds.pop(id, None)
            if kind in ("payment.booked", "payment.reversed") and id not in booked:
                booked.add(id)
                self.steps.append((data["bookingDate"], sign * minor(data["amount"]), False))
                if "balanceAfter" in data:
                    self.steps.append((data["bookingDate"], minor(data["balanceAfter"]), True))

    def closing(self, on: str) -> int:
        balance = 0
        for _, amount, stated in sorted((step for step in self.steps if step[0] <= on), key=lambda step: step[0]):
            balance = amount if stated else balance + amount
        return balance


def opened() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript(SCHEMA)
    return connection


def state(connection: sqlite3.Connection) -> list[str]:
    return list(connection.iterdump())


def batches(log: list[LogEntry], cuts: set[int]) -> list[list[LogEntry]]:
    ends = sorted({cut for cut in cuts if 0 < cut < len(log)} | {len(log)})
    return [log[start:end] for start, end in zip([0, *ends], ends, strict=False)]


@given(log=logs, cuts=st.sets(st.integers(0, 45)))
@examples(40)
def test_balances_equal_those_of_a_naive_model(log: list[Named], cuts: set[int]) -> None:
    """Whatever the order, the repeats and the batches, each balance is what the whole log says."""
    connection = opened()
    for batch in batches(entries(*map(account, ACCOUNTS), *log), cuts):
        apply(connection, batch)
    for id in ACCOUNTS:
        model = Model(log, id)
        assert [closing_of(connection, id, day).minor for day in DAYS] == [model.closing(day) for day in DAYS]
        found = [round(float(day.amount.amount) * 100) for day in balance_days(connection, id, DAYS[0], DAYS[-1])]
        assert found == [model.closing(day) for day in sorted({step[0] for step in model.steps})]
        held = dict(connection.execute("SELECT transaction_id, minor FROM holds WHERE account_id = ?", (id,)))
        assert held == model.holds
        _, available, expected = [
            (1 if balance.credit_debit_indicator == "CRDT" else -1) * round(float(balance.amount.amount) * 100)
            for balance in current_balances(connection, [id])
        ]
        assert available == model.closing(DAYS[-1]) + sum(hold for hold in model.holds.values() if hold < 0)
        assert expected == model.closing(DAYS[-1]) + sum(model.holds.values())


@given(log=logs, cuts=st.sets(st.integers(0, 45)), crashes=st.sets(st.integers(0, 45)), back=st.integers(0, 5))
@examples(40)
def test_a_crash_at_any_commit_leaves_the_same_state(
    log: list[Named], cuts: set[int], crashes: set[int], back: int
) -> None:
    """A batch undone before its commit and applied again, with entries from before it, ends where one batch ends."""
    whole = entries(*map(account, ACCOUNTS), *log)
    undisturbed, crashed = opened(), opened()
    apply(undisturbed, whole)
    for number, batch in enumerate(batches(whole, cuts)):
        if number in crashes:
            crashed.execute("BEGIN")
            apply(crashed, batch)
            crashed.execute("ROLLBACK")
        apply(crashed, whole[max(0, batch[0].offset - 1 - back) : batch[-1].offset])
    assert state(crashed) == state(undisturbed)
