"""The book the demo's history is written in: dated events with ids that a second run repeats, and running balances."""

from collections import defaultdict
from datetime import UTC, date, datetime, time

import msgspec

from contracts.events import Merchant, PaymentBooked
from contracts.money import Money, money_of
from contracts.vocabulary import AccountKind, CreditDebitIndicator, SpendingCategory
from producers.demo_merchants import Shop
from producers.demo_people import Person


class Dated(msgspec.Struct, frozen=True):
    """One event of the demo before it is written as a line."""

    at: datetime
    event_id: str
    data: msgspec.Struct


class Ledger:
    """Collects events; `balances` are booked minor units by account. Nothing is kept from `until` on."""

    def __init__(self, key: str, until: datetime) -> None:
        self.events: list[Dated] = []
        self.balances: dict[str, int] = defaultdict(int)
        self._key = key
        self._until = until
        self._count = 0

    def next_id(self) -> str:
        """Return the next id; the same sequence of calls gives the same ids."""
        self._count += 1
        return f"{self._key}-{self._count:05}"

    def tell(self, at: datetime, data: msgspec.Struct) -> None:
        """Add an event that moves no money."""
        if at < self._until:
            self.events.append(Dated(at, self.next_id(), data))

    def book(
        self,
        at: datetime,
        account_id: str,
        signed: int,
        currency: str,
        *,
        card_id: str | None = None,
        merchant: Merchant | None = None,
        counterparty: str | None = None,
        text: str | None = None,
        category: SpendingCategory | None = None,
        original: Money | None = None,
    ) -> str:
        """Book minor units on an account, negative for a debit, and return the transaction's id."""
        transaction_id = self.next_id()
        if at < self._until:
            self.balances[account_id] += signed
            payment = PaymentBooked(
                transaction_id=transaction_id,
                account_id=account_id,
                amount=money_of(abs(signed), currency),
                credit_debit_indicator=CreditDebitIndicator.CREDIT if signed > 0 else CreditDebitIndicator.DEBIT,
                original_amount=original,
                booking_date=at.date().isoformat(),
                card_id=card_id,
                merchant=merchant,
                counterparty=counterparty,
                remittance_information=text,
                category=category,
            )
            self.events.append(Dated(at, transaction_id, payment))
        return transaction_id


def merchant_of(shop: Shop, country: str, city: str) -> Merchant:
    """Return a shop as the merchant of a card payment."""
    return Merchant(name=shop.name, merchant_category_code=shop.merchant_category_code, country=country, city=city)


def card_account_of(person: Person) -> AccountKind:
    """Return which account a person's larger purchases go to."""
    return AccountKind.CARD if person.has_credit_card else AccountKind.CURRENT


def moment_of(day: date, hour: int, minute: int = 0, second: int = 0) -> datetime:
    """Return a time of a day, UTC."""
    return datetime.combine(day, time(hour, minute, second), UTC)
