"""Feed cursors: only this bank writes them, and each is for one customer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.failures import BadCursor
from resolvers.cursors import CURSOR_CHARACTERS, SEQ_MAX, CursorCodec
from tests.examples import examples

OLD, NEW = b"o" * 32, b"n" * 32
CODEC = CursorCodec([NEW, OLD])


@examples(60)
@given(st.text(max_size=64), st.integers(0, SEQ_MAX), st.floats(0, 4e9))
def test_a_cursor_says_its_seq_to_its_customer(customer_id: str, seq: int, issued_at: float) -> None:
    """What was signed is read, whatever it was."""
    cursor = CODEC.sign(customer_id, seq, issued_at)
    assert len(cursor) == CURSOR_CHARACTERS
    assert CODEC.read(cursor, customer_id) == seq


@examples(40)
@given(st.binary(min_size=32, max_size=130), st.text(max_size=64))
def test_what_signs_fast_is_what_hmac_verifies(key: bytes, customer_id: str) -> None:
    """Signing and verifying are two implementations, which agree for keys of every length."""
    codec = CursorCodec([key])
    assert codec.read(codec.sign(customer_id, 7, 0), customer_id) == 7


def test_the_same_place_has_the_same_cursor() -> None:
    """Every device and replica sees one text."""
    assert CODEC.sign("anna", 5, 100.7) == CursorCodec([NEW]).sign("anna", 5, 100.2)


def test_a_foreign_cursor_is_refused() -> None:
    """Another customer's cursor is no cursor."""
    with pytest.raises(BadCursor):
        CODEC.read(CODEC.sign("ben", 5, 0), "anna")


@examples(60)
@given(st.integers(0, CURSOR_CHARACTERS - 1), st.sampled_from("ABCxyz019-_"))
def test_no_character_can_be_changed(place: int, character: str) -> None:
    """Every character is under the signature, the last one's spare bits included."""
    cursor = CODEC.sign("anna", 5, 100)
    changed = cursor[:place] + character + cursor[place + 1 :]
    if changed != cursor:
        with pytest.raises(BadCursor):
            CODEC.read(changed, "anna")


@examples(60)
@given(st.text(max_size=60))
def test_garbage_is_refused(text: str) -> None:
    """Nothing but a cursor is read, and nothing else is raised."""
    with pytest.raises(BadCursor, match="The cursor cannot be read"):
        CODEC.read(text, "anna")


def test_keys_rotate() -> None:
    """An old key still verifies until it is taken away; the new one signs."""
    old = CursorCodec([OLD]).sign("anna", 5, 0)
    assert CODEC.read(old, "anna") == 5
    with pytest.raises(BadCursor):
        CursorCodec([NEW]).read(old, "anna")
    assert CursorCodec([NEW]).read(CODEC.sign("anna", 6, 0), "anna") == 6


def test_a_codec_needs_a_key() -> None:
    """No key is no signature."""
    with pytest.raises(ValueError, match="key"):
        CursorCodec([])


def test_keys_are_rotated_while_cursors_are_out() -> None:
    """A new key is read before it signs, the old one after it signed; a key that is gone reads nothing."""
    codec = CursorCodec([OLD])
    old = codec.sign("anna", 5, 0)
    codec.use([OLD, NEW])
    assert codec.sign("anna", 5, 0) == old
    new = CursorCodec([NEW]).sign("anna", 6, 0)
    assert codec.read(new, "anna") == 6
    codec.use([NEW, OLD])
    assert codec.sign("anna", 6, 0) == new
    assert codec.read(old, "anna") == 5
    codec.use([NEW])
    with pytest.raises(BadCursor):
        codec.read(old, "anna")
