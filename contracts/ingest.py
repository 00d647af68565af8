"""What the event service answers to producers: a verdict for each record, and dead letters."""

from enum import StrEnum

import msgspec


class Verdict(StrEnum):
    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    REJECTED = "rejected"


class RecordVerdict(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel", gc=False):
    """What became of one record; `index` counts from 0 in the order sent.

    `offset` is the event's place in the log (of the first one, for a duplicate). `reason` is a stable code such as
    `INVALID_DATA`, with a sentence in `message`, a JSON pointer into the record, and the dead letter that keeps it.
    """

    index: int
    verdict: Verdict
    id: str | None = None
    source: str | None = None
    offset: int | None = None
    reason: str | None = None
    message: str | None = None
    pointer: str | None = None
    dead_letter_id: int | None = None


class IngestSummary(msgspec.Struct, frozen=True, rename="camel"):
    """Counts of one request, and the log's last offset once all of it was durable."""

    accepted: int
    duplicates: int
    conflicts: int
    rejected: int
    offset: int


class IngestReport(msgspec.Struct, frozen=True, rename="camel"):
    """Answer to a single event or a batch. NDJSON requests get one verdict a line and `{"summary": …}` as the last."""

    summary: IngestSummary
    verdicts: list[RecordVerdict]


class IngestSummaryLine(msgspec.Struct, frozen=True):
    summary: IngestSummary


class DeadLetter(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A record that could not be accepted, with its raw bytes (base64 on the wire). Conflicts are kept here too."""

    id: int
    received_at: str
    reason: str
    message: str
    pointer: str | None
    raw: bytes
    replayed_offset: int | None = None


class DeadLetterPage(msgspec.Struct, frozen=True, rename="camel"):
    items: list[DeadLetter]
    next_after: int | None
