"""A year of the demo customers' lives up to a given moment, in time order; the same for the same seed and moment.

What was bought in the last two days is authorised and not booked yet.
"""

import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta

import msgspec

from contracts.events import CardAuthorised, Payment, PaymentBooked, PriceQuoted
from contracts.money import money_of
from contracts.vocabulary import SpendingCategory
from producers.demo_customers import BY_SLUG, reference_events
from producers.demo_instruments import PRICE_CURRENCY, PRICE_EVERY_DAYS, price_paths
from producers.demo_ledger import Dated, Ledger, moment_of
from producers.demo_lives import Life
from producers.demo_people import HOUSEHOLDS, PEOPLE, Household
from producers.event_lines import event_line, timestamp

SOURCE = "urn:belfry:demo"
HISTORY_DAYS = 365
PENDING_DAYS = 2
"""Card purchases younger than this are pending."""
HOUSEHOLD_BALANCE = 34_000
"""What the first household's account holds at the end: the live simulator takes it below zero and back."""


def history_lines(now: datetime, seed: int) -> list[bytes]:
    """Return the whole history as lines of NDJSON, oldest first; `now` is aware. About 13,000 events."""
    start = now - timedelta(days=HISTORY_DAYS + 1)
    opened_on = start.date().isoformat()
    reference = [
        event_line(data, event_id=event_id, source=SOURCE, time=timestamp(start))
        for event_id, data in reference_events(opened_on, seed)
    ]
    events = sorted(_events(now, seed), key=lambda event: event.at)
    return reference + [
        event_line(_as_of(event, now), event_id=event.event_id, source=SOURCE, time=timestamp(event.at))
        for event in events
    ]


def _as_of(event: Dated, now: datetime) -> msgspec.Struct:
    data = event.data
    is_recent = event.at > now - timedelta(days=PENDING_DAYS)
    if not (is_recent and isinstance(data, PaymentBooked) and data.card_id):
        return data
    fields = {name: getattr(data, name) for name in Payment.__struct_fields__}
    return CardAuthorised(**fields | {"booking_date": None})


def _events(now: datetime, seed: int) -> Iterator[Dated]:
    days = [now.date() - timedelta(days=HISTORY_DAYS - number) for number in range(HISTORY_DAYS + 1)]
    for person in PEOPLE:
        yield from Life(person, Ledger(f"demo-{person.slug}", now), random.Random(f"{seed}{person.slug}")).lived(days)
    for number, household in enumerate(HOUSEHOLDS):
        ledger = Ledger(f"demo-{household.slug}-household", now)
        chance = random.Random(f"{seed}{household.slug}")
        yield from _household(household, ledger, chance, days, now if number == 0 else None)
    yield from _prices(Ledger("demo-prices", now), seed, days[::PRICE_EVERY_DAYS])


def _household(
    household: Household, ledger: Ledger, chance: random.Random, days: list[date], level_at: datetime | None
) -> list[Dated]:
    owner = BY_SLUG[household.owner]
    account_id, currency = household.account_id, owner.currency
    for day in days:
        if day.day == 1 or day == days[0]:
            for slug in (household.owner, household.joint):
                name = BY_SLUG[slug].given_name
                ledger.book(
                    moment_of(day, 5), account_id, household.share * 100, currency, counterparty=name,
                    text="Household share", category=SpendingCategory.TRANSFERS,
                )  # fmt: skip
        bill = chance.randrange(6_500, 14_900)
        if day.weekday() in (1, 3, 5) and ledger.balances[account_id] - bill > 0:
            ledger.book(
                moment_of(day, 17, chance.randrange(60)), account_id, -bill, currency, counterparty="Verdemarkt",
                text="Weekly groceries", category=SpendingCategory.GROCERIES,
            )  # fmt: skip
    surplus = ledger.balances[account_id] - HOUSEHOLD_BALANCE
    if level_at is not None and surplus:
        ledger.book(
            level_at - timedelta(seconds=1), account_id, -surplus, currency, counterparty="Household savings",
            text="Settling up", category=SpendingCategory.TRANSFERS,
        )  # fmt: skip
    return ledger.events


def _prices(ledger: Ledger, seed: int, days: list[date]) -> list[Dated]:
    for isin, path in price_paths(seed, len(days)).items():
        for day, price in zip(days, path, strict=True):
            ledger.tell(moment_of(day, 16, 30), PriceQuoted(isin=isin, price=money_of(price, PRICE_CURRENCY)))
    return ledger.events
