"""Whether a caller may run an operation at all: scopes, step-up and introspection, decided before execution.

Read from the document and the schema's directives (schema/demands.py), never inside resolvers: so it holds for queries,
mutations and subscriptions over every transport, whichever way they are executed, and whatever `@skip` or `@include`
say. Whose objects a caller may see is another question: resolvers/access.py.
"""

from collections import OrderedDict

import msgspec
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
)

from contracts.failures import Forbidden
from contracts.scopes import TokenScope
from gateway.documents import PreparedDocument
from gateway.errors import MISSING_SCOPE
from gateway.step_up import StepUp
from resolvers.principal import Principal
from schema.demands import RequiresScopes, RequiresStepUp

DEMANDS_KEPT_MAX = 4_096
"""Operations whose demands are remembered."""
INTROSPECTION = frozenset({"__schema", "__type"})

Alternatives = frozenset[frozenset[str]]
"""Sets of scopes, one of which is enough."""

DEVELOPERS: Alternatives = frozenset({frozenset({TokenScope.DEVELOPER.value})})


class MissingScope(Forbidden):
    """The token was not granted what the operation needs. Do not retry with it."""

    code = MISSING_SCOPE


class Demands(msgspec.Struct, frozen=True):
    """What an operation demands: the scopes of each field, and a fresh sign-in for some of them."""

    scopes: frozenset[tuple[str, Alternatives]]
    step_up: frozenset[str]


class Authorization:
    """Decides over operations of one schema."""

    def __init__(self, schema: GraphQLSchema, step_up: StepUp) -> None:
        self._schema = schema
        self._step_up = step_up
        self._kept: OrderedDict[tuple[str, str | None], Demands] = OrderedDict()

    def demand(
        self, prepared: PreparedDocument, operation: OperationDefinitionNode, principal: Principal
    ) -> float | None:
        """Let an operation pass; return until when (UNIX seconds), None for as long as the token is good.

        Raises:
            MissingScope: the token lacks a scope.
            StepUpRequired: the customer has to sign in again first.
        """
        demands = self.demands(prepared, operation)
        for field, alternatives in demands.scopes:
            if not _is_granted(alternatives, principal.scopes):
                raise MissingScope("The token lacks a scope this operation needs.", detail=field)
        return self._step_up.demand(principal, demands.step_up) if demands.step_up else None

    def demands(self, prepared: PreparedDocument, operation: OperationDefinitionNode) -> Demands:
        """Return what an operation of a prepared document demands; kept by document and name."""
        key = (prepared.sha256, operation.name.value if operation.name else None)
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = self._read(prepared, operation)
            if len(self._kept) > DEMANDS_KEPT_MAX:
                self._kept.popitem(last=False)
        return found

    def _read(self, prepared: PreparedDocument, operation: OperationDefinitionNode) -> Demands:
        reading = _Reading(self._schema, prepared)
        reading.selections(operation.selection_set, self._schema.get_root_type(operation.operation))
        return Demands(frozenset(reading.scopes), frozenset(reading.step_up))


def _is_granted(alternatives: Alternatives, scopes: frozenset[str]) -> bool:
    for needed in alternatives:  # noqa: SIM110 (on every request: a generator costs more than all it asks)
        if needed <= scopes:
            return True
    return False


class _Reading:
    """The walk over one operation: each fragment once."""

    def __init__(self, schema: GraphQLSchema, prepared: PreparedDocument) -> None:
        self._schema = schema
        self._fragments = {
            one.name.value: one for one in prepared.document.definitions if isinstance(one, FragmentDefinitionNode)
        }
        self._seen: set[str] = set()
        self.scopes: set[tuple[str, Alternatives]] = set()
        self.step_up: set[str] = set()

    def selections(self, selection_set: SelectionSetNode, parent: object) -> None:
        """Read what a selection set on a type demands."""
        for selection in selection_set.selections:
            if isinstance(selection, FieldNode):
                self._field(selection, parent)
            elif isinstance(selection, InlineFragmentNode):
                condition = selection.type_condition
                inner = self._schema.get_type(condition.name.value) if condition else parent
                self.selections(selection.selection_set, inner)
            elif isinstance(selection, FragmentSpreadNode) and selection.name.value not in self._seen:
                self._seen.add(selection.name.value)
                fragment = self._fragments[selection.name.value]
                inner = self._schema.get_type(fragment.type_condition.name.value)
                self.selections(fragment.selection_set, inner)

    def _field(self, node: FieldNode, parent: object) -> None:
        name = node.name.value
        if name in INTROSPECTION:
            self.scopes.add((name, DEVELOPERS))
        if name.startswith("__") or not isinstance(parent, GraphQLObjectType | GraphQLInterfaceType):
            return
        definition = parent.fields[name]
        self._directives(name, definition)
        if node.selection_set:
            self.selections(node.selection_set, get_named_type(definition.type))

    def _directives(self, name: str, definition: GraphQLField) -> None:
        declared = definition.extensions.get("strawberry-definition")
        for directive in getattr(declared, "directives", None) or ():
            if isinstance(directive, RequiresScopes):
                self.scopes.add((name, frozenset(frozenset(scopes) for scopes in directive.scopes)))
            elif isinstance(directive, RequiresStepUp):
                self.step_up.add(name)
