"""Write one banking event as a line of NDJSON: a CloudEvents envelope around a struct of `contracts.events`."""

from datetime import UTC, datetime

import msgspec

from contracts.events import EVENT_TYPES, CloudEvent

_TYPE_OF: dict[type[msgspec.Struct], str] = {data: name for name, data in EVENT_TYPES.items()}
_encode = msgspec.json.Encoder().encode


def event_line(data: msgspec.Struct, *, event_id: str, source: str, time: str) -> bytes:
    """Encode an event without a line end; its type follows from the struct. `time` is RFC 3339 with an offset.

    Raises:
        KeyError: the struct is not the data of an event.
    """
    return _encode(
        CloudEvent(
            specversion="1.0",
            id=event_id,
            source=source,
            type=_TYPE_OF[type(data)],
            time=time,
            data=msgspec.Raw(_encode(data)),
        )
    )


def start_of_day(day: str) -> str:
    """Return midnight UTC of an ISO date: what a booking without a time of day happened at."""
    return f"{day}T00:00:00Z"


def timestamp(moment: datetime) -> str:
    """Write an aware time as RFC 3339 UTC with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
