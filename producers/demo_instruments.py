"""Invented instruments of the demo with valid ISINs, their prices over the year, and who holds how much."""

import random
from datetime import date

import msgspec


class Instrument(msgspec.Struct, frozen=True):
    """`price` is minor units of EUR at the start of the year; `swing` the usual weekly change."""

    isin: str
    name: str
    price: int
    swing: float


def isin_of(country: str, number: str) -> str:
    """Return an ISIN with its check digit (ISO 6166: Luhn over the letters' numbers)."""
    digits = "".join(str(int(character, 36)) for character in f"{country}{number}")
    doubled = [int(digit) * (2 - at % 2) for at, digit in enumerate(reversed(digits))]
    return f"{country}{number}{-sum(value // 10 + value % 10 for value in doubled) % 10}"


INSTRUMENTS = (
    Instrument(isin_of("IE", "00BFRY1E1"), "Belfry Europe Equity Fund", 8_412, 0.018),
    Instrument(isin_of("LU", "0BFRYGRN2"), "Belfry Green Bond Fund", 10_180, 0.004),
    Instrument(isin_of("DE", "000BFNW33"), "Nordwind Energie AG", 4_235, 0.035),
    Instrument(isin_of("CH", "00BFALP44"), "Alpenbahn Holding", 12_790, 0.022),
    Instrument(isin_of("NL", "00BFCHP55"), "Lowland Semiconductors NV", 31_860, 0.045),
    Instrument(isin_of("ES", "00BFAGU66"), "Aguas del Levante SA", 1_874, 0.020),
)
PRICE_CURRENCY = "EUR"


def price_path(chance: random.Random, instrument: Instrument, days: list[date]) -> list[tuple[date, int]]:
    """Return a price for each of the days, in minor units, as a random walk that never falls below a tenth."""
    price = float(instrument.price)
    path = []
    for day in days:
        price = max(instrument.price / 10, price * (1 + chance.gauss(0.001, instrument.swing)))
        path.append((day, round(price)))
    return path


def draw_portfolio(chance: random.Random) -> list[tuple[Instrument, int]]:
    """Choose three or four instruments and how many of each."""
    return [(instrument, chance.randrange(5, 60)) for instrument in chance.sample(INSTRUMENTS, chance.choice((3, 4)))]
