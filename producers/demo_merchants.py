"""Invented merchants of the demo, with their category codes (ISO 18245) and what one usually pays there."""

import random

import msgspec

from contracts.money import Money, money_of


class Shop(msgspec.Struct, frozen=True):
    """`low` and `high` are minor units of the payer's currency; `weight` is how often it is chosen."""

    name: str
    merchant_category_code: str
    low: int
    high: int
    weight: int


SHOPS = (
    Shop("Verdemarkt", "5411", 1_200, 8_900, 22),
    Shop("Corner Pantry", "5499", 350, 2_400, 10),
    Shop("Bakehouse & Sons", "5462", 220, 1_150, 14),
    Shop("Café Lumière", "5814", 320, 1_250, 16),
    Shop("Trattoria Paolo", "5812", 1_800, 7_400, 7),
    Shop("Metro Urbana", "4111", 240, 980, 12),
    Shop("Northline Rail", "4112", 1_190, 8_900, 4),
    Shop("EuroFuel", "5541", 3_200, 8_800, 5),
    Shop("BookNest", "5942", 890, 4_200, 3),
    Shop("Linden Apparel", "5651", 1_990, 13_900, 3),
    Shop("ElectroHaus", "5732", 1_500, 18_900, 2),
    Shop("Central Pharmacy", "5912", 480, 3_600, 4),
    Shop("Cinema Astor", "7832", 950, 2_800, 2),
    Shop("HomeWorks DIY", "5200", 900, 12_500, 2),
    Shop("Studio Hair", "7230", 2_200, 6_800, 1),
)
_WEIGHTS = [shop.weight for shop in SHOPS]

SUBSCRIPTIONS = (
    (8, Shop("StreamBox", "5815", 1_299, 1_299, 1)),
    (12, Shop("TuneWave", "5815", 999, 999, 1)),
    (15, Shop("CityGym", "7997", 3_490, 3_490, 1)),
)
"""Day of the month and what is charged on it."""

TRIP_SHOPS = (
    Shop("Hotel Miramar", "7011", 8_900, 19_800, 2),
    Shop("Harbour Grill", "5812", 1_900, 6_400, 5),
    Shop("Old Town Taxi", "4121", 800, 3_200, 3),
    Shop("Museum Shop", "5947", 700, 3_900, 2),
)


class Trip(msgspec.Struct, frozen=True):
    """A place abroad; `rate` is about how many minor units of its currency are one of the payer's."""

    country: str
    city: str
    currency: str
    rate: float


TRIPS = (
    Trip("PT", "Porto", "EUR", 1.0),
    Trip("US", "Boston", "USD", 1.09),
    Trip("JP", "Kyoto", "JPY", 1.62),
    Trip("NO", "Bergen", "NOK", 11.6),
)


def draw_shop(chance: random.Random) -> Shop:
    """Choose where an ordinary purchase is made."""
    return chance.choices(SHOPS, _WEIGHTS)[0]


def draw_amount(chance: random.Random, shop: Shop) -> int:
    """Choose what it costs, in minor units, small amounts being likelier."""
    return round(chance.triangular(shop.low, shop.high, shop.low + (shop.high - shop.low) / 4))


def original_amount(cost: int, currency: str, trip: Trip | None) -> Money | None:
    """Return what `cost` minor units of `currency` are on a trip, roughly; None where nothing is converted."""
    if trip is None or trip.currency == currency:
        return None
    return money_of(round(cost * trip.rate), trip.currency)
