"""Where the booked balance goes: recurring payments on their days, everything else at its average, with a band. Pure.

The band is 1.28 standard deviations of past daily flows, widening with the square root of time: eight days in ten, were
the flows of different days independent and normal. Real ones are neither; it is a guide, not a promise.
"""

from collections.abc import Mapping, Sequence
from math import isqrt

from contracts.insights import Forecast, ForecastPoint
from contracts.money import money_of
from services.analytics.instants import day_text

DAYS_MAX = 365
HISTORY_DAYS = 90
"""Past days the ordinary flows are averaged over."""
_BAND_PERCENT = 128


def forecast(
    balance: int, flows: Sequence[int], scheduled: Mapping[int, int], today: int, days: int, currency: str
) -> Forecast:
    """Project a balance (minor units) over the days after `today` (a day number).

    `flows` are the net ordinary flows of each past day, zeros included; `scheduled` the recurring ones by future day.
    """
    count = len(flows)
    total = sum(flows)
    # Variance in minor units squared, in integers: no rounding differs between machines.
    variance = (count * sum(flow * flow for flow in flows) - total * total) // (count * count) if count else 0
    points: list[ForecastPoint] = []
    lowest: tuple[int, ForecastPoint] | None = None
    due = 0
    for step in range(1, days + 1):
        due += scheduled.get(today + step, 0)
        expected = balance + due + (total * step // count if count else 0)
        band = isqrt(variance * step) * _BAND_PERCENT // 100
        point = ForecastPoint(
            day_text(today + step),
            money_of(expected, currency),
            money_of(expected - band, currency),
            money_of(expected + band, currency),
        )
        points.append(point)
        if lowest is None or expected < lowest[0]:
            lowest = (expected, point)
    if lowest is None:
        raise ValueError("a forecast has at least one day")
    return Forecast(currency, points, lowest[1])
