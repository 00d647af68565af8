"""Parts written as text say what the same parts as data do, whatever stands in them."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.answers import encode_json
from gateway.plans.texts import Written, as_data, written
from tests.cases import each
from tests.examples import examples
from tests.unit.gateway.plans.odd_schema import Box, Colour
from tests.unit.gateway.plans.ways import Ways, thing

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
ASKED = "{ strict { text maybe code tags grid box { text number } boxes { id text } number ratio flag colour } }"


@given(texts=st.lists(TEXTS, max_size=5))
@examples(200)
def test_what_is_written_is_read_back(texts: list[str]) -> None:
    """Also quotation marks, control characters and what is beyond ASCII, as the encoder writes them."""
    pieces = [piece for text in texts for piece in ('","', text)]
    pieces = ['["', *pieces[1:], '"]', ""] if texts else ["[]", ""]
    assert written(pieces).text.encode() == orjson.dumps(texts)


@each(
    "text", ['a "word"', "back\\slash", "line\nend", "\x00", "ünï", "日本", "\U0001f600", "", "\x7f", '"', "a" * 9000]
)
async def test_any_text_is_answered_alike(ways: Ways, text: str) -> None:
    """Wherever a string may stand."""
    boxes = [Box(1, text, 2), Box(2, "plain", 3)]
    given = {"text": text, "maybe": text, "code": text, "tags": ["t", text], "grid": [[1, None], None], "boxes": boxes}
    seen = await ways.both(ASKED, thing(**given), thing(), thing(**given, box=boxes[0]))
    assert seen.errors == []


@each("value", [float("nan"), float("inf"), 1e16, 1e-7, 5e-324, -0.0, 2**31, True, None, Colour.GREEN, "\ud800"])
async def test_any_number_is_answered_alike(ways: Ways, value: Any) -> None:
    """And what is none."""
    for attribute in ("number", "ratio", "flag", "colour"):
        await ways.both(ASKED, thing(), thing(**{attribute: value}))


@pytest.mark.parametrize("piece", [1, None, ["x"], True, "\ud800"])
def test_what_is_no_text_is_not_written(piece: Any) -> None:
    """It goes the other way, where it is found out what it is."""
    with pytest.raises(TypeError):
        written(["[", piece, "]", ""])


def test_an_answer_with_written_parts_is_encoded_as_one() -> None:
    """They stand in their places, as data and as text."""
    answer = {"data": {"a": [1, Written('{"b":"c"}')]}}
    assert as_data(answer) == {"data": {"a": [1, {"b": "c"}]}} == json.loads(encode_json(answer))
