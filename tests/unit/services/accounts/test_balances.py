"""Balances from movements: statements win, late bookings correct, a transaction books once, settled holds go."""

import pytest

from contracts.accounts import Balance, BalanceDay
from contracts.failures import NotFound, Unavailable
from contracts.money import money_of
from contracts.vocabulary import BalanceType
from services.accounts.balances import balance_days, closing_balances, current_balances
from services.accounts.projection import DAY_MINOR_MAX, apply
from tests.cases import each
from tests.unit.services.accounts.samples import Named, Store, account, booked, entries, event, money, payment

OPEN = account()


def amounts(store: Store, id: str = "acc-1") -> dict[BalanceType, str]:
    return {balance.type: signed(balance) for balance in current_balances(store.connection, [id])}


def signed(balance: Balance) -> str:
    return ("-" if balance.credit_debit_indicator == "DBIT" else "") + balance.amount.amount


def closing(store: Store, on: str) -> str:
    [balance] = closing_balances(store.connection, ["acc-1"], on)
    return signed(balance)


def reported(amount: str, day: str) -> Named:
    return event("balance.reported", accountId="acc-1", balance=money(amount), referenceDate=day)


def test_a_new_account_has_balances_of_zero() -> None:
    """Without a booking each balance is zero and no day closes it."""
    [closed, available, expected] = current_balances(Store(OPEN).connection, ["acc-1"])
    assert {signed(closed), signed(available), signed(expected)} == {"0.00"}
    assert (closed.reference_date, closed.last_change) == (None, None)


def test_bookings_add_up_to_the_day_they_are_booked_on() -> None:
    """The closing balance of a day has every booking up to it; the current one says the last day."""
    store = Store(OPEN, booked("t1", "10.00", "2026-01-05"), booked("t2", "-3.50", "2026-01-07"))
    assert [closing(store, f"2026-01-0{day}") for day in (4, 5, 6, 7)] == ["0.00", "10.00", "10.00", "6.50"]
    current = current_balances(store.connection, ["acc-1"])[0]
    assert (signed(current), current.reference_date) == ("6.50", "2026-01-07")


def test_a_booking_without_a_date_goes_to_the_utc_day_of_its_time() -> None:
    """A time with an offset counts on the day it is in UTC."""
    store = Store(OPEN, booked("t1", "10.00", time="2026-01-05T00:30:00+02:00"))
    assert (closing(store, "2026-01-04"), closing(store, "2026-01-03")) == ("10.00", "0.00")


def test_the_stated_balance_wins_over_the_computed_one() -> None:
    """`balanceAfter` corrects what was computed, and later bookings of the day add to it."""
    store = Store(OPEN, booked("t1", "10.00", "2026-01-05"))
    store.add(booked("t2", "5.00", "2026-01-05", balanceAfter=money("100.00")), booked("t3", "-1.00", "2026-01-05"))
    assert closing(store, "2026-01-05") == "99.00"


def test_a_negative_stated_balance_is_a_debit() -> None:
    """An overdrawn account's balance is a positive amount on the debit side."""
    store = Store(OPEN, booked("t1", "-5.00", "2026-01-05", balanceAfter=money("-7.25")))
    current = current_balances(store.connection, ["acc-1"])[0]
    assert (current.amount.amount, current.credit_debit_indicator) == ("7.25", "DBIT")


def test_a_late_booking_corrects_the_days_after_it_up_to_a_statement() -> None:
    """Days after a late booking move with it; one the bank stated already has it, and so have those after."""
    store = Store(OPEN, booked("t1", "10.00", "2026-01-05"), booked("t2", "1.00", "2026-01-07"))
    store.add(reported("50.00", "2026-01-09"), booked("t3", "2.00", "2026-01-10"))
    store.add(booked("late", "4.00", "2026-01-06"))
    assert [closing(store, f"2026-01-{day}") for day in ("06", "07", "09", "10")] == [
        "14.00",
        "15.00",
        "50.00",
        "52.00",
    ]


def test_a_transaction_is_booked_once_whatever_events_say_so() -> None:
    """A second booked event of the same transaction changes nothing, in the same batch and in a later one."""
    store = Store(OPEN, booked("t1", "10.00", "2026-01-05"), booked("t1", "10.00", "2026-01-05"))
    store.add(booked("t1", "99.00", "2026-01-06", balanceAfter=money("1.00")))
    assert amounts(store)[BalanceType.CLOSING_BOOKED] == "10.00"


def test_a_reversal_books_the_opposite_movement() -> None:
    """A reversed payment is a booking of its own in the other direction."""
    store = Store(OPEN, booked("t1", "-10.00"), payment("payment.reversed", "t2", "10.00", reversesTransactionId="t1"))
    assert amounts(store)[BalanceType.CLOSING_BOOKED] == "0.00"


def test_pending_debits_are_not_available() -> None:
    """Available has the limits and no pending debit; expected has everything pending, credits too."""
    store = Store(account(overdraftLimit=money("200.00")), booked("t1", "100.00"))
    store.add(payment("card.authorised", "t2", "-30.00"), payment("payment.pending", "t3", "5.00"))
    assert amounts(store) == {
        BalanceType.CLOSING_BOOKED: "100.00",
        BalanceType.INTERIM_AVAILABLE: "270.00",
        BalanceType.EXPECTED: "75.00",
    }


