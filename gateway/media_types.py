"""Choosing a representation by `Accept`, exactly (RFC 9110, 12.5.1): parsed types and q-values, never substrings.

Pure. A header that cannot be parsed is treated as if its broken parts were absent, as RFC 9110 asks of recipients.
"""

from functools import lru_cache
from typing import NamedTuple

GRAPHQL_RESPONSE = "application/graphql-response+json"
JSON = "application/json"
EVENT_STREAM = "text/event-stream"
MULTIPART = "multipart/mixed"

ACCEPT_RANGES_MAX = 32
"""Ranges of an `Accept` that are looked at; further ones are ignored."""


class MediaRange(NamedTuple):
    """One element of an `Accept`, or the value of a `Content-Type`; names are in lower case."""

    type: str
    subtype: str
    parameters: tuple[tuple[str, str], ...]
    quality: float

    @property
    def essence(self) -> str:
        """Return `type/subtype`."""
        return f"{self.type}/{self.subtype}"

    def parameter(self, name: str) -> str | None:
        """Return the value of the parameter, or None where it is absent."""
        return next((value for key, value in self.parameters if key == name), None)

    @property
    def precision(self) -> int:
        """How specific the range is: 0 for `*/*`, 1 for `text/*`, 2 and more for a full type."""
        return (self.type != "*") + (self.subtype != "*") + len(self.parameters)

    def matches(self, essence: str) -> bool:
        """Say whether the range covers the type `essence`."""
        kind, _, subtype = essence.partition("/")
        return self.type in ("*", kind) and self.subtype in ("*", subtype)


@lru_cache(maxsize=256)
def parse_media_type(text: str) -> MediaRange | None:
    """Parse one media type or range with its parameters; None when it is not one."""
    name, *rest = _split(text, ";")
    kind, slash, subtype = name.strip().lower().partition("/")
    if not (slash and _is_token(kind) and _is_token(subtype)) or (kind == "*" and subtype != "*"):
        return None
    parameters = []
    quality = 1.0
    for part in rest:
        key, _, value = part.partition("=")
        key, value = key.strip().lower(), value.strip().strip('"')
        if key == "q":
            quality = _quality(value)
        elif key:
            parameters.append((key, value))
    return MediaRange(kind, subtype, tuple(parameters), quality)


@lru_cache(maxsize=256)
def parse_accept(text: str) -> tuple[MediaRange, ...]:
    """Parse an `Accept` header's value, in the order given."""
    parsed = (parse_media_type(part) for part in _split(text, ",")[:ACCEPT_RANGES_MAX])
    return tuple(one for one in parsed if one is not None)


@lru_cache(maxsize=1_024)
def choose(accept: str | None, offered: tuple[str, ...]) -> str | None:
    """Return the offered type the client prefers, or None when it accepts none of them.

    Highest quality wins; then the range named first by the client; then the order of `offered`. Each offered type takes
    the quality of the most specific range that covers it. No header, or none that can be read: anything is welcome.
    """
    ranges = parse_accept(accept or "")
    if not ranges:
        return offered[0]
    best: tuple[float, int, int] | None = None
    chosen = None
    for rank, essence in enumerate(offered):
        covering = [(one.precision, -place, one) for place, one in enumerate(ranges) if one.matches(essence)]
        if not covering:
            continue
        _, place, one = max(covering, key=lambda item: item[:2])
        score = (one.quality, place, -rank)
        if one.quality > 0 and (best is None or score > best):
            best, chosen = score, essence
    return chosen


def accepted_parameter(accept: str | None, essence: str, name: str) -> str | None:
    """Return a parameter the client gave with this exact type in its `Accept`, or None."""
    for one in parse_accept(accept or ""):
        if one.essence == essence and one.quality > 0:
            return one.parameter(name)
    return None


def _quality(text: str) -> float:
    try:
        quality = float(text)
    except ValueError:
        return 0.0
    return quality if 0.0 <= quality <= 1.0 else 0.0


def _is_token(text: str) -> bool:
    return bool(text) and all(mark.isalnum() or mark in "!#$%&'*+-.^_`|~" for mark in text) and text.isascii()


def _split(text: str, separator: str) -> list[str]:
    """Split outside of quoted strings."""
    if '"' not in text:
        return text.split(separator)
    parts, start, quoted = [], 0, False
    for place, mark in enumerate(text):
        if mark == '"':
            quoted = not quoted
        elif mark == separator and not quoted:
            parts.append(text[start:place])
            start = place + 1
    return [*parts, text[start:]]
