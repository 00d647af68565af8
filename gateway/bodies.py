"""Reading JSON from strangers: strict, bounded, and failing only with `Rejected`.

orjson reads, and refuses what is not UTF-8, lone surrogates, NaN and numbers no double can hold. What it would let pass
is looked for in what it read: depth; a repeated key (two readers could disagree about which one counts); and very long
numbers, which the standard library's decoder then reads exactly. A text that orjson would write just so, as most
clients do, has neither of the last two; in another one the keys are counted. Used for bodies, URL parameters and socket
messages, before anybody has paid for them: each step is one pass in C but the count, which visits no more than
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

_SHAPE = bytes.maketrans(b"123456789\t\n\r", b"000000000   ")
"""Digits as zeros and white space as spaces: what is looked for below is then one text, not a slow pattern."""
_LONG_NUMBER = b"0" * 19
"""What orjson may read as a float though it is an integer."""
_SPACED_KEY = b'" '
"""What may be the end of a key that its colon does not follow at once."""
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
    if len(data) > CONTAINERS_MAX and data.count(b"[") + data.count(b"{") > CONTAINERS_MAX:
        raise MalformedBody(f"The body holds more than {CONTAINERS_MAX} objects and arrays.")
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise MalformedBody(_what_is_wrong(data, error)) from None
    keys = _count_keys(value, NESTING_MAX)
    if orjson.dumps(value) == data:
        return value
    shape = data.translate(_SHAPE)
    if not _names_each_key_once(data, shape, keys):
        raise MalformedBody("The body holds an object that names a key twice.")
    return _decoder.decode(data.decode()) if _LONG_NUMBER in shape else value


def _names_each_key_once(data: bytes, shape: bytes, keys: int) -> bool:
    """Say whether so many different keys of its objects are all the keys that a value's text names."""
    # Each key has its quote and its colon; where there are more of those, some are in strings, or a key came twice.
    if keys == shape.count(b'":') and _SPACED_KEY not in shape:
        return True
    return keys == _STRING.sub(b"", data).count(b":")


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
