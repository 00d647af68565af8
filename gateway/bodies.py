"""Reading JSON from strangers: strict, bounded, and failing only with `Rejected`.

orjson reads, and refuses what is not UTF-8, lone surrogates, NaN and numbers no double can hold. What it would let pass
is looked for in what it read: a repeated key (two readers could disagree about which one counts), by counting; depth;
and very long numbers, which the standard library's decoder then reads exactly. Used for bodies, URL parameters and
socket messages, before anybody has paid for them: each step is one pass in C but the count, which visits no more than
`CONTAINERS_MAX` objects and arrays.
"""

import json
import re
from typing import Any

import orjson

from contracts.failures import Rejected

NESTING_MAX = 64
"""Objects and arrays within each other; GraphQL variables need a handful."""
CONTAINERS_MAX = 10_000
"""Objects and arrays in all, brackets in strings counted; a document of the most tokens has 2,000."""
INTEGER_DIGITS_MAX = 40

_LONG_NUMBER = re.compile(rb"[0-9]{19}")
"""What orjson may read as a float though it is an integer."""
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)


class MalformedBody(Rejected):
    """The bytes are not the JSON this gateway reads."""

    code = "MALFORMED_JSON"


def decode_json(data: bytes) -> Any:
    """Decode one JSON value.

    Raises:
        MalformedBody: it is not UTF-8, not JSON, nested deeper than `NESTING_MAX`, says something twice, or holds more
            than `CONTAINERS_MAX` objects and arrays.
    """
    if data.count(b"[") + data.count(b"{") > CONTAINERS_MAX:
        raise MalformedBody(f"The body holds more than {CONTAINERS_MAX} objects and arrays.")
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise MalformedBody(_what_is_wrong(data, error)) from None
    keys, colons = _count_keys(value, NESTING_MAX), data.count(b":")
    # Each key has its colon; where there are more of those, some are in strings, or a key was given twice.
    if keys != colons and keys != _STRING.sub(b"", data).count(b":"):
        raise MalformedBody("The body holds an object that names a key twice.")
    return value if _LONG_NUMBER.search(data) is None else _decoder.decode(data.decode())


def _what_is_wrong(data: bytes, error: orjson.JSONDecodeError) -> str:
    if data.startswith(b"\xef\xbb\xbf"):
        return "The body must not start with a byte order mark."
    try:
        data.decode()
    except UnicodeDecodeError:
        return "The body is not valid UTF-8."
    if error.msg == "depth limit exceeded":
        return _TOO_DEEP
    return f"The body is not valid JSON (at character {error.pos})."


def _count_keys(value: Any, levels: int) -> int:
    """Count the keys of all objects in a value that may be so many levels deep."""
    if type(value) is dict:
        inner: Any = value.values()
        count = len(value)
    elif type(value) is list:
        inner, count = value, 0
    else:
        return 0
    if not levels:
        raise MalformedBody(_TOO_DEEP)
    for item in inner:
        if type(item) is dict or type(item) is list:
            count += _count_keys(item, levels - 1)
    return count


def _integer(text: str) -> int:
    if len(text) > INTEGER_DIGITS_MAX:
        raise MalformedBody(f"The body holds a number of more than {INTEGER_DIGITS_MAX} digits.")
    return int(text)


_TOO_DEEP = f"The body is nested more than {NESTING_MAX} levels deep."
_decoder = json.JSONDecoder(parse_int=_integer)
