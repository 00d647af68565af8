"""Lines cut out of a byte stream, wherever the chunks end."""

from hypothesis import given
from hypothesis import strategies as st

from services.events.lines import LINE_BYTES_KEPT, LineSplitter
from tests.examples import examples


def split(chunks: list[bytes]) -> list[bytes]:
    splitter = LineSplitter()
    return [line for chunk in chunks for line in splitter.feed(chunk)] + splitter.end()


@examples(60)
@given(st.lists(st.binary(max_size=20).map(lambda part: part.replace(b"\r", b"")), max_size=10))
def test_where_chunks_end_does_not_matter(chunks: list[bytes]) -> None:
    """The lines are those of the whole, without blank ones."""
    assert split(chunks) == [line.strip() for line in b"".join(chunks).split(b"\n") if line.strip()]


def test_an_overlong_line_is_cut_and_the_next_one_is_whole() -> None:
    """A line over the bound costs its bound in memory and says by its length that it was too long."""
    first, second = split([b"x" * 50_000, b"x" * 50_000, b"x" * 50_000 + b"\n{}\n"])
    assert (len(first), second) == (LINE_BYTES_KEPT, b"{}")
