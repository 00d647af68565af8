"""The demo's invented people: who they are, what they earn and pay, which accounts and devices they have."""

import msgspec

from contracts.vocabulary import AccountKind, DevicePlatform


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """A demo customer; `salary` and `rent` are whole units of its currency a month. `invests`: has a portfolio."""

    slug: str
    given_name: str
    family_name: str
    locale: str
    time_zone: str
    country: str
    city: str
    currency: str = "EUR"
    salary: int
    rent: int
    employer: str
    saves: bool = True
    has_credit_card: bool = True
    invests: bool = False
    phone: DevicePlatform = DevicePlatform.IOS

    @property
    def customer_id(self) -> str:
        """Its id, stable in every demo."""
        return f"cust-{self.slug}"

    def account_id(self, kind: AccountKind) -> str:
        """Return the id of its own account of a kind."""
        return f"acct-{self.slug}-{_SUFFIXES[kind]}"

    def card_id(self, kind: AccountKind) -> str:
        """Return the id of its card on its account of a kind: the debit card on the current account."""
        return f"card-{self.slug}-{_SUFFIXES[kind]}"

    @property
    def kinds(self) -> list[AccountKind]:
        """Its accounts' kinds."""
        wanted = {
            AccountKind.CURRENT: True,
            AccountKind.SAVINGS: self.saves,
            AccountKind.CARD: self.has_credit_card,
            AccountKind.SECURITIES: self.invests,
        }
        return [kind for kind, has in wanted.items() if has]

    @property
    def rent_order_id(self) -> str:
        """The standing order that pays its rent."""
        return f"order-{self.slug}-rent"

    def device_id(self, platform: DevicePlatform) -> str:
        """Return the id of its device of a platform."""
        return f"device-{self.slug}-{platform.lower()}"


_SUFFIXES = {
    AccountKind.CURRENT: "current",
    AccountKind.SAVINGS: "savings",
    AccountKind.CARD: "card",
    AccountKind.SECURITIES: "securities",
}


class Household(msgspec.Struct, frozen=True):
    """Two people with one more current account, held jointly; each pays `share` a month into it."""

    slug: str
    owner: str
    joint: str
    share: int

    @property
    def account_id(self) -> str:
        """Its account's id."""
        return f"acct-{self.slug}-household"


PEOPLE = (
    Person(
        slug="anna-keller", given_name="Anna", family_name="Keller", locale="de-DE", time_zone="Europe/Berlin",
        country="DE", city="Hamburg", salary=4150, rent=1040, employer="Hafenlicht Medien GmbH", invests=True,
    ),
    Person(
        slug="jonas-keller", given_name="Jonas", family_name="Keller", locale="de-DE", time_zone="Europe/Berlin",
        country="DE", city="Hamburg", salary=3620, rent=620, employer="Elbtor Maschinenbau AG", invests=True,
        has_credit_card=False, phone=DevicePlatform.ANDROID,
    ),
    Person(
        slug="marie-laurent", given_name="Marie", family_name="Laurent", locale="fr-FR", time_zone="Europe/Paris",
        country="FR", city="Lyon", salary=3380, rent=890, employer="Atelier des Halles SARL", invests=True,
    ),
    Person(
        slug="luc-laurent", given_name="Luc", family_name="Laurent", locale="fr-FR", time_zone="Europe/Paris",
        country="FR", city="Lyon", salary=2940, rent=410, employer="Lycée du Parc", saves=False,
        phone=DevicePlatform.ANDROID,
    ),
    Person(
        slug="giulia-rossi", given_name="Giulia", family_name="Rossi", locale="it-IT", time_zone="Europe/Rome",
        country="IT", city="Bologna", salary=2680, rent=760, employer="Studio Portico", phone=DevicePlatform.ANDROID,
    ),
    Person(
        slug="pieter-de-vries", given_name="Pieter", family_name="de Vries", locale="nl-NL",
        time_zone="Europe/Amsterdam", country="NL", city="Utrecht", salary=3890, rent=1120,
        employer="Windlicht Energie BV", invests=True,
    ),
    Person(
        slug="emma-clarke", given_name="Emma", family_name="Clarke", locale="en-GB", time_zone="Europe/London",
        country="GB", city="Bristol", currency="GBP", salary=3150, rent=980, employer="Harbourside Design Ltd",
    ),
    Person(
        slug="lukas-meier", given_name="Lukas", family_name="Meier", locale="de-CH", time_zone="Europe/Zurich",
        country="CH", city="Winterthur", currency="CHF", salary=6900, rent=1850,
        employer="Rheintal Optik AG", invests=True,
    ),
    Person(
        slug="sofia-garcia", given_name="Sofía", family_name="García", locale="es-ES", time_zone="Europe/Madrid",
        country="ES", city="Valencia", salary=2310, rent=690, employer="Clínica del Turia",
        phone=DevicePlatform.ANDROID,
    ),
    Person(
        slug="katrin-lindner", given_name="Katrin", family_name="Lindner", locale="de-AT", time_zone="Europe/Vienna",
        country="AT", city="Graz", salary=3270, rent=810, employer="Murtal Spedition GmbH", has_credit_card=False,
    ),
    Person(
        slug="felix-lindner", given_name="Felix", family_name="Lindner", locale="de-AT", time_zone="Europe/Vienna",
        country="AT", city="Graz", salary=1480, rent=390, employer="Café Glockenspiel", has_credit_card=False,
        phone=DevicePlatform.ANDROID,
    ),
    Person(
        slug="aoife-byrne", given_name="Aoife", family_name="Byrne", locale="en-IE", time_zone="Europe/Dublin",
        country="IE", city="Galway", salary=3540, rent=1150, employer="Corrib Analytics Ltd", invests=True,
    ),
)  # fmt: skip

HOUSEHOLDS = (
    Household("keller", "anna-keller", "jonas-keller", 650),
    Household("laurent", "marie-laurent", "luc-laurent", 580),
)

DELEGATES = {"katrin-lindner": "felix-lindner"}
"""Whose current account is also seen and used by whom."""
