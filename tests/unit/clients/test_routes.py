"""A target says what was asked for and nothing else, whatever is in an id."""

import re
from typing import Any
from urllib.parse import parse_qsl, unquote

from hypothesis import given
from hypothesis import strategies as st
from msgspec.json import Decoder

from clients.routes import Parameters, Priority, reads
from tests.examples import examples

CARD = reads("/cards/{}/card", Decoder(Any), Priority.BALANCES)
TEXTS = st.text(max_size=4) | st.text("a-&=?/#% \r\n", max_size=4)


@given(query=st.lists(st.tuples(st.sampled_from(["id", "on"]), TEXTS | st.lists(TEXTS, max_size=3)), max_size=3))
@examples(100)
def test_a_query_is_read_as_it_was_given(query: Parameters) -> None:
    """A list is its values one after the other, and nothing where there are none."""
    path, mark, text = CARD.target(query, "a").partition("?")
    given_values = [(name, one) for name, value in query for one in ([value] if isinstance(value, str) else value)]
    assert (path, bool(mark)) == ("/cards/a/card", bool(given_values))
    assert parse_qsl(text, keep_blank_values=True) == given_values


@given(segment=TEXTS.filter(bool))
@examples(100)
def test_a_segment_names_no_other_path(segment: str) -> None:
    """All of it stands where it belongs, in characters that mean nothing there."""
    found = re.fullmatch("/cards/([A-Za-z0-9._~%-]+)/card", CARD.target(segment=segment))
    assert found is not None
    assert unquote(found[1]) == segment
