"""The first stage of ingest: one record's bytes become a screened event, or a refusal that says why.

Pure: no clock, no store. What needs the store (known accounts, duplicates, history) is decided later, in `appending`,
inside the transaction.
"""

import re
from functools import lru_cache
from hashlib import blake2b

import msgspec

from contracts.events import EVENT_BYTES_MAX, EVENT_DECODERS, EVENT_TYPES, CloudEvent
from contracts.failures import Rejected
from contracts.stored_events import by_type, unpatterned
from services.events.amounts import CHECKS
from services.events.patterns import PAYMENT_PATTERNS, is_timestamp
from services.events.times import canonical_time

EPOCH = "1970-01-01"
"""Oldest event time accepted."""

_PATH = re.compile(r" - at `\$([^`]*)`\Z")
_FIELD = re.compile(r"(?:unknown|required) field `([^`]*)`")
_VERSION = re.compile(r"\.v[0-9]+\Z")
_FAMILIES = frozenset(_VERSION.sub("", name) for name in EVENT_TYPES)

_envelopes = msgspec.json.Decoder(CloudEvent)
_envelopes_at_any_time = msgspec.json.Decoder(unpatterned(CloudEvent))
_payments = {
    name: (msgspec.json.Decoder(unpatterned(kind)), PAYMENT_PATTERNS[kind])
    for name, kind in EVENT_TYPES.items()
    if kind in PAYMENT_PATTERNS
}
_checks = by_type(CHECKS, unpatterned)
_encode = msgspec.json.Encoder().encode


class Screened(msgspec.Struct, frozen=True, gc=False):
    """A record that is a valid event by itself. `raw` has no line break; `occurred_at` is the sortable time.

    `key` is the dedupe key; `digest` is over what the event says (type, time, subject, data), so that neither the
    order of keys nor white space nor CloudEvents extensions make another event of it. `minor` is the amount of a
    payment in minor units, 0 for other events.
    """

    raw: bytes
    event: CloudEvent
    data: msgspec.Struct
    occurred_at: str
    minor: int
    key: bytes
    digest: bytes


class Refused(msgspec.Struct, frozen=True, gc=False):
    """A record that cannot be accepted, with a stable reason, a sentence for its producer and a JSON pointer."""

    raw: bytes
    reason: str
    message: str
    pointer: str | None = None
    id: str | None = None
    source: str | None = None


Record = Screened | Refused


def screen(raw: bytes, latest: str) -> Record:
    """Check one record; `latest` is the last sortable time that is not yet the future. Never raises."""
    event: CloudEvent | None = None
    try:
        event = _envelope(raw)
        return _screened(raw, event, latest)
    except Rejected as failure:
        identity = (event.id, event.source) if event is not None else (None, None)
        return Refused(raw[:EVENT_BYTES_MAX], failure.reason, failure.message, failure.pointer, *identity)


def _envelope(raw: bytes) -> CloudEvent:
    if len(raw) > EVENT_BYTES_MAX:
        raise Rejected(f"A record has at most {EVENT_BYTES_MAX} bytes; this one is cut.", code="TOO_LARGE")
    try:
        if not raw.isascii():
            raw.decode()
        event = _decoded_envelope(raw)
    except msgspec.ValidationError as error:
        raise _invalid(error, "NOT_CLOUDEVENTS", "") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Rejected("The record is not JSON in UTF-8 of a reasonable depth.", code="MALFORMED_JSON") from None
    if event.specversion != "1.0":
        raise Rejected("Only CloudEvents 1.0 is understood.", code="NOT_CLOUDEVENTS", pointer="/specversion")
    if event.datacontenttype is not None and not event.datacontenttype.startswith("application/json"):
        raise Rejected("Data must be application/json.", code="NOT_CLOUDEVENTS", pointer="/datacontenttype")
    return event


def _decoded_envelope(raw: bytes) -> CloudEvent:
    try:
        event = _envelopes_at_any_time.decode(raw)
        if is_timestamp(event.time):
            return event
    except msgspec.ValidationError:
        pass  # of several errors the contract's own type names the first
    return _envelopes.decode(raw)


def _decoded_data(event: CloudEvent) -> msgspec.Struct:
    decoder, patterns = _payments.get(event.type, (None, None))
    if decoder is not None and patterns is not None:
        try:
            data = decoder.decode(event.data)
            if patterns.match(data):
                return data
        except msgspec.ValidationError:
            pass  # as above
    return EVENT_DECODERS[event.type].decode(event.data)


def _screened(raw: bytes, event: CloudEvent, latest: str) -> Screened:
    if event.type not in EVENT_DECODERS:
        raise _unknown_type(event.type)
    occurred_at = _occurred_at(event.time, latest)
    try:
        data = _decoded_data(event)
    except msgspec.ValidationError as error:
        raise _invalid(error, "INVALID_DATA", "/data") from None
    except (msgspec.DecodeError, RecursionError):
        raise Rejected("The data is not JSON.", code="MALFORMED_JSON", pointer="/data") from None
    minor = _checks[type(data)](data)
    said = f"{event.type}\n{occurred_at}\n{event.subject}\n".encode() + _encode(data)
    digest = blake2b(said, digest_size=16).digest()
    return Screened(one_line(raw), event, data, occurred_at, minor, event_key(event.source, event.id), digest)


def _occurred_at(time: str, latest: str) -> str:
    try:
        occurred_at = canonical_time(time)
    except (ValueError, OverflowError):
        raise Rejected("The time is not in the calendar.", code="INVALID_DATA", pointer="/time") from None
    if occurred_at > latest:
        raise Rejected("The time lies in the future.", code="TIME_IN_FUTURE", pointer="/time")
    if occurred_at < EPOCH:
        raise Rejected("The time is before 1970.", code="TIME_TOO_OLD", pointer="/time")
    return occurred_at


def _unknown_type(name: str) -> Rejected:
    if _VERSION.sub("", name) in _FAMILIES:
        return Rejected("This version of the event type is not known.", code="UNKNOWN_VERSION", pointer="/type")
    return Rejected("The event type is not known.", code="UNKNOWN_TYPE", pointer="/type")


def _invalid(error: msgspec.ValidationError, code: str, prefix: str) -> Rejected:
    text = str(error)
    return Rejected(f"{_PATH.sub('', text)}.", code=code, pointer=prefix + pointer_of(text) or None)


def pointer_of(text: str) -> str:
    """Turn where a msgspec error happened (`$.parties[0].role`, an unknown field) into an RFC 6901 JSON pointer."""
    path = _PATH.search(text)
    pointer = path.group(1).replace("]", "").replace("[", "/").replace(".", "/") if path else ""
    field = _FIELD.search(text)
    return f"{pointer}/{field.group(1).replace('~', '~0').replace('/', '~1')}" if field else pointer


def one_line(raw: bytes) -> bytes:
    """Write JSON that spans lines on one, so that it can be a line of the log; other JSON stays as it came."""
    if b"\n" in raw:
        return msgspec.json.format(raw, indent=-1)
    return raw


def event_key(source: str, event_id: str) -> bytes:
    """Return the dedupe key. The id stays readable in it, so that ids that count up stay neighbours on disk.

    Hashed whole, every key would dirty a page of its own at each commit.
    """
    return _source_key(source) + event_id.encode()


@lru_cache(maxsize=1024)
def _source_key(source: str) -> bytes:
    return blake2b(source.encode(), digest_size=16).digest()
