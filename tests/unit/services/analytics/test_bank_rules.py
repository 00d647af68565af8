"""What the bank's own rules raise, for whom, and what they leave alone."""

from typing import Any

import pytest

from contracts.alerts import LowBalanceAlert, UnusualSpendingAlert, VelocityAlert
from tests.unit.services.analytics.logs import Log, applied, at, kinds_for, people

GROCER = {"name": "Grocer", "merchantCategoryCode": "5411", "country": "FR"}
ABROAD = {"name": "Ramen", "merchantCategoryCode": "5812", "country": "JP"}


@pytest.mark.parametrize(
    ("amount", "kind", "raised"),
    [
        ("-1000.00", "payment.booked", 0),
        ("-1000.01", "payment.booked", 1),
        ("-1000.01", "card.authorised", 1),
        ("1000.01", "payment.booked", 0),
        ("-9999.00", "card.declined", 0),
    ],
)
def test_a_debit_above_the_limit_is_large(amount: str, kind: str, raised: int) -> None:
    """Above 1,000 out of the account, pending or booked; not at it, not coming in, not refused."""
    reason: dict[str, Any] = {"reason": "Wrong PIN"} if kind == "card.declined" else {}
    log = people().pay("5000.00").pay(amount, kind, **reason)
    large = applied(log).alerts("LARGE_TRANSACTION")
    assert [alert.customer_id for alert in large if alert.transaction_id == "t6"] == ["cust-1", "cust-2"] * raised


@pytest.mark.parametrize(("currency", "below", "above"), [("CZK", "25000.00", "25000.01"), ("JPY", "150000", "150001")])
def test_the_limit_is_scaled_to_the_currency(currency: str, below: str, above: str) -> None:
    """A thousand euros are a good many koruna or yen."""
    log = Log().customer("c").account("a1", "c", currency=currency, kind="CARD")
    for amount in (below, above):
        log.pay("-1", amount={"amount": amount, "currency": currency})
    assert [alert.transaction_id for alert in applied(log).alerts("LARGE_TRANSACTION")] == ["t4"]


def test_a_pending_then_booked_payment_is_one_alert() -> None:
    """The booking of an authorised payment is the same subject."""
    log = people().pay("9000.00").pay("-2000.00", "card.authorised", transactionId="x", cardId="k2")
    log.pay("-2000.00", transactionId="x", time=at(2))
    store = applied(log)
    assert kinds_for(store, "cust-1") == ["LARGE_TRANSACTION"]
    assert store.rows("facts")[-1][4] == "BOOK"


def test_each_crossing_below_zero_alerts_each_holder_once() -> None:
    """Only the booking that takes the balance below zero does, again after it came back."""
    log = people().pay("100.00").pay("-100.00").pay("-0.01").pay("-5.00").pay("10.00").pay("-6.00")
    low = applied(log).alerts("LOW_BALANCE")
    assert [(alert.transaction_id, alert.customer_id) for alert in low] == [
        (transaction, customer) for transaction in ("t7", "t10") for customer in ("cust-1", "cust-2")
    ]


def test_the_bank_s_balance_counts_where_it_is_told() -> None:
    """The balance before is the last one known, so rounding in a ledger invents no crossing."""
    log = people().pay("10.00", balanceAfter={"amount": "0.00", "currency": "EUR"})
    log.pay("-0.10", balanceAfter={"amount": "-0.20", "currency": "EUR"})
    (low, _) = applied(log).alerts("LOW_BALANCE")
    assert isinstance(low, LowBalanceAlert)
    assert (low.balance.amount, low.reasons[0].expected, low.title) == ("-0.20", "0.00", "Low balance: -0.20 EUR")


def test_a_reported_balance_restates_and_is_no_booking() -> None:
    """A report raises nothing; the next booking starts from it, with what was booked since."""
    log = people().pay("50.00", bookingDate="2026-03-01").pay("20.00", bookingDate="2026-03-02")
    balance = {"amount": "-30.00", "currency": "EUR"}
    log.add("balance.reported", at(1), accountId="a1", balance=balance, referenceDate="2026-03-01")
    log.pay("15.00", time=at(2)).pay("-6.00", time=at(2))
    (low, _) = applied(log).alerts("LOW_BALANCE")
    assert (low.transaction_id, low.body) == ("t9", "Everyday is at -1.00 EUR after 6.00 EUR.")


def test_a_card_account_is_below_zero_every_day() -> None:
    """What is owed on a card account is not a low balance."""
    log = Log().customer("c").account("a1", "c", kind="CARD").pay("-10.00")
    assert applied(log).alerts() == []


def test_card_alerts_go_to_the_cardholder() -> None:
    """Declined and abroad concern who holds the card, and home is where they live."""
    log = people().pay("-10.00", "card.declined", cardId="k2", merchant=GROCER, reason="Wrong PIN")
    log.pay("-10.00", "card.authorised", cardId="k2", merchant=GROCER)
    log.pay("-10.00", "card.authorised", cardId="k2", merchant=ABROAD)
    store = applied(log)
    assert kinds_for(store, "cust-1") == []
    assert kinds_for(store, "cust-2") == ["CARD_DECLINED", "FOREIGN_TRANSACTION"]


