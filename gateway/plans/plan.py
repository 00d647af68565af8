"""The plan of one operation: its fields and selections, each planned when execution first meets it, then kept.

A plan owns the lists of field details that graphql-core collects and finds things by their identity, so nothing is
collected twice. It holds no value of any request: variables, and arguments made of them, stay with the execution.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from itertools import groupby
from typing import Any, NamedTuple, TypeVar

from graphql import (
    GraphQLError,
    GraphQLField,
    GraphQLList,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    OperationDefinitionNode,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
)
from graphql.execution import Executor
from graphql.execution.collect_fields import (
    CollectedFields,
    FieldDetailsList,
    FragmentDetails,
    GroupedFieldSet,
    collect_fields,
    collect_subfields,
)
from graphql.execution.values import VariableValues

from gateway.plans.arguments import Arguments
from gateway.plans.calls import Given, direct_call, each_call
from gateway.plans.codegen import (
    Compiler,
    Complete,
    Fill,
    NotPlain,
    PlainField,
    attributes_of,
    nullable_of,
    plain_field,
)
from gateway.plans.reads import CLASSES_MAX, Constant, PlainClasses, RuntimeTypes, is_inert
from gateway.plans.texts import TextCompiler, Write

T = TypeVar("T")

SELECTIONS_MAX = 1_000
"""Selections one plan keeps; what is beyond them is executed by graphql-core."""


class FieldPlan:
    """One field at one place of the operation."""

    def __init__(
        self, plan: "Plan", parent_type: GraphQLObjectType, response_name: str, details: FieldDetailsList,
        definition: GraphQLField,
    ) -> None:  # fmt: skip
        self._plan = plan
        self.parent_type = parent_type
        self.response_name = response_name
        self.details = details
        self.definition = definition
        self.kind = nullable_of(definition.type)
        self.item_type = self.kind.of_type if isinstance(self.kind, GraphQLList) else None
        self.nodes = [one.node for one in details]
        self.resolve = definition.resolve
        self.call = direct_call(definition)
        self.each = each_call(definition)
        self.takes_arguments = bool(definition.args or self.nodes[0].arguments)
        self.arguments = Arguments(definition, self.nodes[0])
        self.given: Given | None = None
        """Its arguments, once they have been coerced, where they are the same for every execution of the plan."""

    @cached_property
    def complete(self) -> Complete | None:
        """What completes its value; None where something under it has a resolver."""
        type_, leaves = self.definition.type, self._plan.leaves
        if not is_leaf_type(get_named_type(type_)):
            return self._compiled(Compiler(self._plan).completing)
        if str(type_) not in leaves:
            leaves[str(type_)] = self._compiled(Compiler(self._plan).completing)
        return leaves[str(type_)]

    def _compiled(self, make: Callable[[GraphQLOutputType, FieldDetailsList], T]) -> T | None:
        try:
            return make(self.definition.type, self.details)
        except (NotPlain, GraphQLError):  # an error of collecting is met, and told, where execution collects
            return None

    @cached_property
    def write(self) -> Write | None:
        """What writes its value as text at once; None where something under it has a resolver, and for leaves."""
        if is_leaf_type(get_named_type(self.definition.type)):
            return None
        return self._compiled(TextCompiler(self._plan).writing)

    @property
    def awaited(self) -> PlainField:
        """Its place in an answer, while its value is not there yet."""
        return PlainField(self.response_name, Constant(None), self.definition.type, self.details)

    @cached_property
    def plain(self) -> PlainField | None:
        """How it is read, where it can be, and everything under it."""
        try:
            field = plain_field(self.definition, self.parent_type, self.response_name, self.details)
            Compiler(self._plan).check(field.type, field.details)
        except (NotPlain, GraphQLError):
            return None
        return field


class Selected:
    """What is selected from an object, and the type it turned out to be of."""

    def __init__(self, plan: "Plan", type_: GraphQLObjectType, grouped: GroupedFieldSet) -> None:
        self._plan = plan
        self.type = type_
        self.grouped = grouped

    @cached_property
    def row(self) -> "Row | None":
        """How such objects are executed many at once; None where they are not."""
        fields = [field for run in self._plan.selection(self.type, self.grouped) for field in run.fields]
        asked = [field for field in fields if field.plain is None]
        if not asked or any(field.each is None or field.complete is None for field in asked):
            return None
        plain = [field.plain or field.awaited for field in fields]
        try:
            return Row(Compiler(self._plan).making(plain), asked)
        except NotPlain:
            return None


class Row(NamedTuple):
    """Objects of which all is plain but some fields that are asked for: for many at once, and completed by plan."""

    make: Complete
    """Makes the answers of a list of them, with null for what is asked for; raises where one is odd."""
    asked: list[FieldPlan]


class Run:
    """Neighbouring fields of a selection; read together where `fill` is there, otherwise executed one by one."""

    def __init__(self, plan: "Plan", fields: list[FieldPlan]) -> None:
        self.fields = fields
        self.fill: Fill | None = None
        plain = [field.plain for field in fields if field.plain is not None]
        if len(plain) == len(fields):
            self.classes = PlainClasses(attributes_of(plain), None, plan.types)
            try:
                self.fill = Compiler(plan).filling(plain)
            except NotPlain:
                self.fill = None


class Plan:
    """One operation under one set of values of its `@skip` and `@include` variables."""

    def __init__(
        self,
        schema: GraphQLSchema,
        types: RuntimeTypes,
        operation: OperationDefinitionNode,
        fragments: dict[str, FragmentDetails],
        variable_values: VariableValues,
        root_type: GraphQLObjectType,
    ) -> None:
        self.schema = schema
        self.types = types
        self.root_type = root_type
        self.fields: dict[int, FieldPlan] = {}
        self.leaves: dict[str, Complete | None] = {}
        """What completes leaves and lists of them: the same for all fields of a type."""
        self._operation = operation
        self._fragments = fragments
        self._variable_values = variable_values
        self._collected: dict[tuple[str, int], CollectedFields] = {}
        self._owned: set[int] = set()
        self._by_class: dict[tuple[int, int], dict[type, Selected | None]] = {}
        self._varied: set[tuple[type, int]] = set()
        """Classes whose instances are of several of a kind's types."""
        self._by_name: dict[tuple[str, int, int], Selected | None] = {}
        self._selections: dict[int, list[Run]] = {}
        self.root = collect_fields(schema, fragments, variable_values, root_type, operation).grouped_field_set
        self._owned.add(id(self.root))
        self.selection(root_type, self.root)

    def collected(self, type_: GraphQLObjectType, details: FieldDetailsList) -> CollectedFields | None:
        """Return what is selected from objects of a type by details of this plan; None where it keeps no more."""
        key = (type_.name, id(details))
        found = self._collected.get(key)
        if found is None and len(self._collected) < SELECTIONS_MAX:
            found = collect_subfields(
                self.schema, self._fragments, self._variable_values, self._operation, type_, details
            )
            self._collected[key] = found
            self._owned.add(id(found.grouped_field_set))
        return found

    def collect(self, type_: GraphQLObjectType, details: FieldDetailsList) -> GroupedFieldSet:
        """Return the fields of a selection, for code of the plan.

        Raises:
            NotPlain: the plan keeps no more selections.
        """
        found = self.collected(type_, details)
        if found is None:
            raise NotPlain
        return found.grouped_field_set

    def by_class(self, kind: GraphQLOutputType, details: FieldDetailsList) -> dict[type, Selected | None]:
        """Return what is known, by class, to be selected where an object of a kind is expected."""
        key = (id(kind), id(details))
        found = self._by_class.get(key)
        if found is None:
            found = {}
            if len(self._by_class) < SELECTIONS_MAX:
                self._by_class[key] = found
        return found

    def selected(
        self, known: dict[type, Selected | None], kind: GraphQLOutputType, value: object, details: FieldDetailsList
    ) -> Selected | None:
        """Return what is selected from a struct where an object of a kind is expected; `known` by class is kept.

        None where graphql-core has to tell its type, or would find it wrong, or it is no struct at all.
        """
        cls = type(value)
        if cls in known:
            return known[cls]
        if (cls, id(kind)) in self._varied:
            return self._named(self.types.by_value(value), kind, details)
        name, by_class = None, self.types.by_class(value)
        if is_inert(cls) and isinstance(kind, GraphQLObjectType) and kind.is_type_of is None:
            name = by_class = kind.name
        elif is_inert(cls) and (isinstance(kind, GraphQLObjectType) or is_abstract_type(kind)):
            name = by_class or self.types.by_value(value)
            if by_class is None and is_abstract_type(kind) and len(self._varied) < SELECTIONS_MAX:
                self._varied.add((cls, id(kind)))
        found = self._named(name, kind, details)
        if (by_class is not None or name is None) and len(known) < CLASSES_MAX:
            known[cls] = found
        return found

    def _named(self, name: str | None, kind: Any, details: FieldDetailsList) -> Selected | None:
        if name is None:
            return None
        key = (name, id(kind), id(details))
        if key in self._by_name:
            return self._by_name[key]
        found = self._selected(name, kind, details)
        if len(self._by_name) < SELECTIONS_MAX:
            self._by_name[key] = found
        return found

    def _selected(self, name: str, kind: Any, details: FieldDetailsList) -> Selected | None:
        type_ = self.schema.get_type(name)
        fits = type_ is kind or (is_abstract_type(kind) and type_ is not None and self.schema.is_sub_type(kind, type_))
        if not isinstance(type_, GraphQLObjectType) or not fits:
            return None
        found = self.collected(type_, details)
        return None if found is None or found.new_defer_usages else Selected(self, type_, found.grouped_field_set)

    def owns(self, grouped: GroupedFieldSet) -> bool:
        """Say whether the plan has collected a selection, and so can find it by its identity."""
        return id(grouped) in self._owned

    def selection(self, type_: GraphQLObjectType, grouped: GroupedFieldSet) -> list[Run]:
        """Return the runs of a selection that the plan owns."""
        found = self._selections.get(id(grouped))
        if found is None:
            fields = [self._field(type_, name, details) for name, details in grouped.items()]
            known = [field for field in fields if field is not None]
            found = [Run(self, list(run)) for _, run in groupby(known, lambda field: field.plain is not None)]
            self._selections[id(grouped)] = found
        return found

    def complete(self) -> None:
        """Plan every field there is now, so that no execution has to; within `SELECTIONS_MAX`."""
        waiting = [(self.root_type, self.root)]
        while waiting:
            for run in self.selection(*waiting.pop()):
                for field in run.fields:
                    if field.complete is None:
                        waiting += self._within(field)
                    else:
                        field.write  # noqa: B018 (made now)

    def _within(self, field: FieldPlan) -> list[tuple[GraphQLObjectType, GroupedFieldSet]]:
        named: Any = get_named_type(field.definition.type)
        if is_leaf_type(named):
            return []
        types = self.schema.get_possible_types(named) if is_abstract_type(named) else [named]
        found = []
        for type_ in types:
            with suppress(GraphQLError):  # met, and told, where execution collects
                collected = self.collected(type_, field.details)
                if collected is not None and id(collected.grouped_field_set) not in self._selections:
                    found.append((type_, collected.grouped_field_set))
        return found

    def _field(self, type_: GraphQLObjectType, response_name: str, details: FieldDetailsList) -> FieldPlan | None:
        definition = self.schema.get_field(type_, details[0].node.name.value)
        if definition is None:
            return None
        field = FieldPlan(self, type_, response_name, details, definition)
        self.fields[id(details)] = field
        return field


def plan_of(executor: "Executor[object]", types: RuntimeTypes) -> Plan | None:
    """Make the plan of what an executor is to execute; None where collecting its fields fails."""
    root_type = executor.schema.get_root_type(executor.operation.operation)
    if root_type is None:
        return None
    try:
        return Plan(executor.schema, types, executor.operation, executor.fragments, executor.variable_values, root_type)
    except (GraphQLError, RecursionError):
        return None
