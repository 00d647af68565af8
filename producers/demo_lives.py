"""One demo customer's year: salary, rent, bills, subscriptions, purchases, a trip abroad, logins.

Savings fill a current account up or take what is above, so that it stays between a few hundred and a few thousand.
"""

import random
from datetime import date, datetime, timedelta

from contracts.events import LoginSucceeded, StandingOrderExecuted
from contracts.money import money_of
from contracts.vocabulary import AccountKind, DevicePlatform, SpendingCategory
from producers.demo_customers import landlord_of
from producers.demo_ledger import Dated, Ledger, card_account_of, merchant_of, moment_of
from producers.demo_merchants import (
    SUBSCRIPTIONS,
    TRIP_SHOPS,
    TRIPS,
    Shop,
    Trip,
    draw_amount,
    draw_shop,
    original_amount,
)
from producers.demo_people import Person

TRIP_DAYS = 6
BALANCE_LOW = 90_000
BALANCE_HIGH = 480_000
"""Minor units of a current account at the end of a month; savings fill it up or take what is above."""
CREDIT_CARD_FROM = 3_000
"""Minor units above which a purchase goes to the credit card, where there is one."""


class Life:
    """One person's year, day after day."""

    def __init__(self, person: Person, ledger: Ledger, chance: random.Random) -> None:
        self._person = person
        self._ledger = ledger
        self._chance = chance
        self._current = person.account_id(AccountKind.CURRENT)
        self._savings = person.account_id(AccountKind.SAVINGS)
        self._card = person.account_id(AccountKind.CARD)
        self._trip = TRIPS[chance.randrange(len(TRIPS))]
        self._trip_from = chance.randrange(40, 320)

    def lived(self, days: list[date]) -> list[Dated]:
        """Live the days, once, and return what happened, in no order."""
        self._open(days[0])
        for number, day in enumerate(days):
            self._month(day)
            self._subscriptions(day)
            is_away = self._trip_from <= number < self._trip_from + TRIP_DAYS
            for _ in range(self._chance.choice((1, 2, 2, 3, 4))):
                self._travel(day) if is_away else self._shop(day)
            if number % 4 == 0:
                self._log_in(day)
        return self._ledger.events

    def _book(self, at: datetime, account_id: str, units: int, counterparty: str, category: SpendingCategory) -> str:
        return self._ledger.book(
            at,
            account_id,
            units,
            self._person.currency,
            counterparty=counterparty,
            text=counterparty,
            category=category,
        )

    def _open(self, day: date) -> None:
        start = self._chance.randrange(220_000, 420_000)
        self._book(moment_of(day, 0, 5), self._current, start, "Opening transfer", SpendingCategory.TRANSFERS)
        if self._person.saves:
            saved = self._chance.randrange(600_000, 2_600_000)
            self._book(moment_of(day, 0, 6), self._savings, saved, "Opening transfer", SpendingCategory.TRANSFERS)

    def _month(self, day: date) -> None:
        person = self._person
        if day.day == 1:
            self._pay_rent(day)
        elif day.day == 2 and person.has_credit_card:
            self._settle_card(day)
        elif day.day == 4:
            amount = self._chance.randrange(5_400, 11_900)
            self._book(moment_of(day, 6), self._current, -amount, f"{person.city} Energy", SpendingCategory.UTILITIES)
        elif day.day == 6:
            self._book(moment_of(day, 6), self._current, -2_499, "Fonia Mobile", SpendingCategory.UTILITIES)
        elif day.day == 27:
            self._book(moment_of(day, 5), self._current, person.salary * 100, person.employer, SpendingCategory.INCOME)
        elif day.day == 28:
            self._balance_out(day)

    def _pay_rent(self, day: date) -> None:
        person, at = self._person, moment_of(day, 4)
        transaction_id = self._book(
            at, self._current, -person.rent * 100, landlord_of(person), SpendingCategory.HOUSING
        )
        following = (day + timedelta(days=32)).replace(day=1)
        self._ledger.tell(
            at,
            StandingOrderExecuted(
                standing_order_id=person.rent_order_id,
                account_id=self._current,
                transaction_id=transaction_id,
                amount=money_of(person.rent * 100, person.currency),
                next_date=following.isoformat(),
            ),
        )

    def _settle_card(self, day: date) -> None:
        owed = -self._ledger.balances[self._card]
        if owed > 0:
            self._book(moment_of(day, 4), self._current, -owed, "Credit card settlement", SpendingCategory.TRANSFERS)
            self._book(moment_of(day, 4), self._card, owed, "Credit card settlement", SpendingCategory.TRANSFERS)

    def _balance_out(self, day: date) -> None:
        balance = self._ledger.balances[self._current]
        moved = min(0, BALANCE_HIGH - balance) + max(0, BALANCE_LOW * 2 - balance)
        if moved:
            self._book(moment_of(day, 7), self._current, moved, "Savings plan", SpendingCategory.TRANSFERS)
            if self._person.saves:
                self._book(moment_of(day, 7), self._savings, -moved, "Savings plan", SpendingCategory.TRANSFERS)

    def _subscriptions(self, day: date) -> None:
        for day_of_month, shop in SUBSCRIPTIONS:
            if day.day == day_of_month:
                self._pay(moment_of(day, 3), AccountKind.CURRENT, shop, shop.low)

    def _shop(self, day: date) -> None:
        shop = draw_shop(self._chance)
        cost = draw_amount(self._chance, shop)
        kind = card_account_of(self._person) if cost > CREDIT_CARD_FROM else AccountKind.CURRENT
        self._pay(self._some_time(day), kind, shop, cost)

    def _travel(self, day: date) -> None:
        shop = self._chance.choices(TRIP_SHOPS, [shop.weight for shop in TRIP_SHOPS])[0]
        kind = card_account_of(self._person)
        self._pay(self._some_time(day), kind, shop, draw_amount(self._chance, shop), self._trip)

    def _pay(self, at: datetime, kind: AccountKind, shop: Shop, cost: int, trip: Trip | None = None) -> None:
        person = self._person
        if kind is AccountKind.CURRENT:
            self._keep_afloat(at.date(), cost)
        self._ledger.book(
            at,
            person.account_id(kind),
            -cost,
            person.currency,
            card_id=person.card_id(kind),
            merchant=merchant_of(shop, trip.country, trip.city)
            if trip
            else merchant_of(shop, person.country, person.city),
            original=original_amount(cost, person.currency, trip),
        )

    def _keep_afloat(self, day: date, cost: int) -> None:
        if self._ledger.balances[self._current] - cost < BALANCE_LOW // 2:
            self._book(moment_of(day, 6, 30), self._current, BALANCE_LOW, "From savings", SpendingCategory.TRANSFERS)
            if self._person.saves:
                self._book(moment_of(day, 6, 30), self._savings, -BALANCE_LOW, "To current", SpendingCategory.TRANSFERS)

    def _some_time(self, day: date) -> datetime:
        return moment_of(day, self._chance.randrange(8, 22), self._chance.randrange(60), self._chance.randrange(60))

    def _log_in(self, day: date) -> None:
        person = self._person
        platform = self._chance.choice((person.phone, person.phone, DevicePlatform.WEB))
        self._ledger.tell(
            self._some_time(day),
            LoginSucceeded(
                customer_id=person.customer_id,
                device_id=person.device_id(platform),
                platform=platform,
                country=person.country,
            ),
        )
