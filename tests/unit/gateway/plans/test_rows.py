"""Lists of which fields are loaded for all objects at once, and what happens where one of them is odd."""

import json

from tests.unit.gateway.plans.odd_schema import Box, Note
from tests.unit.gateway.plans.ways import Ways, thing

NOTES = tuple(Note(str(number), "text", None, number % 2) for number in range(4))


async def test_fields_of_a_list_are_asked_for_at_once(ways: Ways) -> None:
    """One object of the executor's for the whole list; batches are those of one object after the other."""
    seen = await ways.both("{ notes { id text said close { text } } }", thing(text="a"), thing(text="b"), notes=NOTES)
    assert [note["said"] for note in json.loads(seen.data)["notes"]] == ["a", "b", "a", "b"]
    assert [effect for effect in seen.effects if effect[0] == "batch"] == [("batch", (0, 1, 2))]


async def test_an_odd_value_is_an_error_of_its_own_field(ways: Ways) -> None:
    """What holds it is null where no null may stand for it; the other objects stand."""
    things, notes = (thing(text=5), thing(text="b", box=None)), (*NOTES, None)
    seen = await ways.both("{ loose { heard close { text } boxed { id } } }", *things, notes=notes)
    assert [path for path, _ in seen.errors] == ["['loose', 0, 'close']", "['loose', 2, 'close']"]
    odd = {"heard": "b", "close": {"text": "box"}, "boxed": None}
    assert json.loads(seen.data) == {"loose": [None, odd, None, odd, None]}


async def test_what_cannot_be_asked_for_is_an_error_of_each(ways: Ways) -> None:
    """An argument that the field refuses, or one object it fails for."""
    seen = await ways.both("{ notes { said boxed(by: 4) { id } } }", notes=NOTES)
    assert [path for path, _ in seen.errors] == [f"['notes', {index}, 'boxed']" for index in range(4)]
    seen = await ways.both("{ loose { text close { text } } }", notes=(*NOTES, Note("5", "text", None, "nobody")))
    assert [path for path, _ in seen.errors] == ["['loose', 4, 'close']"]


async def test_what_is_no_load_is_taken_as_it_is(ways: Ways) -> None:
    """An `each` that answers with values makes objects be executed one by one."""
    seen = await ways.both("{ notes { boxed(by: 2) { text } } }", notes=(Note("1", None, Box("1", "box", None), 0),))
    assert json.loads(seen.data) == {"notes": [{"boxed": {"text": "box"}}]}
