"""What the account service counts for Prometheus; one registry a process, as that library has it."""

from prometheus_client import Counter, Gauge

APPLIED_OFFSET = Gauge("belfry_accounts_applied_offset", "Offset of the event log up to which everything is projected.")
LAG_SECONDS = Gauge("belfry_accounts_lag_seconds", "Seconds from the log's acceptance to the projection, last commit.")
LAG_EVENTS = Gauge("belfry_accounts_lag_events", "Events received from the log and not yet projected.")
EVENTS_APPLIED = Counter(
    "belfry_accounts_events_applied", "Events of the log projected, those without effect included."
)
