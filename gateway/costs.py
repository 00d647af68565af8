"""What an operation will cost, before it runs: the GraphQL cost specification (IBM, 2020) on `@cost` and `@listSize`.

    cost of a field = its weight + size of its list × (1 for an object, 0 for a scalar + cost of what is selected in it)

Sizes come from the arguments' actual values: a number, the length of a list, the days of a period. Fragments are
counted where they are spread and measured once; alternatives of an abstract type are added up, so the estimate is an
upper bound of what one answer holds. Estimates are kept by document and by the values that decide a size.
"""

from collections import OrderedDict
from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from functools import lru_cache
from typing import Any

import msgspec
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    StringValueNode,
    ValueNode,
    VariableNode,
    get_named_type,
    is_leaf_type,
)

from contracts.failures import Rejected
from gateway.documents import PreparedDocument
from schema.costs import Cost, ListSize

LIST_SIZE_ASSUMED = 10
DATE_CHARACTERS = len("2026-11-24")
LIST_SIZE_MAX = 10_000
"""A size beyond this counts as this: resolvers bound pages far below it."""
MUTATION_COST = 10
INTROSPECTION_COST = 50
ESTIMATES_KEPT_MAX = 4_096

NO_SIZES: Mapping[str, int] = {}


class CostMode(StrEnum):
    """What happens to an operation over its bound, by the setting `cost_mode`."""

    MEASURE = "measure"
    ENFORCE = "enforce"


class TooCostly(Rejected):
    """An operation over the bound; sent again unchanged it is refused again."""

    code = "COST_TOO_HIGH"


class _FieldCost(msgspec.Struct, frozen=True):
    weight: int
    item: int
    is_list: bool
    size: ListSize | None


