"""What a batch of movements does to balances: a pure fold from events to the rows to write. No I/O, no clock.

    hold      pending, card authorised     holds its amount until the transaction is settled; a later one replaces it
    book      booked, reversed             books once per transaction, on its day, and settles it
    release   rejected, declined,          drops the hold and settles the transaction: a pending event that comes
              card reversed                late holds nothing. A booking after it still books: the bank's ledger decides
    state     balance reported             the bank's own balance of a day

A day is what was stated on it (by `balanceAfter` or a report: the latest wins) plus what was booked on it since. So a
late booking corrects every later day up to the next one with a statement, which already has it.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from contracts.money import Money, minor_of
from contracts.vocabulary import CreditDebitIndicator
from services.accounts.times import utc_day

AMOUNT_ABSENT = Money("0", "EUR")


class Movement(msgspec.Struct, rename="camel", gc=False):
    """The part of a payment's or a card's event data that moves balances.

    The event service has checked all of it; reading this part alone costs a third of the whole struct.
    """

    transaction_id: str
    account_id: str
    amount: Money = AMOUNT_ABSENT
    credit_debit_indicator: str = ""
    booking_date: str | None = None
    balance_after: Money | None = None


class Statement(msgspec.Struct, rename="camel", gc=False):
    """The part of `balance.reported` that is used: all of it."""

    account_id: str
    balance: Money
    reference_date: str


class DayChange(msgspec.Struct, gc=False):
    """What a batch does to an account's day: `net_minor` comes on top of `stated_minor`, else of what is stored."""

    stated_minor: int | None = None
    net_minor: int = 0


class Touch(msgspec.Struct, gc=False):
    """The last event of a batch that changed an account: log offset and event times."""

    offset: int
    changed_at: str
    booked_at: str | None = None


class Hold(msgspec.Struct, frozen=True, gc=False):
    account_id: str
    minor: int


class Ledger:
    """One batch's effect on balances, given what is known of the transactions it names.

    `settled` says of each settled one whether it was booked; `held` are those with a hold.
    """

    def __init__(self, settled: dict[str, bool], held: set[str]) -> None:
        self._known = settled
        self._held = held
        self.days: dict[tuple[str, str], DayChange] = {}
        self.holds: dict[str, Hold] = {}
        self.dropped: set[str] = set()
        self.settled: dict[str, bool] = {}
        self.touched: dict[str, Touch] = {}

    def hold(self, movement: Movement, offset: int, time: str) -> None:
        """Hold the amount until the transaction is settled; nothing where it already is."""
        if self._booked(movement.transaction_id) is not None:
            return
        self.holds[movement.transaction_id] = Hold(movement.account_id, signed_minor(movement))
        self._touch(movement.account_id, offset, time)

    def book(self, movement: Movement, offset: int, time: str) -> None:
        """Book the amount on its day, once for a transaction whatever the number of events."""
        if self._booked(movement.transaction_id):
            return
        minor, after = signed_minor(movement), movement.balance_after
        stated = None if after is None else minor_of(after.amount, after.currency, signed=True)
        day = self._day(movement.account_id, movement.booking_date or utc_day(time))
        if stated is None:
            day.net_minor += minor
        else:
            day.stated_minor, day.net_minor = stated, 0
        self._settle(movement.transaction_id, booked=True)
        self._touch(movement.account_id, offset, time, booked=True)

    def release(self, movement: Movement, offset: int, time: str) -> None:
        """Drop the hold, and let no later pending event make one."""
        if self._booked(movement.transaction_id) is None and self._settle(movement.transaction_id, booked=False):
            self._touch(movement.account_id, offset, time)

    def state(self, statement: Statement, offset: int, time: str) -> None:
        """Take the bank's balance at the end of a day."""
        stated = minor_of(statement.balance.amount, statement.balance.currency, signed=True)
        day = self._day(statement.account_id, statement.reference_date)
        day.stated_minor, day.net_minor = stated, 0
        self._touch(statement.account_id, offset, time, booked=True)

    def _booked(self, transaction_id: str) -> bool | None:
        """Return whether a settled transaction was booked, None for one that is not settled."""
        booked = self.settled.get(transaction_id)
        return self._known.get(transaction_id) if booked is None else booked

    def _settle(self, transaction_id: str, *, booked: bool) -> bool:
        """Settle a transaction and say whether it had a hold."""
        self.settled[transaction_id] = booked
        held = transaction_id in self._held
        if held:
            self.dropped.add(transaction_id)
        return self.holds.pop(transaction_id, None) is not None or held

    def _day(self, account_id: str, day: str) -> DayChange:
        key = (account_id, day)
        change = self.days.get(key)
        if change is None:
            change = self.days[key] = DayChange()
        return change

    def _touch(self, account_id: str, offset: int, time: str, *, booked: bool = False) -> None:
        touch = self.touched.get(account_id)
        if touch is None:
            touch = self.touched[account_id] = Touch(offset, time)
        touch.offset, touch.changed_at = offset, time
        if booked:
            touch.booked_at = time


def signed_minor(movement: Movement) -> int:
    """Return the amount in minor units, negative for a debit."""
    minor = minor_of(movement.amount.amount, movement.amount.currency)
    return minor if movement.credit_debit_indicator == CreditDebitIndicator.CREDIT else -minor


_movements = msgspec.json.Decoder(Movement)
_statements = msgspec.json.Decoder(Statement)

EFFECTS: dict[str, tuple[msgspec.json.Decoder[Any], Any]] = {
    "belfry.payment.pending.v1": (_movements, Ledger.hold),
    "belfry.card.authorised.v1": (_movements, Ledger.hold),
    "belfry.payment.booked.v1": (_movements, Ledger.book),
    "belfry.payment.reversed.v1": (_movements, Ledger.book),
    "belfry.payment.rejected.v1": (_movements, Ledger.release),
    "belfry.card.declined.v1": (_movements, Ledger.release),
    "belfry.card.reversed.v1": (_movements, Ledger.release),
    "belfry.balance.reported.v1": (_statements, Ledger.state),
}
"""How each event type that moves balances is read, and what it does to a ledger."""


def transaction_ids(movements: Iterable[Movement | Statement]) -> list[str]:
    """Return the transactions a batch names, once each, in key order."""
    return sorted({movement.transaction_id for movement in movements if isinstance(movement, Movement)})
