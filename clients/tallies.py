"""Counting what happens on every request: plain numbers of the event loop's thread, made into samples when asked for.

prometheus_client's own counters take a lock for each number and search a histogram's buckets one by one.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate
from math import inf

from prometheus_client import REGISTRY
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry
from prometheus_client.utils import floatToGoString


class Count:
    """How often something happened."""

    __slots__ = ("total",)

    def __init__(self) -> None:
        self.total = 0


class Spread:
    """How values are spread over buckets."""

    __slots__ = ("_bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Count a value in the first bucket that is not below it."""
        self.counts[bisect_left(self._bounds, value)] += 1
        self.sum += value


class TalliedCounter(Collector):
    """A counter with labels; `labels` is for start-up, what it returns for every request."""

    def __init__(
        self, name: str, documentation: str, labels: Sequence[str], registry: CollectorRegistry = REGISTRY
    ) -> None:
        self._described = (name, documentation)
        self._labels = labels
        self._counts: dict[tuple[str, ...], Count] = {}
        registry.register(self)

    def labels(self, *values: str) -> Count:
        """Return what counts under these labels."""
        return self._counts.setdefault(values, Count())

    def collect(self) -> Iterable[Metric]:
        """Return the samples."""
        family = CounterMetricFamily(*self._described, labels=self._labels)
        for values, count in self._counts.items():
            family.add_metric(values, count.total)
        return [family]


class TalliedHistogram(Collector):
    """A histogram with labels, in the same way."""

    def __init__(
        self,
        name: str,
        documentation: str,
        labels: Sequence[str],
        *,
        buckets: Sequence[float],
        registry: CollectorRegistry = REGISTRY,
    ) -> None:
        self._described = (name, documentation)
        self._labels = labels
        self._bounds = tuple(buckets)
        self._spreads: dict[tuple[str, ...], Spread] = {}
        registry.register(self)

    def labels(self, *values: str) -> Spread:
        """Return what counts values under these labels."""
        return self._spreads.setdefault(values, Spread(self._bounds))

    def collect(self) -> Iterable[Metric]:
        """Return the samples."""
        family = HistogramMetricFamily(*self._described, labels=self._labels)
        names = [_name(bound) for bound in (*self._bounds, inf)]
        for values, spread in self._spreads.items():
            buckets = list(zip(names, accumulate(spread.counts), strict=True))
            family.add_metric(values, buckets, spread.sum)
        return [family]


def _name(bound: float) -> str:
    return str(floatToGoString(bound))  # type: ignore[no-untyped-call]
