"""`Did you mean …?` for developers: what graphql-core suggests for names that do not exist, bounded and paid for.

Everybody else is told what is wrong, never what exists. A suggestion compares a name with others letter by letter, in
Python: one type's name against all of the schema takes 30 ms, a hundred times what finding the mistake does. So only
the first mistakes get one, only the nearest types are compared, and it is charged before. Nothing of it is kept: what
is kept of a document is what everybody may see.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from heapq import nsmallest
from typing import Any

from graphql import GraphQLError, GraphQLSchema, NamedTypeNode, OperationDefinitionNode, specified_rules, validate
from graphql.execution.values import get_variable_values
from graphql.validation import KnownTypeNamesRule

from contracts.scopes import TokenScope
from gateway.documents import InvalidDocument
from gateway.toll import Toll
from resolvers.principal import Principal

ERRORS_MAX = 3
"""Errors of a request that get suggestions, the first ones; graphql-core looks for those of one more."""
TYPES_MAX = 10
"""Types a name is compared with, those that have most letters in common with it."""


class Suggestions:
    """Adds suggestions to errors that were found without them."""

    def __init__(self, schema: GraphQLSchema, toll: Toll) -> None:
        self._schema = schema
        self._toll = toll

    def of_document(self, invalid: InvalidDocument, principal: Principal) -> list[GraphQLError]:
        """Return a document's errors as this caller may see them.

        Raises:
            RateLimited: the customer's minute is used up; may be retried later.
        """
        if invalid.document is None or not _may_see(principal):
            return invalid.errors
        self._toll.charge_suggestions(principal, invalid.size)
        return _first(validate(self._schema, invalid.document, RULES, ERRORS_MAX), invalid.errors)

    def of_variables(
        self,
        errors: list[GraphQLError],
        operation: OperationDefinitionNode,
        given: dict[str, Any],
        principal: Principal,
    ) -> list[GraphQLError]:
        """Return the errors of an operation's variables as this caller may see them.

        Raises:
            RateLimited: the customer's minute is used up; may be retried later.
        """
        if not _may_see(principal):
            return errors
        self._toll.charge_suggestions(principal)
        again = get_variable_values(self._schema, operation.variable_definitions or (), given, ERRORS_MAX)
        return _first(again, errors) if isinstance(again, list) else errors


def _may_see(principal: Principal) -> bool:
    return TokenScope.DEVELOPER in principal.scopes


def _first(suggesting: list[GraphQLError], errors: list[GraphQLError]) -> list[GraphQLError]:
    """Return the same errors, the first ones with suggestions."""
    return suggesting[:ERRORS_MAX] + errors[ERRORS_MAX:]


class _NearestTypeNames(KnownTypeNamesRule):
    """graphql-core's rule, comparing a name with few others."""

    def enter_named_type(self, node: NamedTypeNode, *rest: Any) -> None:
        """Choose what the name is compared with, where it is unknown."""
        name = node.name.value
        if name not in self.existing_types_map:
            self.type_names = nearest(name, self.existing_types_map)
        super().enter_named_type(node, *rest)


def nearest(name: str, others: Iterable[str]) -> list[str]:
    """Return the `TYPES_MAX` names that differ from it in the fewest letters, whatever their order."""
    letters = Counter(name.lower())
    return nsmallest(TYPES_MAX, others, key=lambda other: _differing(letters, Counter(other.lower())))


def _differing(one: Mapping[str, int], other: Mapping[str, int]) -> int:
    return sum(abs(one.get(letter, 0) - other.get(letter, 0)) for letter in {*one, *other})


RULES = [_NearestTypeNames if rule is KnownTypeNamesRule else rule for rule in specified_rules]
