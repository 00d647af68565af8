"""What the live simulator writes with: present time, fresh ids, payments, and accounts that it tops up again."""

import random
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from contracts.events import CardAuthorised, Merchant, Payment, PaymentBooked
from contracts.money import Money, money_of
from contracts.vocabulary import AccountKind, CreditDebitIndicator, SpendingCategory
from producers.demo_people import Person
from producers.event_lines import event_line, timestamp

SOURCE = "urn:belfry:demo:simulator"
TOP_UP_FROM = 40_000
"""Minor units spent from an account since its last top-up that bring the next one: simulated days go on for ever."""

Clock = Callable[[], datetime]


class Desk:
    """Writes events of the present. Ids carry the time the simulator began, so that they never repeat between runs."""

    def __init__(self, seed: int, clock: Clock) -> None:
        self.chance = random.Random(seed)
        self._clock = clock
        self._run = f"live-{int(clock().timestamp() * 1000)}"
        self._count = 0
        self._spent: dict[str, int] = defaultdict(int)

    def next_id(self) -> str:
        """Return an id not used before."""
        self._count += 1
        return f"{self._run}-{self._count:06}"

    def line(self, data: msgspec.Struct, *, ago_s: float = 0.0) -> bytes:
        """Write an event that happened `ago_s` seconds ago."""
        time = timestamp(self._clock() - timedelta(seconds=ago_s))
        return event_line(data, event_id=f"{self.next_id()}-e", source=SOURCE, time=time)

    def purchase(
        self, person: Person, kind: AccountKind, minor: int, merchant: Merchant, original: Money | None = None
    ) -> CardAuthorised:
        """Return an authorised card payment of a person; `top_up` gives it back later."""
        self._spent[person.account_id(kind)] += minor
        return CardAuthorised(
            transaction_id=self.next_id(),
            account_id=person.account_id(kind),
            amount=money_of(minor, person.currency),
            credit_debit_indicator=CreditDebitIndicator.DEBIT,
            original_amount=original,
            card_id=person.card_id(kind),
            merchant=merchant,
        )

    def booked(self, authorised: CardAuthorised) -> PaymentBooked:
        """Return the booking of an authorised payment: the same transaction."""
        return PaymentBooked(**{name: getattr(authorised, name) for name in Payment.__struct_fields__})

    def bill(
        self, person: Person, minor: int, counterparty: str, text: str, category: SpendingCategory
    ) -> PaymentBooked:
        """Return a booked bill of a person; `top_up` gives it back later."""
        account_id = person.account_id(AccountKind.CURRENT)
        self._spent[account_id] += minor
        return self.transfer(account_id, -minor, person.currency, counterparty, text, category)

    def transfer(
        self,
        account_id: str,
        signed: int,
        currency: str,
        counterparty: str,
        text: str,
        category: SpendingCategory = SpendingCategory.TRANSFERS,
    ) -> PaymentBooked:
        """Return a booked transfer of minor units, negative for a debit."""
        return PaymentBooked(
            transaction_id=self.next_id(),
            account_id=account_id,
            amount=money_of(abs(signed), currency),
            credit_debit_indicator=CreditDebitIndicator.CREDIT if signed > 0 else CreditDebitIndicator.DEBIT,
            counterparty=counterparty,
            remittance_information=text,
            category=category,
        )

    def cover(self, person: Person, kind: AccountKind, minor: int) -> PaymentBooked:
        """Return the transfer that pays for a purchase of the same amount, so that the account stays where it was."""
        self._spent[person.account_id(kind)] -= minor
        return self.transfer(person.account_id(kind), minor, person.currency, "Savings plan", "For a large purchase")

    def top_up(self, person: Person, kind: AccountKind) -> PaymentBooked | None:
        """Return the transfer that gives an account back what the simulator spent, once that is enough."""
        account_id = person.account_id(kind)
        if self._spent[account_id] < TOP_UP_FROM:
            return None
        return self.transfer(account_id, self._spent.pop(account_id), person.currency, "Savings plan", "Top-up")
