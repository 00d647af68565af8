"""Facts about tables of cases in one test."""

import pytest

from tests.cases import each

ASKED: list[tuple[int, int]] = []


@each("first", [1, 2])
@each("second", (3, 4))
async def test_every_case_is_tried(first: int, second: int) -> None:
    """Tables multiply, and what awaits is awaited."""
    ASKED.append((first, second))
    assert len(set(ASKED)) == len(ASKED)
    assert (first, second) != (2, 4) or len(ASKED) == 4


def test_a_case_that_fails_is_named() -> None:
    """In a note, which pytest shows below the failure; the cases before it passed."""
    seen = []

    @each(("number", "text"), [(1, "a"), (2, "b"), (3, "c")])
    def tried(number: int, text: str) -> None:
        seen.append(text)
        assert number < 2

    with pytest.raises(AssertionError) as failed:
        tried()
    assert (seen, failed.value.__notes__) == (["a", "b"], ["the case: {'number': 2, 'text': 'b'}"])