class CostModel:
    """Estimates operations of one schema."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._fields: dict[tuple[str, str], _FieldCost] = {}
        self._kept: OrderedDict[tuple[object, ...], int] = OrderedDict()

    def estimate(
        self, prepared: PreparedDocument, operation: OperationDefinitionNode, variables: Mapping[str, Any]
    ) -> int:
        """Return the cost of an operation with these (not yet coerced) variables."""
        sizes = NO_SIZES
        if variables:
            sizes = {name: size for name, value in variables.items() if (size := _size_of(value)) is not None}
        key = (prepared.sha256, operation.name.value if operation.name else None, frozenset(sizes.items()))
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = self._estimate(prepared, operation, sizes)
            if len(self._kept) > ESTIMATES_KEPT_MAX:
                self._kept.popitem(last=False)
        return found

    def _estimate(
        self, prepared: PreparedDocument, operation: OperationDefinitionNode, sizes: Mapping[str, int]
    ) -> int:
        root = self._schema.get_root_type(operation.operation)
        if root is None:
            return 0
        defaults = {
            definition.variable.name.value: size
            for definition in operation.variable_definitions or ()
            if (size := _literal_size(definition.default_value, NO_SIZES)) is not None
        }
        base = MUTATION_COST if operation.operation is OperationType.MUTATION else 0
        return (
            _Estimation(self, prepared, {**defaults, **sizes}).selections(operation.selection_set, root, NO_SIZES)
            + base
        )

    def field(self, parent: GraphQLObjectType | GraphQLInterfaceType, name: str) -> _FieldCost:
        """Return what the schema says a field costs."""
        key = (parent.name, name)
        found = self._fields.get(key)
        if found is None:
            found = self._fields[key] = _read_field(parent.fields[name])
        return found

    def type(self, name: str) -> GraphQLObjectType | GraphQLInterfaceType | None:
        """Return the type of that name where it has fields."""
        found = self._schema.get_type(name)
        return found if isinstance(found, GraphQLObjectType | GraphQLInterfaceType) else None


class _Estimation:
    """The walk over one operation."""

    def __init__(self, model: CostModel, prepared: PreparedDocument, sizes: Mapping[str, int]) -> None:
        self._model = model
        self._sizes = sizes
        self._fragments = {
            one.name.value: one for one in prepared.document.definitions if isinstance(one, FragmentDefinitionNode)
        }
        self._measured: dict[tuple[str, tuple[tuple[str, int], ...]], int] = {}

    def selections(self, selection_set: SelectionSetNode, parent: Any, sized: Mapping[str, int]) -> int:
        """Return the cost of what is selected; `sized` are sizes a field above has set for fields here."""
        total = 0
        for selection in selection_set.selections:
            if isinstance(selection, FieldNode):
                total += self._field(selection, parent, sized)
            elif isinstance(selection, InlineFragmentNode):
                condition = selection.type_condition
                inner = self._model.type(condition.name.value) if condition else parent
                total += self.selections(selection.selection_set, inner or parent, sized)
            elif isinstance(selection, FragmentSpreadNode):
                total += self._spread(selection.name.value, parent, sized)
        return total

    def _spread(self, name: str, parent: Any, sized: Mapping[str, int]) -> int:
        key = (name, tuple(sized.items()))
        found = self._measured.get(key)
        if found is None:
            fragment = self._fragments[name]
            inner = self._model.type(fragment.type_condition.name.value) or parent
            found = self._measured[key] = self.selections(fragment.selection_set, inner, sized)
        return found

    def _field(self, node: FieldNode, parent: Any, sized: Mapping[str, int]) -> int:
        name = node.name.value
        if name.startswith("__"):
            return 0 if name == "__typename" else INTROSPECTION_COST
        if not isinstance(parent, GraphQLObjectType | GraphQLInterfaceType):
            return 0
        definition: GraphQLField = parent.fields[name]
        cost = self._model.field(parent, name)
        slice_size = self._slice(node, definition, cost.size) if cost.size else None
        size, inner_sized = 1, NO_SIZES
        if name in sized:
            size = sized[name]
        elif cost.size and slice_size is not None and cost.size.sized_fields:
            inner_sized = dict.fromkeys(cost.size.sized_fields, slice_size)
        elif cost.is_list:
            size = slice_size if slice_size is not None else LIST_SIZE_ASSUMED
        inner = 0
        if node.selection_set:
            inner = self.selections(node.selection_set, get_named_type(definition.type), inner_sized)
        return cost.weight + size * (cost.item + inner)

    def _slice(self, node: FieldNode, definition: GraphQLField, list_size: ListSize) -> int | None:
        """Return the largest slicing argument given, else its default, else the assumed size."""
        given = {argument.name.value: argument.value for argument in node.arguments or ()}
        found = []
        for name in list_size.slicing_arguments or ():
            size = self._argument_size(given.get(name))
            if size is None and name in definition.args:
                size = _size_of(definition.args[name].default_value)
            if size is not None:
                found.append(size)
        return max(found) if found else (list_size.assumed_size or None)

    def _argument_size(self, value: ValueNode | None) -> int | None:
        return _literal_size(value, self._sizes)


def _read_field(definition: GraphQLField) -> _FieldCost:
    declared = definition.extensions.get("strawberry-definition")
    directives = getattr(declared, "directives", None) or ()
    weights = [int(one.weight) for one in directives if isinstance(one, Cost)]
    sizes = [one for one in directives if isinstance(one, ListSize)]
    return _FieldCost(
        weight=sum(weights),
        item=0 if is_leaf_type(get_named_type(definition.type)) else 1,
        is_list=_is_list(definition.type),
        size=sizes[0] if sizes else None,
    )


@lru_cache(maxsize=4_096)
def _is_list(type_: Any) -> bool:
    return isinstance(type_.of_type if isinstance(type_, GraphQLNonNull) else type_, GraphQLList)


def _size_of(value: Any) -> int | None:
    """Return what a variable's value says of a size; a date says where its day is among all days."""
    if isinstance(value, str):
        return _day_of(value)
    if isinstance(value, dict):
        return _days_of(_size_of(value.get("start")), _size_of(value.get("end")))
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # GraphQL takes it for an Int
    if isinstance(value, int) and not isinstance(value, bool):
        return _bounded(value)
    return _bounded(len(value)) if isinstance(value, list) else None


def _literal_size(value: ValueNode | None, sizes: Mapping[str, int]) -> int | None:
    """Return the same of a value in the document; `sizes` are those of the variables in it."""
    match value:
        case VariableNode():
            return sizes.get(value.name.value)
        case StringValueNode():
            return _day_of(value.value)
        case ObjectValueNode():
            ends = {field.name.value: _literal_size(field.value, sizes) for field in value.fields}
            return _days_of(ends.get("start"), ends.get("end"))
        case IntValueNode():
            return _size_of(int(value.value[:6]))
        case ListValueNode():
            return _size_of(list(value.values))
    return None


def _day_of(text: str) -> int | None:
    try:
        return date.fromisoformat(text).toordinal() if len(text) == DATE_CHARACTERS else None
    except ValueError:
        return None


def _days_of(start: int | None, end: int | None) -> int | None:
    return None if start is None or end is None else _bounded(end - start + 1)


def _bounded(size: int) -> int:
    if 0 <= size <= LIST_SIZE_MAX:  # on every request: `max` and `min` take ten times as long
        return size
    return LIST_SIZE_MAX if size > 0 else 0
