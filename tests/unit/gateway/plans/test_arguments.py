"""Arguments are those that graphql-core coerces, and as wrong."""

from typing import Any

import pytest
from graphql import FieldNode, GraphQLError, OperationDefinitionNode, build_schema, parse
from graphql.execution.values import VariableValues, get_argument_values, get_variable_values

from gateway.plans.arguments import Arguments

SCHEMA = build_schema("""
enum Colour { RED GREEN }
input Size { width: Int! height: Int = 2 }
type Query { field(
  number: Int! = 1, needed: Int!, other: Int, colour: Colour = RED, words: [String!] = ["a"], size: Size, text: String
): Int }
""")
DECLARED = '($n: Int, $m: Int!, $c: Colour, $w: [String!], $s: Size, $t: String = "t")'
GIVEN = [
    "needed: 1",
    "needed: $m",
    "needed: $m, number: $n, other: $n",
    "needed: 3, colour: GREEN, text: null, number: 4",
    "needed: $m, colour: $c, text: $t",
    "needed: $m, words: $w, size: $s",
    'needed: $m, words: ["b"], size: {width: $m}',
    "needed: $m, size: {width: 1, height: $n}",
]
VARIABLES: list[dict[str, Any]] = [
    {"m": 7},
    {"m": 7, "n": 8, "c": "GREEN", "w": ["x"], "s": {"width": 1}, "t": "u"},
    {"m": 7, "n": None, "c": None, "w": None, "s": None, "t": None},
]


def _coerced(coerce: Any) -> Any:
    try:
        return coerce()
    except GraphQLError as error:
        return str(error)


@pytest.mark.parametrize("given", GIVEN)
@pytest.mark.parametrize("variables", VARIABLES)
def test_planned_arguments_are_those_graphql_core_coerces(given: str, variables: dict[str, Any]) -> None:
    """Given, left out, defaulted or null; twice, as the second execution is given none of the first's."""
    [operation] = parse(f"query {DECLARED} {{ field({given}) }}").definitions
    assert isinstance(operation, OperationDefinitionNode)
    [node] = operation.selection_set.selections
    assert isinstance(node, FieldNode)
    assert SCHEMA.query_type is not None
    definition = SCHEMA.query_type.fields["field"]
    values = get_variable_values(SCHEMA, operation.variable_definitions or (), variables)
    assert isinstance(values, VariableValues)
    theirs = _coerced(lambda: get_argument_values(definition, node, values, None, hide_suggestions=True))
    planned = Arguments(definition, node)
    for _ in range(2):
        assert _coerced(lambda: planned.coerce(values, hide_suggestions=True)) == theirs


def test_an_argument_that_is_missing_is_an_error() -> None:
    """As validation would have found it, it is graphql-core that says so."""
    [operation] = parse("{ field }").definitions
    assert isinstance(operation, OperationDefinitionNode)
    [node] = operation.selection_set.selections
    assert isinstance(node, FieldNode)
    assert SCHEMA.query_type is not None
    planned = Arguments(SCHEMA.query_type.fields["field"], node)
    with pytest.raises(GraphQLError, match="was not provided"):
        planned.coerce(VariableValues({}, {}), hide_suggestions=True)