@each("final", ["payment.booked", "payment.rejected", "card.reversed", "card.declined"])
@each("split", [True, False])
@each("late", [True, False])
def test_a_settled_transaction_holds_nothing(final: str, *, split: bool, late: bool) -> None:
    """Whatever settles a transaction drops its hold, also when the pending event comes after, in any batches."""
    events = [payment("card.authorised", "t1", "-30.00"), payment(final, "t1", "-30.00")]
    if late:
        events.reverse()
    store = Store(OPEN)
    if split:
        store.add(events[0])
        store.add(events[1])
    else:
        store.add(*events)
    assert amounts(store)[BalanceType.EXPECTED] == ("-30.00" if final == "payment.booked" else "0.00")
    assert amounts(store)[BalanceType.INTERIM_AVAILABLE] == amounts(store)[BalanceType.EXPECTED]


def test_a_booking_after_a_release_still_books() -> None:
    """The bank's ledger decides: what it books counts, released or not."""
    store = Store(OPEN, payment("card.authorised", "t1", "-30.00"), payment("card.reversed", "t1", "-30.00"))
    store.add(booked("t1", "-30.00"))
    assert amounts(store)[BalanceType.CLOSING_BOOKED] == "-30.00"


def test_the_last_change_is_the_time_of_the_event() -> None:
    """A hold changes what is available and not what is booked."""
    store = Store(OPEN, booked("t1", "1.00", time="2026-01-05T09:00:00Z"))
    store.add(payment("card.authorised", "t2", "-1.00", time="2026-01-06T09:00:00Z"))
    closed, available, _ = current_balances(store.connection, ["acc-1"])
    assert (closed.last_change, available.last_change) == ("2026-01-05T09:00:00Z", "2026-01-06T09:00:00Z")


def test_an_account_has_no_closing_balance_before_it_was_opened() -> None:
    """A day before the opening date and any booking has no balance."""
    assert closing_balances(Store(OPEN).connection, ["acc-1"], "2019-12-31") == []


def test_the_history_has_each_day_with_a_booking() -> None:
    """Days carry on from what was before the period."""
    store = Store(OPEN, *(booked(f"t{day}", "1.00", f"2026-01-0{day}") for day in (1, 2, 4, 6)))
    days = balance_days(store.connection, "acc-1", "2026-01-02", "2026-01-05")
    assert [(day.date, day.amount.amount) for day in days] == [("2026-01-02", "2.00"), ("2026-01-04", "3.00")]


def test_the_history_of_no_account_is_not_found() -> None:
    """An unknown account is refused, not answered with an empty history."""
    with pytest.raises(NotFound):
        balance_days(Store().connection, "acc-9", "2026-01-01", "2026-01-31")


def test_minor_units_follow_the_currency() -> None:
    """Yen have no decimals, Kuwaiti dinars three."""
    store = Store(account("acc-jpy", "JPY"), account("acc-kwd", "KWD"))
    store.add(booked("t1", "500", accountId="acc-jpy", amount=money("500", "JPY")))
    store.add(booked("t2", "1.005", accountId="acc-kwd", amount=money("1.005", "KWD")))
    found = {balance.amount.amount for balance in current_balances(store.connection, ["acc-jpy", "acc-kwd"])}
    assert found == {"500", "1.005"}


def test_absurd_amounts_stop_at_a_bound_and_stop_nothing_else() -> None:
    """Ten thousand of the largest bookings on one day neither fail nor lose digits in a float."""
    largest = "9999999999999.99"
    store = Store(OPEN)
    for batch in range(5):
        store.add(*(booked(f"t{batch}-{number}", largest, "2026-01-05") for number in range(2_000)))
    days = balance_days(store.connection, "acc-1", "2026-01-01", "2026-12-31")
    assert days == [BalanceDay("2026-01-05", money_of(DAY_MINOR_MAX, "EUR"))]


def test_entries_applied_before_are_skipped() -> None:
    """The same batch again, or one that overlaps, changes only what is new."""
    store = Store(OPEN)
    log = entries(OPEN, booked("t1", "1.00"), booked("t2", "1.00"), booked("t3", "1.00"))
    counts = [apply(store.connection, batch).count for batch in (log[:3], log[:3], log[1:])]
    assert (counts, amounts(store)[BalanceType.CLOSING_BOOKED]) == ([2, 0, 1], "3.00")


def test_a_hole_in_the_log_is_refused() -> None:
    """Nothing is applied when an entry is missing."""
    store = Store()
    with pytest.raises(Unavailable, match="hole"):
        apply(store.connection, entries(OPEN, after=1))


def test_a_commit_tells_which_accounts_it_changed() -> None:
    """Changes are once an account, by the offset that changed it last."""
    store = Store()
    applied = store.add(OPEN, account("acc-2"), booked("t1", "1.00"), booked("t1", "1.00"))
    assert [(change.offset, change.account_id) for change in applied.changes] == [(2, "acc-2"), (3, "acc-1")]
