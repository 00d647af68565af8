"""A field's arguments at one place of an operation, coerced: constants once, variables as they come.

Where an argument is neither (a variable within a list or an object), or a variable is not there, graphql-core coerces
them all.
"""

from typing import Any

from graphql import FieldNode, GraphQLField, Node, Undefined, VariableNode, Visitor, is_non_null_type, visit
from graphql.execution.values import VariableValues, get_argument_values

from gateway.plans.calls import are_immutable


class _VariableFinder(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.found = False

    def enter_variable(self, *_: object) -> None:
        """Note that there is one."""
        self.found = True


def has_variable(node: Node) -> bool:
    """Say whether a variable stands anywhere in an argument."""
    finder = _VariableFinder()
    visit(node, finder)
    return finder.found


class Arguments:
    """Coerces them."""

    def __init__(self, definition: GraphQLField, node: FieldNode) -> None:
        self._definition = definition
        self._node = node
        self._variables = [
            (argument.out_name or name, value.name.value, is_non_null_type(argument.type))
            for name, argument in definition.args.items()
            for value in [given.value for given in node.arguments or () if given.name.value == name]
            if isinstance(value, VariableNode)
        ]
        varying = sum(map(has_variable, node.arguments or ()))
        self.take_variables = varying > 0
        self._are_simple = varying == len(self._variables)
        self._constant: dict[str, Any] | None = None
        """All of them, once they have been coerced, with null for variables."""

    def coerce(self, values: VariableValues, *, hide_suggestions: bool) -> dict[str, Any]:
        """Return them, by the names resolvers know them by.

        Raises:
            GraphQLError: one is not as its type.
        """
        if self._constant is None:
            found = get_argument_values(self._definition, self._node, values, None, hide_suggestions)
            self._keep(found)
            return found
        coerced, arguments = values.coerced, self._constant.copy()
        for name, variable, is_required in self._variables:
            value = coerced.get(variable, Undefined)
            if value is Undefined or (value is None and is_required):
                return get_argument_values(self._definition, self._node, values, None, hide_suggestions)
            arguments[name] = value
        return arguments

    def _keep(self, found: dict[str, Any]) -> None:
        names = {name for name, _, _ in self._variables}
        constant = {name: None if name in names else value for name, value in found.items()}
        if self._are_simple and names <= found.keys() and are_immutable(constant):
            self._constant = constant
