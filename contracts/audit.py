"""The audit record: who did what, was refused what and was shown which alerts; JSON lines, chained by hash."""

import hashlib
from enum import StrEnum

import msgspec

GENESIS = "0" * 64
"""What the first record of a chain follows."""


class AuditKind(StrEnum):
    """What a record is about."""

    MUTATION = "MUTATION"
    """An executed mutation; `outcome` is DONE or the codes of what went wrong."""
    INTENT = "INTENT"
    """A mutation about to be executed; written while the disk has just failed, so that none runs unrecorded."""
    REFUSAL = "REFUSAL"
    """Something its caller may not do, step-up demands included; without a customer where nobody was authenticated."""
    ALERT_SHOWN = "ALERT_SHOWN"
    """Alerts that answers and live streams carried to whoever `shown` lists, in the order they were handed over."""
    ALERTS_STREAMED = "ALERTS_STREAMED"
    """The same of streams alone, in records of earlier builds: no longer written."""
    TORN_LINE = "TORN_LINE"
    """A crash left half a line at the end of the chain: it was set aside, in the file `outcome` names."""


class Showing(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """Alerts (global ids) that an answer or stream carried to its customer; the rest as in a record of their own."""

    customer_id: str
    token_id: str
    trace_id: str
    subjects: list[str]
    actions: list[str]
    operation: str
    document: str


class AuditRecord(
    msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True, forbid_unknown_fields=True
):
    """One record: ids and codes; never a token, an account number, an amount or a variable."""

    kind: AuditKind
    outcome: str
    customer_id: str = ""
    token_id: str = ""
    trace_id: str = ""
    actions: list[str] = []
    """Root fields of the schema."""
    subjects: list[str] = []
    """Global ids of what it is about."""
    operation: str = ""
    """The name its client gave the operation."""
    document: str = ""
    """`sha256:` of the document."""
    shown: list[Showing] = []
    """Who was shown what; many in one record, as each record costs a hash and a place in the chain."""
    at: str = ""
    """When it was written (RFC 3339, UTC)."""
    seq: int = 0
    """Place in the chain, from 1."""
    prev_hash: str = ""
    hash: str = ""
    """SHA-256 of the record's JSON without this field."""


def chain_record(record: AuditRecord, *, seq: int, at: str, prev_hash: str) -> tuple[bytes, str]:
    """Return the JSON of the record with its place in a chain, and its hash; encoded once, as the hash comes last."""
    placed = msgspec.structs.replace(record, seq=seq, at=at, prev_hash=prev_hash, hash="")
    bare = _encode(placed)
    hashed = hashlib.sha256(bare).hexdigest()
    return b'%s,"hash":"%s"}' % (bare[:-1], hashed.encode()), hashed


def record_hash(record: AuditRecord) -> str:
    """Return the hash a record must have."""
    return hashlib.sha256(_encode(msgspec.structs.replace(record, hash=""))).hexdigest()


def _encode(record: AuditRecord) -> bytes:
    return msgspec.json.encode(record, order="deterministic")
