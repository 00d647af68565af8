"""What docs/graphql.md shows is GraphQL of this schema."""

import re
from pathlib import Path

import pytest
from graphql import parse, validate

from schema.build import build_schema

PAGE = (Path(__file__).parents[3] / "docs" / "graphql.md").read_text()
BLOCKS = re.findall(r"^```graphql\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
IN_CODE = re.findall(r"`\s*((?:query|mutation|subscription)\b[^`]*\})\s*`", PAGE)


@pytest.mark.parametrize("document", [*BLOCKS, *IN_CODE])
def test_a_shown_document_is_valid(document: str) -> None:
    """It can be copied and run."""
    assert validate(build_schema()._schema, parse(document)) == []


def test_the_documents_of_code_examples_are_found() -> None:
    """Those inside JavaScript count as well."""
    assert (len(BLOCKS), len(IN_CODE)) == (5, 3)
