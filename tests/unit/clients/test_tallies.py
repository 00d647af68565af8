"""Tallies are shown exactly as prometheus_client shows its own metrics."""

import re

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CollectorRegistry as Registry

from clients.tallies import TalliedCounter, TalliedHistogram

VALUES = (0.5, 1, 1.5, 10, 99)
BUCKETS = (1, 10)


def shown(registry: Registry) -> list[str]:
    """Return the lines of an exposition but the times of creation, which tallies do not tell."""
    text = generate_latest(registry).decode()
    return [line for line in text.splitlines() if not re.search("_created", line)]


def test_a_counter_shows_what_prometheus_clients_own_would() -> None:
    """Names, labels and values are the same."""
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    mine = TalliedCounter("things", "Things by kind.", ["kind"], registry=ours)
    reference = Counter("things", "Things by kind.", ["kind"], registry=theirs)
    for kind, times in (("a", 2), ("b", 0)):
        mine.labels(kind).total += times
        reference.labels(kind).inc(times)
    assert shown(ours) == shown(theirs)


def test_a_histogram_shows_what_prometheus_clients_own_would() -> None:
    """Buckets are cumulative and include their bound."""
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    mine = TalliedHistogram("sizes", "Sizes by kind.", ["kind"], buckets=BUCKETS, registry=ours)
    reference = Histogram("sizes", "Sizes by kind.", ["kind"], buckets=BUCKETS, registry=theirs)
    for value in VALUES:
        mine.labels("a").observe(value)
        reference.labels("a").observe(value)
    assert shown(ours) == shown(theirs)


def test_a_histogram_without_labels_shows_what_prometheus_clients_own_would() -> None:
    """The empty set of labels is one of them."""
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    mine = TalliedHistogram("sizes", "Sizes.", [], buckets=BUCKETS, registry=ours).labels()
    reference = Histogram("sizes", "Sizes.", buckets=BUCKETS, registry=theirs)
    for value in VALUES:
        mine.observe(value)
        reference.observe(value)
    assert shown(ours) == shown(theirs)