def test_alerts_of_an_unknown_card_go_to_every_holder() -> None:
    """A card that was never issued here still concerns somebody."""
    store = applied(people().pay("-10.00", "card.declined", cardId="k9", reason="Wrong PIN"))
    assert (kinds_for(store, "cust-1"), kinds_for(store, "cust-2")) == (["CARD_DECLINED"], ["CARD_DECLINED"])


def burst(log: Log, minutes: list[float], **data: Any) -> Log:
    """Append card payments at these minutes."""
    for minute in minutes:
        log.pay("-2.00", "card.authorised", at(minutes=minute), cardId="k2", **data)
    return log


@pytest.mark.parametrize(
    ("minutes", "raised"),
    [
        ([0, 1, 2, 3], 0),
        ([0, 1, 2, 3, 4], 1),
        ([0, 1, 2, 3, 4, 5, 6], 1),
        ([0, 3, 6, 9, 10], 0),
        ([0, 1, 2, 3, 4, 60, 61, 62, 63, 64], 2),
        ([0, 1, 8, 9, 2], 1),
    ],
)
def test_five_payments_in_ten_minutes_are_fast(minutes: list[float], raised: int) -> None:
    """Counted in event time, whatever order they come in; one burst is one alert."""
    found = applied(burst(people(), minutes)).alerts("VELOCITY")
    assert len(found) == raised
    for alert in found:
        assert isinstance(alert, VelocityAlert)
        assert (alert.transaction_count, alert.total.amount) == (5, "10.00")


def test_payments_without_a_time_of_day_are_not_fast() -> None:
    """Files that know days only have everything at midnight."""
    log = people()
    for _ in range(9):
        log.pay("-2.00", time="2026-03-02T00:00:00Z", cardId="k2")
    assert applied(log).alerts("VELOCITY") == []


def ordinary(log: Log, days: int) -> Log:
    """Spend 20, 21, 22, 20, … on groceries, a day after the other."""
    for day in range(days):
        log.pay(f"-{20 + day % 3}.00", time=at(day), category="GROCERIES")
    return log


def test_a_day_far_above_the_baseline_is_unusual() -> None:
    """Eight ordinary days make a baseline; the day's total counts, and it is one alert for each holder."""
    log = ordinary(people().pay("900.00"), 9)
    log.pay("-40.00", time=at(10), category="GROCERIES").pay("-40.00", time=at(10), category="GROCERIES")
    log.pay("-40.00", time=at(10), category="GROCERIES")
    found = applied(log).alerts("UNUSUAL_SPENDING")
    assert [alert.customer_id for alert in found] == ["cust-1", "cust-2"]
    assert isinstance(found[0], UnusualSpendingAlert)
    assert (found[0].total.amount, found[0].expected.amount, found[0].day) == ("80.00", "21.00", "2026-03-12")
    assert found[0].reasons[0].transaction_ids == ["t15", "t16"]


@pytest.mark.parametrize(("days", "amount"), [(7, "-400.00"), (9, "-49.00")])
def test_nothing_is_unusual_before_there_is_a_baseline_or_below_the_minimum(days: int, amount: str) -> None:
    """Seven days are too few, and 49 is too little to speak of."""
    log = ordinary(people().pay("900.00"), days).pay(amount, time=at(days + 1), category="GROCERIES")
    assert applied(log).alerts("UNUSUAL_SPENDING") == []


def test_a_failed_payment_and_a_failed_order_alert_the_holders() -> None:
    """Each failure is its own alert."""
    log = people().pay("-10.00", "payment.rejected", counterparty="Club", reason="Account closed")
    order = {"standingOrderId": "s1", "accountId": "a1", "counterparty": "Landlord", "reason": "No cover"}
    amount = {"amount": "700.00", "currency": "EUR"}
    for _ in range(2):
        log.add("standing-order.failed", amount=amount, **order)
    store = applied(log)
    assert kinds_for(store, "cust-1") == kinds_for(store, "cust-2") == ["FAILED_PAYMENT"] * 3
    assert store.alerts()[0].body == "10.00 EUR to Club could not be paid: Account closed."


def test_a_login_from_a_new_device_alerts_but_for_the_first_device_ever() -> None:
    """Registered devices and devices seen before are known."""
    log = people().add("device.registered", customerId="cust-2", deviceId="d9", platform="IOS", name="Phone")
    for customer, device in (("cust-1", "d1"), ("cust-1", "d1"), ("cust-1", "d2"), ("cust-2", "d9"), ("cust-2", "d3")):
        log.add("login.succeeded", customerId=customer, deviceId=device, platform="ANDROID", country="ES")
    found = applied(log).alerts("LOGIN")
    assert [(alert.customer_id, alert.reasons[0].observed) for alert in found] == [("cust-1", "d2"), ("cust-2", "d3")]


def test_a_released_authorisation_spends_nothing_and_may_still_be_booked() -> None:
    """The fact is zeroed, and counts again when the payment is booked after all."""
    log = people().pay("-30.00", "card.authorised", transactionId="x", cardId="k2", category="DINING")
    log.add("card.reversed", at(1), transactionId="x", accountId="a1")
    store = applied(log)
    assert [row[4:8] for row in store.rows("facts")] == [("RJCT", "EUR", -3000, 0)]
    log.pay("-30.00", time=at(2), transactionId="x")
    store.apply(log.entries[-1:])
    assert [row[4:9] for row in store.rows("facts")] == [("BOOK", "EUR", -3000, 3000, "DINING")]
