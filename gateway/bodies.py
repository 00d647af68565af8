"""Reading JSON from strangers: strict, bounded, and failing only with `Rejected`.

Stricter than orjson: a repeated key is refused (two readers could disagree about which one counts), and so are numbers
no double can hold, lone surrogates, NaN and anything that is not UTF-8. What plainly holds none of these, orjson reads;
the rest goes to the standard library's decoder, which can be told to refuse it. Used for bodies, URL parameters and
socket messages.
"""

import json
import math
import re
from typing import Any, NoReturn

import orjson

from contracts.failures import Rejected

NESTING_MAX = 64
"""Objects and arrays within each other; GraphQL variables need a handful."""
INTEGER_DIGITS_MAX = 40

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
# The closing quote is optional and nothing is given back, so that an unterminated string costs one pass, not many.
_NESTING = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)


class MalformedBody(Rejected):
    """The bytes are not the JSON this gateway reads."""

    code = "MALFORMED_JSON"


def decode_json(data: bytes) -> Any:
    """Decode one JSON value.

    Raises:
        MalformedBody: it is not UTF-8, not JSON, nested deeper than `NESTING_MAX`, or says something twice.
    """
    if data.startswith(b"\xef\xbb\xbf"):
        raise MalformedBody("The body must not start with a byte order mark.")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedBody("The body is not valid UTF-8.") from None
    _check_nesting(data)
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        return _decode_strictly(text)
    keys = _count_keys(value)
    # Each key has its colon; where there are more of those, some are in strings, or a key was given twice.
    if keys is None or (keys != data.count(b":") and keys != _STRING.sub(b"", data).count(b":")):
        return _decode_strictly(text)
    return value


def _count_keys(value: Any) -> int | None:
    """Count the keys of all objects in a value; None where it holds a number orjson may have taken for another."""
    if type(value) is dict:
        count = len(value)
        for item in value.values():
            if type(item) is not str:
                inner = _count_keys(item)
                if inner is None:
                    return None
                count += inner
        return count
    if type(value) is list:
        counts = [_count_keys(item) for item in value]
        return None if None in counts else sum(count for count in counts if count is not None)
    return None if type(value) is float else 0


def _decode_strictly(text: str) -> Any:
    try:
        value = _decoder.decode(text)
    except json.JSONDecodeError as error:
        raise MalformedBody(f"The body is not valid JSON (at character {error.pos}).") from None
    if "\\u" in text and _holds_lone_surrogate(value):
        raise MalformedBody("The body holds half of a surrogate pair.")
    return value


def _check_nesting(data: bytes) -> None:
    if data.count(b"[") + data.count(b"{") <= NESTING_MAX:
        return
    depth = 0
    for match in _NESTING.finditer(data):
        mark = match.group()
        if mark in b"[{":
            depth += 1
            if depth > NESTING_MAX:
                raise MalformedBody(f"The body is nested more than {NESTING_MAX} levels deep.")
        elif mark in b"]}":
            depth -= 1


def _holds_lone_surrogate(value: Any) -> bool:
    match value:
        case str():
            return _LONE_SURROGATE.search(value) is not None
        case dict():
            return any(_holds_lone_surrogate(key) or _holds_lone_surrogate(item) for key, item in value.items())
        case list():
            return any(map(_holds_lone_surrogate, value))
        case _:
            return False


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise MalformedBody("The body holds an object that names a key twice.")
    return found


def _integer(text: str) -> int:
    if len(text) > INTEGER_DIGITS_MAX:
        raise MalformedBody(f"The body holds a number of more than {INTEGER_DIGITS_MAX} digits.")
    return int(text)


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise MalformedBody("The body holds a number that is too large.")
    return value


def _constant(text: str) -> NoReturn:
    raise MalformedBody(f"The body holds {text}, which is not JSON.")


_decoder = json.JSONDecoder(object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant)
