"""Reading quickly and reading strictly are the same."""

import json
import math
import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contracts.failures import Rejected
from gateway.bodies import CONTAINERS_MAX, INTEGER_DIGITS_MAX, NESTING_MAX, decode_json
from tests.examples import examples


class Pairs(list[tuple[str, Any]]):
    """An object, the same key perhaps twice."""


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.lists(st.tuples(st.text(max_size=2), inner), max_size=4).map(Pairs),
    max_leaves=12,
)


def written(value: Any) -> str:
    """Return JSON, or what Python takes for it."""
    if isinstance(value, Pairs):
        return "{" + ", ".join(f"{json.dumps(key)} : {written(item)}" for key, item in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    return json.dumps(value, ensure_ascii=len(str(value)) % 2 == 0)


def strictly(text: str) -> Any:
    """Read with the standard library, which can be told to refuse what is to be refused; slow."""
    value = STRICT.decode(text)
    json.dumps(value, ensure_ascii=False).encode()  # refuses lone surrogates
    return value


def only(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("twice")
    return dict(pairs)


def finite(text: str) -> float:
    if not math.isfinite(float(text)):
        raise ValueError("infinite")
    return float(text)


def short(text: str) -> int:
    if len(text) > INTEGER_DIGITS_MAX:
        raise ValueError("long")
    return int(text)


STRICT = json.JSONDecoder(object_pairs_hook=only, parse_int=short, parse_float=finite, parse_constant=finite)


def read(reader: Any, source: Any) -> Any:
    """Return what was read, told apart by type too, or that it was refused."""
    try:
        return repr(reader(source))
    except (Rejected, ValueError):
        return "refused"


@given(VALUES.map(written))
@examples(60)
@example('{"a": 1, "a": 2}')
@example('{"a": {"b": ":\\"", "b": ":"}}')
@example('{"a":1,"a" :2}')
@example('{"a":1,"a":2}')
@example('{"a":{"b":"é\\n/"},"c":[1,1.5,1e22,-0.0,true,null,18446744073709551615]}')
@example('{"a":[12345678901234567890123,123456789012345678901234.0]}')
@example('{"a":-0}')
@example('{"a":1,"a"\t\n\r :2}')
@example('{"a":"\\":","b":"\\" :"}')
@example('{"query": "{ a(b: 1) }", "variables": {"c": 1e400}}')
@example("[-0, -0.0, 1e-400, 0.1234567890123456789, 1234567890123456789, -9999999999999999999]")
@example("[" + "9" * 40 + "]")
@example("[" + "9" * 41 + "]")
@example("[18446744073709551616, -9223372036854775809, 1.0]")
@example('{"a": "\\ud800"}')
@example('{"a": NaN}')
@example('{"\\u0061": 1, "a": 2}')
def test_what_is_read_quickly_is_what_is_read_strictly(text: str) -> None:
    """Value by value, refusal by refusal."""
    assert read(lambda source: decode_json(source.encode("utf-8", "surrogatepass")), text) == read(strictly, text)


@pytest.mark.parametrize(
    "body", [b'{"a": 1, "a": 1}', b'{"a": ":", "b": {"c": 1, "c": ":"}}', rb'{"a": 1, "\u0061": 1}']
)
def test_a_key_given_twice_is_refused(body: bytes) -> None:
    """Whatever colons stand in strings."""
    with pytest.raises(Rejected, match="names a key twice"):
        decode_json(body)


KIB_256 = 256 * 1024
HEAVY = {
    "arrays in arrays": b"[" + b",".join([b"[" * 60 + b"]" * 60] * 2_000) + b"]",
    "empty objects": b"[" + b",".join([b"{}"] * 85_000) + b"]",
    "objects of colons": b"[" + b",".join([b'{"a":"x:y"}'] * 20_000) + b"]",
    "as many as may be": b"[" + b",".join([b'{"a":"x:y"}'] * (CONTAINERS_MAX - 1)) + b"]",
    "the same with a long number": b"[" + b",".join([b'{"a":12345}'] * (CONTAINERS_MAX - 1)) + b",1" + b"0" * 30 + b"]",
    "floats": b"[" + b",".join([b"1.5"] * 60_000) + b"]",
    "keys": b"{" + b",".join(b'"%d":1' % number for number in range(24_000)) + b"}",
    "a key twice at the end": b'{"a":[' + b",".join([b'"a:b"'] * 40_000) + b'],"a":1}',
    "open strings": b'["a",' + b'"a,' * 80_000,
    "open arrays": b"[" * KIB_256,
}


@pytest.mark.parametrize("name", HEAVY)
def test_no_body_takes_long_to_read(name: str) -> None:
    """Whoever sends it has not paid for it yet; CPU time, so that a busy machine does not count."""
    took = []
    for _ in range(3):
        began = time.process_time()
        with suppress(Rejected):
            decode_json(HEAVY[name][:KIB_256])
        took.append(time.process_time() - began)
    assert min(took) < 0.05


def test_depth_and_number_of_arrays_are_bounded() -> None:
    """At the bound it is read, one further it is not; brackets in strings are no levels."""
    assert decode_json(b"[" * NESTING_MAX + b"]" * NESTING_MAX)
    assert decode_json(b'["' + b"[" * (CONTAINERS_MAX - 1) + b'"]')
    for body in (b"[" * (NESTING_MAX + 1) + b"]" * (NESTING_MAX + 1), b"[" * 5_000 + b"]" * 5_000):
        with pytest.raises(Rejected, match="nested more than"):
            decode_json(body)
    with pytest.raises(Rejected, match="more than"):
        decode_json(b"[" + b",".join([b"[]"] * CONTAINERS_MAX) + b"]")
