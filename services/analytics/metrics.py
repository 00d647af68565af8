"""What the analytics service counts for Prometheus; one registry a process, as that library has it."""

from functools import partial

from prometheus_client import Counter, Gauge

from services.analytics.memory import Memory
from services.analytics.outcomes import Outcome

OFFSET = Gauge("belfry_analytics_applied_offset", "Offset of the event log up to which everything is applied.")
LAG = Gauge("belfry_analytics_lag_seconds", "Seconds from the log's acceptance to the commit here, last batch.")
EVENTS = Counter("belfry_analytics_events_applied", "Events of the log applied, those without effect included.")
ALERTS = Counter("belfry_analytics_alerts_raised", "Alerts raised, by kind.", ["kind"])
LATE = Counter("belfry_analytics_late_events", "Events that came after their day had closed.")
WINDOWS = Counter("belfry_analytics_windows_closed", "Days of accounts that were closed.")
KEPT = Gauge("belfry_analytics_memory_entries", "Entries kept in memory, by kind; each has a bound.", ["kind"])

HANDED_OVER = Counter("belfry_analytics_notifications_handed_over", "Notifications taken, by channel.", ["channel"])
NOT_HANDED_OVER = Counter("belfry_analytics_notifications_failed", "Attempts not taken, by channel.", ["channel"])
PUSHES = Counter("belfry_analytics_pushes", "Devices a notification was published to at SNS, by outcome.", ["outcome"])
HAND_OFFS_SET_ASIDE = Counter("belfry_analytics_hand_offs_set_aside", "Alerts whose hand-off the code failed at.")
HAND_OFFS_CLOSED = Counter("belfry_analytics_hand_offs_closed", "Alerts nothing more is sent of, by why.", ["outcome"])


def watch(memory: Memory) -> None:
    """Have the entries of a memory counted when somebody asks."""
    for kind in memory.sizes():
        KEPT.labels(kind).set_function(partial(_entries, memory, kind))


def _entries(memory: Memory, kind: str) -> float:
    return memory.sizes()[kind]


def count(outcome: Outcome) -> None:
    """Count what a transaction did."""
    EVENTS.inc(outcome.applied)
    LATE.inc(outcome.late)
    WINDOWS.inc(outcome.windows_closed)
    for kind, number in outcome.raised.items():
        ALERTS.labels(kind).inc(number)
