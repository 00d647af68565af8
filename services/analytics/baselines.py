"""Robust baselines: median and median absolute deviation (MAD), exact in integers. Pure.

1.4826 x MAD estimates the standard deviation of normal data while half of the observations may be outliers
(Rousseeuw and Croux, "Alternatives to the Median Absolute Deviation", 1993).
"""

from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache

import msgspec

from contracts.insights import Baseline
from contracts.money import amount_of

OBSERVATIONS_MIN = 3
"""Fewer say nothing about what is usual."""
_SCALE = 10_000
_CONSISTENCY = 14_826


class Spread(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Median and MAD in half minor units (so that both are whole), over a number of observations."""

    median_halves: int
    mad_halves: int
    observations: int


def spread_of(values: Sequence[int]) -> Spread | None:
    """Return the spread of amounts in minor units; None without any."""
    if not values:
        return None
    median = _doubled_median(sorted(values))
    # Deviations are in halves already, so their doubled median is in quarters.
    quarters = _doubled_median(sorted([abs(2 * value - median) for value in values]))
    return Spread(median, quarters // 2, len(values))


def threshold_of(spread: Spread, deviations: str) -> int:
    """Return the largest whole amount, in minor units, that is not above median + deviations x 1.4826 x MAD."""
    numerator = spread.median_halves * _SCALE * _SCALE + _steps(deviations) * _CONSISTENCY * spread.mad_halves
    return numerator // (2 * _SCALE * _SCALE)


@lru_cache(1024)
def _steps(deviations: str) -> int:
    return int(Decimal(deviations) * _SCALE)


def median_minor(spread: Spread) -> int:
    """Return the median in minor units, a half rounded down."""
    return spread.median_halves // 2


def baseline_of(values: Sequence[int], currency: str) -> Baseline | None:
    """Return the baseline of earlier periods' totals; None below `OBSERVATIONS_MIN` of them."""
    spread = spread_of(values)
    if spread is None or spread.observations < OBSERVATIONS_MIN:
        return None
    return Baseline(
        amount_of(spread.median_halves // 2, currency), amount_of(spread.mad_halves // 2, currency), spread.observations
    )


def _doubled_median(ordered: Sequence[int]) -> int:
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return 2 * ordered[middle]
    return ordered[middle - 1] + ordered[middle]
