"""What a value should be is answered by generated code; what it should not be, exactly as graphql-core does."""

from decimal import Decimal
from typing import Any

from tests.cases import each
from tests.unit.gateway.plans.odd_schema import Box, Cat, Colour, Later, Shape, Watched
from tests.unit.gateway.plans.odd_worlds import Lonely, Word
from tests.unit.gateway.plans.ways import Ways, dog, thing

LEAVES = "{ strict { text maybe number ratio flag colour code stamp tags grid } }"
ODD: list[Any] = [
    None, 3.5, 7, True, "text", 2**31, -(2**31) - 1, 2**40, float("nan"), float("inf"), Decimal("1.5"), Word.HELLO,
    Colour.GREEN, "r", "RED", [], ["x"], [None], ("t",), {"a": 1}, ValueError("a value"), Lonely(), Later("later"),
    Later(None), b"bytes", iter(["x"]).__class__, Box(1, "b", 2), {1, 2},
]  # fmt: skip


@each("value", ODD)
async def test_a_leaf_of_any_kind_is_answered_alike(ways: Ways, value: Any) -> None:
    """Whatever stands in a leaf's place, answer and errors are those of graphql-core."""
    for attribute in ("text", "maybe", "number", "ratio", "flag", "colour", "code", "stamp", "tags", "grid"):
        await ways.both(LEAVES, thing(), thing(**{attribute: value}), thing())


@each("value", ODD)
async def test_an_object_of_any_kind_is_answered_alike(ways: Ways, value: Any) -> None:
    """Whatever stands in an object's place, answer and errors are those of graphql-core."""
    selected = "{ things { box { id text } boxes { text } pet { ... on Cat { lives } } shape { __typename name } } }"
    for attribute in ("box", "boxes", "pet", "shape"):
        await ways.both(selected, thing(**{attribute: value}), thing(**{attribute: [value]}))


async def test_errors_carry_their_path_through_lists_and_aliases(ways: Ways) -> None:
    """A null where none may be is reported at its own path, and nulls the nearest place that may be null."""
    seen = await ways.both("{ t: things { b: boxes { x: text } } }", thing(boxes=[Box(1, "b", 1), Box(1, None, 1)]))
    assert seen.data == '{"t": [null]}'
    assert seen.errors == [("['t', 0, 'b', 1, 'x']", "Cannot return null for non-nullable field Box.text.")]


async def test_a_property_is_read_once(ways: Ways) -> None:
    """A class whose attributes run code is not read by generated code, so nothing runs twice."""
    log: list[Any] = []
    watched = Watched(1, ValueError("hidden"), 1, log)
    await ways.both("{ strict { box { number text } boxes { text } } }", thing(box=watched, boxes=[watched]))
    assert len(log) == 2 * 3


async def test_a_subclass_that_hides_an_attribute_is_not_read_plainly(ways: Ways) -> None:
    """A property in a field's place counts as code."""

    class Sly(Box, frozen=True):
        pass

    Sly.text = property(lambda _: 1 / 0)  # after it was made
    seen = await ways.both("{ things { box { text } } }", thing(box=Sly(1, 2, 3)))
    assert seen.errors == [("['things', 0, 'box', 'text']", "division by zero")]


async def test_abstract_values_are_told_by_class_and_by_value(ways: Ways) -> None:
    """Unions and interfaces give each object the selection of its own type, in the document's order."""
    selected = (
        "{ pets { __typename ... on Dog { barks name } ... on Cat { name lives } } "
        "strict { shape { name ... on Circle { size } } } }"
    )
    pets = (Cat(1, "cat", 9), dog(), None, Cat(2, "cat", "x"), Lonely())
    seen = await ways.both(
        selected, thing(shape=Shape("square", "flat", 1)), thing(), thing(shape=Shape("blob", "b", 1)), pets=pets
    )
    assert '{"__typename": "Dog", "barks": null, "name": "dog"}' in seen.data


async def test_fields_of_one_name_are_merged(ways: Ways) -> None:
    """Selections of the same response name become one, whichever fragments they came by."""
    fragments = "fragment T on Thing { box { number ...B } } fragment B on Box { text }"
    text = f"{{ things {{ box {{ id }} ...T box {{ text }} }} }} {fragments}"
    seen = await ways.both(text)
    assert seen.data == '{"things": [{"box": {"id": "Qm94OjI", "number": 3, "text": "box"}}]}'


async def test_deep_lists_and_objects_become_functions_of_their_own(ways: Ways) -> None:
    """Nesting beyond what one function may hold is compiled all the same."""
    box: Any = None
    for _ in range(40):
        box = Box(1, "b", 2, box)
    selected = "text " + "inner { text " * 39 + "}" * 39
    await ways.both(f"{{ strict {{ box {{ {selected} }} }} }}", thing(box=box))
    assert ways.plans.interpreted == 0
