"""What the type system of an event's data cannot say: amounts that make sense and days that exist. Pure.

`CHECKS` has one entry for each event type; each returns the amount of a payment in minor units, 0 for other events.
"""

from collections.abc import Callable

import msgspec

from contracts import events as e
from contracts.failures import Rejected
from contracts.money import Money, exponent_of, minor_of
from services.events.times import is_date


def _money(money: Money, field: str, *, signed: bool = False) -> int:
    try:
        return minor_of(money.amount, money.currency, signed=signed)
    except Rejected as failure:
        part = "currency" if failure.reason == "UNKNOWN_CURRENCY" else "amount"
        raise Rejected(failure.message, code=failure.reason, pointer=f"/data/{field}/{part}") from None


def _positive(money: Money, field: str) -> int:
    minor = _money(money, field)
    if minor == 0:
        raise Rejected("The amount is zero.", code="BAD_AMOUNT", pointer=f"/data/{field}/amount")
    return minor


def _currency(code: str) -> None:
    try:
        exponent_of(code)
    except Rejected as failure:
        raise Rejected(failure.message, code=failure.reason, pointer="/data/currency") from None


def _day(text: str | None, field: str) -> None:
    if text is not None and not is_date(text):
        raise Rejected("The date is not in the calendar.", code="INVALID_DATA", pointer=f"/data/{field}")


def _payment(data: e.Payment) -> int:
    if data.original_amount is not None:
        _positive(data.original_amount, "originalAmount")
    if data.balance_after is not None:
        _money(data.balance_after, "balanceAfter", signed=True)
    if data.booking_date is not None:
        _day(data.booking_date, "bookingDate")
    if data.value_date is not None:
        _day(data.value_date, "valueDate")
    return _positive(data.amount, "amount")


def _reversal(data: e.PaymentReversed) -> int:
    if data.transaction_id == data.reverses_transaction_id:
        pointer = "/data/reversesTransactionId"
        raise Rejected("A reversal is a transaction of its own.", code="INVALID_DATA", pointer=pointer)
    return _payment(data)


def _account(data: e.AccountOpened) -> int:
    _currency(data.currency)
    _day(data.opened_on, "openedOn")
    for field, limit in (("overdraftLimit", data.overdraft_limit), ("creditLimit", data.credit_limit)):
        if limit is not None:
            _money(limit, field)
            if limit.currency != data.currency:
                raise currency_mismatch(f"/data/{field}/currency")
    return 0


def _card(data: e.CardIssued) -> int:
    _day(data.expiry, "expiry")
    return 0


def _holding(data: e.HoldingChanged) -> int:
    _money(data.average_cost, "averageCost")
    return 0


def _standing_order(data: e.StandingOrderCreated | e.StandingOrderExecuted) -> int:
    _positive(data.amount, "amount")
    _day(data.next_date, "nextDate")
    return 0


def _standing_order_failed(data: e.StandingOrderFailed) -> int:
    _positive(data.amount, "amount")
    return 0


def _balance(data: e.BalanceReported) -> int:
    _money(data.balance, "balance", signed=True)
    _day(data.reference_date, "referenceDate")
    return 0


def _price(data: e.PriceQuoted) -> int:
    _positive(data.price, "price")
    return 0


def _nothing(_: msgspec.Struct) -> int:
    return 0


def currency_mismatch(pointer: str) -> Rejected:
    """The failure for an amount that is not in the currency of its account."""
    return Rejected("The currency is not the account's.", code="CURRENCY_MISMATCH", pointer=pointer)


CHECKS: dict[type, Callable[..., int]] = {
    e.CustomerRegistered: _nothing,
    e.AccountOpened: _account,
    e.CardIssued: _card,
    e.HoldingChanged: _holding,
    e.StandingOrderCreated: _standing_order,
    e.StandingOrderExecuted: _standing_order,
    e.StandingOrderFailed: _standing_order_failed,
    e.PaymentPending: _payment,
    e.PaymentBooked: _payment,
    e.PaymentRejected: _payment,
    e.PaymentReversed: _reversal,
    e.CardAuthorised: _payment,
    e.CardDeclined: _payment,
    e.CardReversed: _nothing,
    e.BalanceReported: _balance,
    e.LoginSucceeded: _nothing,
    e.LoginFailed: _nothing,
    e.DeviceRegistered: _nothing,
    e.PriceQuoted: _price,
}
