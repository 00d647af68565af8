"""What the event service counts for Prometheus; one registry a process, as that library has it."""

from collections import Counter as Counted
from collections.abc import Sequence

from prometheus_client import Counter, Gauge, Histogram

from contracts.ingest import RecordVerdict

EVENTS = Counter("belfry_events", "Records by verdict.", ["verdict"])
DEAD_LETTERS = Counter("belfry_dead_letters", "Verdicts that named a dead letter, by reason.", ["reason"])
LOG_OFFSET = Gauge("belfry_log_offset", "Last offset of the event log.")
LOG_FIRST_OFFSET = Gauge("belfry_log_first_offset", "First offset of the event log on the disk; before it: archived.")
LOG_OLDEST_SECONDS = Gauge("belfry_log_oldest_seconds", "Age of the oldest entry on the disk that may be archived.")
STORE_BYTES = Gauge("belfry_store_bytes", "Bytes of events.sqlite3: used, or free to be used again.", ["state"])
ARCHIVED_ENTRIES = Counter("belfry_archived_entries", "Entries of the event log moved from the disk to the archive.")
ARCHIVED_BYTES = Counter("belfry_archived_bytes", "Bytes put into the archive, packed.")
REMOVED = Counter("belfry_removed", "What was removed because it was old: seen, history, dead_letters.", ["what"])
RETENTION_FAILURES = Counter("belfry_retention_failures", "Rounds of archiving or removing that failed.", ["what"])
STREAM_BEHIND = Gauge("belfry_stream_behind_seconds", "How far a shard's reader is behind its end.", ["shard"])
BATCH_SECONDS = Histogram(
    "belfry_ingest_batch_seconds",
    "Seconds from a batch of records to its durable verdicts.",
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)


def count(verdicts: Sequence[RecordVerdict]) -> None:
    """Count the verdicts of one batch."""
    for verdict, number in Counted([verdict.verdict for verdict in verdicts]).items():
        EVENTS.labels(verdict.value).inc(number)
    for reason, number in Counted([verdict.reason for verdict in verdicts if verdict.reason]).items():
        DEAD_LETTERS.labels(reason).inc(number)
