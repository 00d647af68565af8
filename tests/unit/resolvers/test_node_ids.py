"""Global ids name their type."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.failures import NotFound
from resolvers.node_ids import decode_id_of, decode_node_id, encode_node_id, ids_of
from tests.examples import examples

IDS = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._:-]{0,63}\Z")


@examples(60)
@given(st.sampled_from(["Account", "Transaction"]), IDS)
def test_an_id_comes_back_with_its_type(kind: str, id: str) -> None:
    """What was encoded is decoded, colons in the id included."""
    assert decode_node_id(encode_node_id(kind, id)) == (kind, id)


@examples(60)
@given(st.text(max_size=80))
def test_garbage_is_nothings_id(text: str) -> None:
    """Every text is an id in its one spelling, or not found."""
    try:
        kind, id = decode_node_id(text)
    except NotFound:
        return
    assert encode_node_id(kind, id) == text.rstrip("=")


def test_an_id_of_another_type_is_not_found() -> None:
    """A card's id is no account's."""
    with pytest.raises(NotFound):
        decode_id_of("Account", encode_node_id("Card", "x"))


def test_a_list_keeps_the_ids_of_one_type_once() -> None:
    """Others are left out, as if nothing had them."""
    ids = [encode_node_id("Account", "b"), encode_node_id("Card", "c"), "?", encode_node_id("Account", "b")]
    assert ids_of("Account", ids) == ["b"]
