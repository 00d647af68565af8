"""The example operations are valid, explained, and answered in full."""

import json
from pathlib import Path
from typing import Any

import pytest
from graphql import OperationDefinitionNode, OperationType, parse, validate

from tests.unit.resolvers.services import SCHEMA, Feed, Services, context_of, delivered

FOLDER = Path(__file__).parents[3] / "schema" / "operations"
OPERATIONS = sorted(FOLDER.glob("*.graphql"))
VARIABLES = {path: json.loads(path.with_suffix(".variables.json").read_text()) for path in OPERATIONS}
TEXTS = {path: path.read_text() for path in OPERATIONS}
NAMES = {
    "AcknowledgeAlert", "Accounts", "AlertFeed", "Alerts", "CreateAlertRule", "Dashboard", "FreezeCard", "Spending",
    "Transactions",
}  # fmt: skip


def test_the_examples_are_there() -> None:
    """Every screen of the app and every mutation shown in the guide has its operation."""
    assert {path.stem for path in OPERATIONS} >= NAMES


@pytest.mark.parametrize("path", OPERATIONS, ids=lambda path: path.stem)
def test_an_example_is_valid_and_says_what_it_is(path: Path) -> None:
    """It opens with a comment, is named like its file and fits the schema."""
    text = TEXTS[path]
    document = parse(text)
    assert text.startswith("# ")
    assert validate(SCHEMA._schema, document) == []
    [operation] = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    assert operation.name is not None
    assert operation.name.value == path.stem


@pytest.mark.parametrize("path", OPERATIONS, ids=lambda path: path.stem)
async def test_an_example_is_answered(path: Path) -> None:
    """With its own variables it gives no error."""
    text, variables = TEXTS[path], VARIABLES[path]
    [operation] = [node for node in parse(text).definitions if isinstance(node, OperationDefinitionNode)]
    context = context_of(Services(), feed=Feed([delivered(1)]))
    results: Any
    if operation.operation is OperationType.SUBSCRIPTION:
        stream: Any = await SCHEMA.subscribe(text, variable_values=variables, context_value=context)
        results = [result async for result in stream]
    else:
        results = [await SCHEMA.execute(text, variable_values=variables, context_value=context)]
    assert [result.errors for result in results] == [None]
