"""What an operation did cost: the same cost specification, on the answer instead of the arguments.

    cost of a field = its weight + for each object it answered: 1 + what is selected in it

An answer is walked field by field, each for all objects of its place at once: by object it took three times as long.
That is still a part of executing it, so one operation in SAMPLED is measured for the metrics, and every one for which a
developer asks: `"extensions": {"cost": true}` in the request brings `extensions.cost` in the answer. Single answers
only; of fields answered under one name by several types, the first says what it weighs.
"""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import msgspec
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    get_named_type,
)

from contracts.scopes import TokenScope
from gateway.callers import Caller
from gateway.costs import INTROSPECTION_COST, MUTATION_COST, CostModel
from gateway.documents import PreparedDocument
from gateway.plans.texts import as_data
from gateway.telemetry import ACTUAL_COST

SAMPLED = 64
READINGS_KEPT_MAX = 1_024
EXTENSION = "cost"

Places = list[tuple[SelectionSetNode, Any]]
"""Selection sets that answer at one place, each with the type it is on."""
Objects = list[dict[str, Any]]


class _Entry(msgspec.Struct, frozen=True):
    """A field whose value costs something, by the key it answers under."""

    key: str
    weight: int
    item: int
    inside: "tuple[_Entry, ...]"

    def cost(self, parents: Objects) -> int:
        """Return what the field costs in all the objects that answered it."""
        key = self.key
        values = [parent[key] for parent in parents if key in parent]
        cost = self.weight * len(values)
        if self.item and (objects := _objects(values)):
            cost += self.item * len(objects) + sum([one.cost(objects) for one in self.inside])
        return cost


class CostMeter:
    """Measures answers of one schema."""

    def __init__(self, schema: GraphQLSchema, model: CostModel, *, limit: int) -> None:
        self._schema = schema
        self._model = model
        self._limit = limit
        self._seen = 0
        self._kept: OrderedDict[tuple[str, str | None], tuple[_Entry, ...]] = OrderedDict()

    def observe(
        self,
        prepared: PreparedDocument,
        node: OperationDefinitionNode,
        asked: object,
        estimated: int,
        caller: Caller,
        payload: dict[str, Any],
    ) -> None:
        """Measure one answer in SAMPLED, and each that a developer asked to have measured, who is told in it."""
        told = asked is True and TokenScope.DEVELOPER in caller.principal.scopes
        self._seen += 1
        if not told and self._seen % SAMPLED:
            return
        actual = self.actual(prepared, node, as_data(payload.get("data")))
        ACTUAL_COST.observe(actual)
        if told:
            cost = {"estimated": estimated, "actual": actual, "limit": self._limit}
            payload["extensions"] = {**payload.get("extensions", {}), EXTENSION: cost}

    def actual(self, prepared: PreparedDocument, node: OperationDefinitionNode, data: Any) -> int:
        """Return what an answer's data cost; what was not answered, nothing but a mutation's base."""
        base = MUTATION_COST if node.operation is OperationType.MUTATION else 0
        return base + (
            sum([one.cost([data]) for one in self._reading(prepared, node)]) if isinstance(data, dict) else 0
        )

    def _reading(self, prepared: PreparedDocument, node: OperationDefinitionNode) -> tuple[_Entry, ...]:
        key = (prepared.sha256, node.name.value if node.name else None)
        found = self._kept.get(key)
        if found is None:
            fragments = {
                one.name.value: one for one in prepared.document.definitions if isinstance(one, FragmentDefinitionNode)
            }
            root = self._schema.get_root_type(node.operation)
            found = self._kept[key] = self._entries([(node.selection_set, root)], fragments)
            if len(self._kept) > READINGS_KEPT_MAX:
                self._kept.popitem(last=False)
        return found

    def _entries(self, places: Places, fragments: Mapping[str, FragmentDefinitionNode]) -> tuple[_Entry, ...]:
        named: dict[str, list[tuple[FieldNode, Any]]] = {}
        for selection_set, parent in places:
            self._gather(selection_set, parent, fragments, named)
        entries = (self._entry(key, fields, fragments) for key, fields in named.items())
        return tuple(entry for entry in entries if entry.weight or entry.item)

    def _gather(
        self,
        selection_set: SelectionSetNode,
        parent: Any,
        fragments: Mapping[str, FragmentDefinitionNode],
        named: dict[str, list[tuple[FieldNode, Any]]],
    ) -> None:
        for selection in selection_set.selections:
            if isinstance(selection, FieldNode):
                key = (selection.alias or selection.name).value
                named.setdefault(key, []).append((selection, parent))
            elif isinstance(selection, InlineFragmentNode):
                condition = selection.type_condition
                inner = self._model.type(condition.name.value) if condition else parent
                self._gather(selection.selection_set, inner or parent, fragments, named)
            elif isinstance(selection, FragmentSpreadNode):
                fragment = fragments[selection.name.value]
                inner = self._model.type(fragment.type_condition.name.value)
                self._gather(fragment.selection_set, inner or parent, fragments, named)

    def _entry(
        self, key: str, fields: list[tuple[FieldNode, Any]], fragments: Mapping[str, FragmentDefinitionNode]
    ) -> _Entry:
        first, parent = fields[0]
        name = first.name.value
        if name.startswith("__"):
            return _Entry(key, 0 if name == "__typename" else INTROSPECTION_COST, 0, ())
        if not isinstance(parent, GraphQLObjectType | GraphQLInterfaceType):
            return _Entry(key, 0, 0, ())
        cost = self._model.field(parent, name)
        inside: Places = [
            (node.selection_set, get_named_type(one.fields[node.name.value].type))
            for node, one in fields
            if node.selection_set
        ]
        return _Entry(key, cost.weight, cost.item, self._entries(inside, fragments) if inside else ())


def _objects(values: Objects | list[Any]) -> Objects:
    """Return the objects among values and in their lists."""
    kinds = set(map(type, values))
    if kinds == {dict}:  # as mostly: a field's values are alike
        return values
    objects = [value for value in values if isinstance(value, dict)]
    items = [item for value in values if isinstance(value, list) for item in value] if list in kinds else None
    return objects + _objects(items) if items else objects
