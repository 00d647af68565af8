"""Reading quickly and reading strictly are the same."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contracts.failures import Rejected
from gateway import bodies
from gateway.bodies import decode_json
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


def read(reader: Any, source: Any) -> Any:
    """Return what was read, told apart by type too, or the refusal."""
    try:
        return repr(reader(source))
    except Rejected as refusal:
        return refusal.message


@given(VALUES.map(written))
@examples(60)
@example('{"a": 1, "a": 2}')
@example('{"a": {"b": ":\\"", "b": ":"}}')
@example('{"query": "{ a(b: 1) }", "variables": {"c": 1e400}}')
@example("[18446744073709551616, -9223372036854775809, 1.0]")
@example('{"a": "\\ud800"}')
@example('{"a": NaN}')
@example('{"\\u0061": 1, "a": 2}')
def test_what_is_read_quickly_is_what_is_read_strictly(text: str) -> None:
    """Value by value, refusal by refusal."""
    assert read(lambda source: decode_json(source.encode("utf-8", "surrogatepass")), text) == (
        read(bodies._decode_strictly, text) if _is_utf8(text) else "The body is not valid UTF-8."
    )


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


@pytest.mark.parametrize(
    "body", [b'{"a": 1, "a": 1}', b'{"a": ":", "b": {"c": 1, "c": ":"}}', rb'{"a": 1, "\u0061": 1}']
)
def test_a_key_given_twice_is_refused(body: bytes) -> None:
    """Whatever colons stand in strings."""
    with pytest.raises(Rejected, match="names a key twice"):
        decode_json(body)
