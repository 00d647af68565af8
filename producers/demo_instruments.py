"""Invented instruments of the demo with valid ISINs, their prices over the year, and who holds how much."""

import random

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
PRICE_EVERY_DAYS = 7


def price_paths(seed: int, count: int) -> dict[str, list[int]]:
    """Return `count` weekly prices of each instrument in minor units: random walks that never fall below a tenth."""
    chance = random.Random(seed)
    return {instrument.isin: _price_path(chance, instrument, count) for instrument in INSTRUMENTS}


def _price_path(chance: random.Random, instrument: Instrument, count: int) -> list[int]:
    price, path = float(instrument.price), []
    for _ in range(count):
        price = max(instrument.price / 10, price * (1 + chance.gauss(0.001, instrument.swing)))
        path.append(round(price))
    return path


def draw_portfolio(chance: random.Random) -> list[tuple[Instrument, int]]:
    """Choose three or four instruments and how many of each."""
    return [(instrument, chance.randrange(5, 60)) for instrument in chance.sample(INSTRUMENTS, chance.choice((3, 4)))]
