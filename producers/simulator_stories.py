"""What the live simulator does now and then: each story is a few events of one person that are worth an alert."""

from collections.abc import Callable

from contracts.events import (
    CardDeclined,
    LoginSucceeded,
    Merchant,
    Payment,
    PaymentRejected,
    StandingOrderFailed,
)
from contracts.money import money_of
from contracts.vocabulary import AccountKind, CreditDebitIndicator, DevicePlatform, SpendingCategory
from producers.demo_customers import BY_SLUG, landlord_of
from producers.demo_history import HOUSEHOLD_BALANCE
from producers.demo_ledger import card_account_of, merchant_of
from producers.demo_merchants import TRIPS, Shop, draw_shop, original_amount
from producers.demo_people import HOUSEHOLDS, Person
from producers.simulator_desk import Desk

BURST = 7
"""Card payments within a few seconds."""
OVERDRAWN_BY = 1_240
"""Minor units the household account is taken below zero."""

Story = Callable[[Desk, Person], list[bytes]]

_JEWELLER = Shop("Maison Aurore Jewellers", "5944", 240_000, 690_000, 1)
_KIOSK = Shop("Pixel Arcade", "5816", 499, 1_999, 1)


def large_transaction(desk: Desk, person: Person) -> list[bytes]:
    """Buy something far dearer than usual, booked at once."""
    minor = desk.chance.randrange(_JEWELLER.low, _JEWELLER.high)
    bought = desk.purchase(person, AccountKind.CURRENT, minor, _at_home(person, _JEWELLER))
    covered = desk.cover(person, AccountKind.CURRENT, minor)
    return [desk.line(covered, ago_s=2), desk.line(bought, ago_s=1), desk.line(desk.booked(bought))]


def card_declined(desk: Desk, person: Person) -> list[bytes]:
    """Be refused at the till."""
    shop = draw_shop(desk.chance)
    kind = card_account_of(person)
    declined = CardDeclined(
        transaction_id=desk.next_id(),
        account_id=person.account_id(kind),
        amount=money_of(shop.high, person.currency),
        credit_debit_indicator=CreditDebitIndicator.DEBIT,
        card_id=person.card_id(kind),
        merchant=_at_home(person, shop),
        reason="Wrong PIN",
    )
    return [desk.line(declined)]


def foreign_transaction(desk: Desk, person: Person) -> list[bytes]:
    """Pay in another country, in its currency."""
    trip = desk.chance.choice([trip for trip in TRIPS if trip.currency != person.currency])
    minor = desk.chance.randrange(2_500, 16_000)
    merchant = merchant_of(Shop("Seaside Electronics", "5732", 0, 0, 1), trip.country, trip.city)
    paid = desk.purchase(
        person, card_account_of(person), minor, merchant, original_amount(minor, person.currency, trip)
    )
    return [desk.line(paid)]


def velocity(desk: Desk, person: Person) -> list[bytes]:
    """Use one card many times within seconds."""
    merchant = _at_home(person, _KIOSK)
    amounts = [desk.chance.randrange(_KIOSK.low, _KIOSK.high) for _ in range(BURST)]
    return [
        desk.line(desk.purchase(person, AccountKind.CURRENT, minor, merchant), ago_s=BURST - number)
        for number, minor in enumerate(amounts)
    ]


def low_balance(desk: Desk, _: Person) -> list[bytes]:
    """Take the first household's account below zero, and cover it: the bank's own balances are told along."""
    household = HOUSEHOLDS[0]
    currency = BY_SLUG[household.owner].currency
    account_id, minor = household.account_id, HOUSEHOLD_BALANCE + OVERDRAWN_BY
    bill = desk.transfer(account_id, -minor, currency, "Hamburg Energy", "Yearly settlement")
    cover = desk.transfer(account_id, minor, currency, "Anna", "To cover the bill")
    return [
        desk.line(_with_balance(bill, -OVERDRAWN_BY, currency, SpendingCategory.UTILITIES), ago_s=1),
        desk.line(_with_balance(cover, HOUSEHOLD_BALANCE, currency, SpendingCategory.TRANSFERS)),
    ]


def failed_standing_order(desk: Desk, person: Person) -> list[bytes]:
    """Fail to pay the rent."""
    failed = StandingOrderFailed(
        standing_order_id=person.rent_order_id,
        account_id=person.account_id(AccountKind.CURRENT),
        amount=money_of(person.rent * 100, person.currency),
        counterparty=landlord_of(person),
        reason="The recipient's account is closed",
    )
    return [desk.line(failed)]


def rejected_payment(desk: Desk, person: Person) -> list[bytes]:
    """Have a transfer returned."""
    sent = desk.transfer(
        person.account_id(AccountKind.CURRENT), -8_900, person.currency, "City Sports Club", "Membership"
    )
    fields = {name: getattr(sent, name) for name in Payment.__struct_fields__}
    return [desk.line(PaymentRejected(**fields, reason="Account number unknown"))]


def new_device(desk: Desk, person: Person) -> list[bytes]:
    """Sign in from a device never seen before."""
    login = LoginSucceeded(
        customer_id=person.customer_id,
        device_id=f"device-{desk.next_id()}",
        platform=desk.chance.choice(list(DevicePlatform)),
        country=desk.chance.choice(TRIPS).country,
    )
    return [desk.line(login)]


STORIES: tuple[Story, ...] = (
    large_transaction,
    card_declined,
    low_balance,
    foreign_transaction,
    new_device,
    velocity,
    failed_standing_order,
    rejected_payment,
)
"""In the order they are told, over and over."""


def _at_home(person: Person, shop: Shop) -> Merchant:
    return merchant_of(shop, person.country, person.city)


def _with_balance(payment: Payment, balance: int, currency: str, category: SpendingCategory) -> Payment:
    fields = {name: getattr(payment, name) for name in Payment.__struct_fields__}
    return type(payment)(**fields | {"balance_after": money_of(balance, currency), "category": category})
