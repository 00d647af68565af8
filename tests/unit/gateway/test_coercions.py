"""Whatever is coerced here is what graphql-core makes of it."""

from typing import Any

import pytest
from graphql import GraphQLInputObjectType, GraphQLInputType, Undefined, build_schema, is_input_type
from graphql.utilities.coerce_input_value import coerce_input_value
from hypothesis import given
from hypothesis import strategies as st

from gateway.coercions import Coercions
from schema.build import build_schema as build_bank
from tests.examples import examples

BANK = build_bank()._schema
INPUTS: list[GraphQLInputType] = [one for one in BANK.type_map.values() if is_input_type(one)]
NAMES = sorted({name for one in INPUTS if isinstance(one, GraphQLInputObjectType) for name in one.fields})
VALUES = st.recursive(
    st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.sampled_from(["2026-11-01", "10.00", "EUR", "CATEGORY", "GROCERIES", "x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*NAMES, "odd"]), inner, max_size=5),
    max_leaves=8,
)


def agree(coercions: Coercions, type_: Any, value: Any) -> bool:
    """Say whether a value was coerced, as graphql-core does; not when that was left to graphql-core."""
    try:
        coerced = coercions.to(type_)(value)
    except Exception:  # noqa: BLE001 (a scalar may raise anything)
        return False
    if coerced is Undefined:
        return False
    assert repr(coerced) == repr(coerce_input_value(value, type_))
    return True


@examples(100)
@given(st.sampled_from(INPUTS), VALUES)
def test_the_banks_inputs_are_coerced_as_graphql_core_does(type_: GraphQLInputType, value: Any) -> None:
    """Or not at all."""
    agree(Coercions(), type_, value)


SCHEMA = build_schema("""
type Query { a: Int }
enum Colour { RED }
input Tree { name: String! colour: Colour = RED words: [String!] = ["a"] left: Tree right: Tree }
input Choice @oneOf { a: Int b: Int }
""")


@pytest.mark.parametrize(
    ("name", "value", "is_right"),
    [
        ("Tree", {"name": "a"}, True),
        ("Tree", {"name": "a", "words": ["b", "c"], "left": {"name": "b", "right": None}}, True),
        ("Tree", {"name": None}, False),
        ("Tree", {"name": "a", "left": {}}, False),
        ("Tree", {"name": "a", "odd": 1}, False),
        ("Tree", {"name": "a", "colour": "BLUE"}, False),
        ("Tree", {"name": "a", "words": [None]}, False),
        ("Tree", {"name": "a", "words": "b"}, True),
        ("Tree", [], False),
        ("Choice", {"a": 1}, True),
        ("Choice", {"a": 1, "b": 2}, False),
        ("Int", 1, True),
        ("Int", "1", False),
    ],
)
def test_what_is_rightly_right_is_coerced_here(name: str, value: Any, is_right: bool) -> None:
    """Also where a type holds itself, or has rules of its own; what is wrong is left to graphql-core to tell."""
    assert agree(Coercions(), SCHEMA.get_type(name), value) == is_right
