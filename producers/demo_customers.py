"""The demo bank's reference data as events: customers, accounts, cards, devices, standing orders and holdings."""

import random
from collections.abc import Iterator

import msgspec

from contracts.events import (
    AccountOpened,
    CardIssued,
    CustomerRegistered,
    DeviceRegistered,
    HoldingChanged,
    Party,
    StandingOrderCreated,
)
from contracts.money import money_of
from contracts.vocabulary import AccountKind, DevicePlatform, Frequency, HolderRole
from producers.demo_instruments import PRICE_CURRENCY, draw_portfolio
from producers.demo_people import DELEGATES, HOUSEHOLDS, PEOPLE, Household, Person

FIRST_CUSTOMER_ID = PEOPLE[0].customer_id
"""Whom the demo presents, and most of its alerts are for."""
BY_SLUG = {person.slug: person for person in PEOPLE}

_TITLES = {
    AccountKind.CURRENT: "Current account",
    AccountKind.SAVINGS: "Savings",
    AccountKind.CARD: "Credit card",
    AccountKind.SECURITIES: "Portfolio",
}
_BANK_CODES = {
    "DE": ("", "10000001"), "FR": ("", "9000100001"), "IT": ("X", "0900001000"), "NL": ("BLFR", ""),
    "GB": ("BLFR", "900001"), "CH": ("", "90001"), "ES": ("", "9000000100"),
    "AT": ("", "90001"), "IE": ("BLFR", "900001"),
}  # fmt: skip
"""Letters and digits of the invented bank in each country's account numbers."""
_DIGITS = {"DE": 18, "FR": 23, "IT": 22, "NL": 10, "GB": 14, "CH": 17, "ES": 20, "AT": 16, "IE": 14}
"""Digits of a national account number, the bank's included (SWIFT IBAN registry)."""


def iban_of(country: str, number: int) -> str:
    """Return an invented IBAN with valid check digits (ISO 13616)."""
    letters, bank = _BANK_CODES[country]
    national = f"{letters}{bank}{number:0{_DIGITS[country] - len(bank)}}"
    digits = "".join(str(int(character, 36)) for character in f"{national}{country}00")
    return f"{country}{98 - int(digits) % 97:02}{national}"


def reference_events(opened_on: str, seed: int) -> Iterator[tuple[str, msgspec.Struct]]:
    """Yield every (event id, data) of the bank's reference data, in an order the log accepts."""
    chance = random.Random(seed)
    for person in PEOPLE:
        yield person.customer_id, _customer(person)
    for number, person in enumerate(PEOPLE):
        for kind in person.kinds:
            account = _account(person, kind, opened_on, 1_000 * (number + 1) + list(AccountKind).index(kind))
            yield account.account_id, account
    for number, household in enumerate(HOUSEHOLDS):
        yield household.account_id, _household_account(household, opened_on, 90_000 + number)
    for person in PEOPLE:
        yield from _belongings(person, opened_on, chance)


def _customer(person: Person) -> CustomerRegistered:
    return CustomerRegistered(
        customer_id=person.customer_id,
        given_name=person.given_name,
        family_name=person.family_name,
        locale=person.locale,
        time_zone=person.time_zone,
        residency_country=person.country,
    )


def _account(person: Person, kind: AccountKind, opened_on: str, number: int) -> AccountOpened:
    parties = [Party(customer_id=person.customer_id, role=HolderRole.OWNER)]
    if kind is AccountKind.CURRENT and person.slug in DELEGATES:
        delegate = BY_SLUG[DELEGATES[person.slug]]
        parties.append(Party(customer_id=delegate.customer_id, role=HolderRole.DELEGATE))
    return AccountOpened(
        account_id=person.account_id(kind),
        kind=kind,
        currency=PRICE_CURRENCY if kind is AccountKind.SECURITIES else person.currency,
        display_name=_TITLES[kind],
        parties=parties,
        iban=iban_of(person.country, number) if kind in (AccountKind.CURRENT, AccountKind.SAVINGS) else None,
        opened_on=opened_on,
        overdraft_limit=money_of(50_000, person.currency) if kind is AccountKind.CURRENT else None,
        credit_limit=money_of(400_000, person.currency) if kind is AccountKind.CARD else None,
        interest_rate="2.10" if kind is AccountKind.SAVINGS else None,
    )


def _household_account(household: Household, opened_on: str, number: int) -> AccountOpened:
    owner, joint = BY_SLUG[household.owner], BY_SLUG[household.joint]
    return AccountOpened(
        account_id=household.account_id,
        kind=AccountKind.CURRENT,
        currency=owner.currency,
        display_name="Household",
        parties=[
            Party(customer_id=owner.customer_id, role=HolderRole.OWNER),
            Party(customer_id=joint.customer_id, role=HolderRole.JOINT),
        ],
        iban=iban_of(owner.country, number),
        opened_on=opened_on,
    )


def _belongings(person: Person, opened_on: str, chance: random.Random) -> Iterator[tuple[str, msgspec.Struct]]:
    for kind in (AccountKind.CURRENT, AccountKind.CARD):
        if kind in person.kinds:
            yield person.card_id(kind), _card(person, kind, opened_on, chance)
    for platform, name in ((person.phone, "phone"), (DevicePlatform.WEB, "browser")):
        device = DeviceRegistered(
            customer_id=person.customer_id,
            device_id=person.device_id(platform),
            platform=platform,
            name=f"{person.given_name}'s {name}",
        )
        yield device.device_id, device
    yield (
        person.rent_order_id,
        StandingOrderCreated(
            standing_order_id=person.rent_order_id,
            account_id=person.account_id(AccountKind.CURRENT),
            amount=money_of(person.rent * 100, person.currency),
            frequency=Frequency.MONTHLY,
            counterparty=landlord_of(person),
            purpose="Rent",
        ),
    )
    if person.invests:
        yield from _holdings(person, chance)


def landlord_of(person: Person) -> str:
    """Return who gets the rent."""
    return f"{person.city} Housing Association"


def _card(person: Person, kind: AccountKind, opened_on: str, chance: random.Random) -> CardIssued:
    return CardIssued(
        card_id=person.card_id(kind),
        account_id=person.account_id(kind),
        cardholder_id=person.customer_id,
        masked_pan=f"************{chance.randrange(10_000):04}",
        expiry=f"{int(opened_on[:4]) + 4}-{chance.randrange(1, 13):02}-28",
    )


def _holdings(person: Person, chance: random.Random) -> Iterator[tuple[str, msgspec.Struct]]:
    account_id = person.account_id(AccountKind.SECURITIES)
    for instrument, quantity in draw_portfolio(chance):
        yield (
            f"{account_id}-{instrument.isin}",
            HoldingChanged(
                account_id=account_id,
                isin=instrument.isin,
                instrument_name=instrument.name,
                quantity=str(quantity),
                average_cost=money_of(round(instrument.price * chance.uniform(0.85, 1.05)), PRICE_CURRENCY),
            ),
        )
