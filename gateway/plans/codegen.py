"""Straight-line Python for selections of plain reads: read, test the exact type, put in place.

Names of the client's document enter the code only as `repr` of GraphQL names; everything else is a constant of the
function's namespace. The code raises for what it does not expect, and its caller hands that value to graphql-core.
"""

from binascii import b2a_base64
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol

from graphql import (
    GraphQLAbstractType,
    GraphQLField,
    GraphQLID,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
)
from graphql.execution.collect_fields import FieldDetailsList, GroupedFieldSet

from contracts.node_ids import FILLING, URL_SAFE
from gateway.plans.leaves import Odd, leaf_of
from gateway.plans.reads import Constant, NodeId, PlainClasses, Read, RuntimeTypes, read_of

OBJECTS_MAX = 200
"""Selections of objects in one piece of code; more are left to graphql-core (abstract types can multiply them)."""
NESTING_MAX = 12
"""Blocks within blocks; what is deeper becomes a function of its own (Python allows 20 loops)."""

Complete = Callable[[Any], Any]
Fill = Callable[[Any, dict[str, Any]], None]


class NotPlain(Exception):
    """A selection that needs more than plain reads, or too many of them."""


class Selections(Protocol):
    """Where a compiler finds the fields of an object at a place of the operation."""

    schema: GraphQLSchema
    types: RuntimeTypes

    def collect(self, type_: GraphQLObjectType, details: FieldDetailsList) -> GroupedFieldSet:
        """Return the fields selected from an object of the type."""
        ...


class PlainField(NamedTuple):
    """A field whose value is read; under which name it is answered."""

    response_name: str
    read: Read | NodeId | Constant
    type: GraphQLOutputType
    details: FieldDetailsList


class Budget:
    """How many objects a piece of code may still select."""

    def __init__(self) -> None:
        self._left = OBJECTS_MAX

    def take(self) -> None:
        """Count one object.

        Raises:
            NotPlain: there are too many.
        """
        self._left -= 1
        if self._left < 0:
            raise NotPlain


class Dispatch(dict[type, Complete]):
    """The function for each class of an abstract type's objects; those told by value are chosen each time."""

    def __init__(self, by_name: dict[str, tuple[PlainClasses, Complete]], types: RuntimeTypes) -> None:
        super().__init__()
        self._by_name = by_name
        self._types = types

    def choose(self, value: Any) -> Complete:
        """Return the function for a value whose class has none yet.

        Raises:
            Odd: it is of no type it may be of.
        """
        name = self._types.by_class(value)
        classes, complete = self._by_name.get(name or self._types.by_value(value) or "", (None, None))
        if classes is None or complete is None or not (type(value) in classes.known or classes.take(value)):
            raise Odd
        if name is not None and type(value) in classes.known:
            self[type(value)] = complete
        return complete


class Writer:
    """A function being written."""

    def __init__(self, opening: str) -> None:
        self.lines = [opening]
        self.depth = 1
        self.constants: dict[str, Any] = {
            "Odd": Odd, "b2a_base64": b2a_base64, "URL_SAFE": URL_SAFE, "FILLING": FILLING,
        }  # fmt: skip
        self._names = 0

    def name(self) -> str:
        """Return a fresh name."""
        self._names += 1
        return f"v{self._names}"

    def constant(self, value: object) -> str:
        """Return the name of a constant."""
        name = f"k{len(self.constants)}"
        self.constants[name] = value
        return name

    def line(self, text: str) -> None:
        """Write a line."""
        self.lines.append("    " * self.depth + text)

    @contextmanager
    def block(self, opening: str) -> Iterator[None]:
        """Write lines that belong to an opening."""
        self.line(opening)
        self.depth += 1
        yield
        self.depth -= 1

    def function(self, name: str) -> Any:
        """Make the function."""
        source = "\n".join(self.lines)
        exec(compile(source, "<plan>", "exec"), self.constants)  # noqa: S102 (of our own making: see the module)
        return self.constants[name]


class Compiler:
    """Writes functions for places of one operation; all of them share a budget."""

    def __init__(self, selections: Selections) -> None:
        self._selections = selections
        self._budget = Budget()

    def check(self, type_: GraphQLOutputType, details: FieldDetailsList) -> None:
        """Go through everything under a value of the type, writing nothing.

        Raises:
            NotPlain: something under it has a resolver.
        """
        named = get_named_type(type_)
        if is_leaf_type(named):
            return
        possible = self._selections.schema.get_possible_types
        types: Any = possible(named) if is_abstract_type(named) else [named]
        for one in types:
            for field in self._fields(one, details):
                self.check(field.type, field.details)

    def completing(self, type_: GraphQLOutputType, details: FieldDetailsList) -> Complete:
        """Return a function that completes a value of the type.

        Raises:
            NotPlain: something under it has a resolver.
        """
        writer = Writer("def complete(value):")
        answer = self._value(writer, type_, details, "value")
        writer.line(f"return {answer}")
        complete: Complete = writer.function("complete")
        return complete

    def filling(self, fields: Iterable[PlainField]) -> Fill:
        """Return a function that reads fields of a struct into its answer; the caller has checked its class.

        Raises:
            NotPlain: something under them has a resolver.
        """
        writer = Writer("def fill(source, results):")
        for field in fields:
            writer.line(f"results[{field.response_name!r}] = {self._field(writer, field, 'source')}")
        fill: Fill = writer.function("fill")
        return fill

    def making(self, fields: list[PlainField]) -> Complete:
        """Return a function that makes the answers of a list of structs, or raises where one of them is not plain.

        Raises:
            NotPlain: something under them has a resolver.
        """
        writer = Writer("def make(values):")
        writer.line("answers = []")
        with writer.block("for value in values:"):
            self._plain_class(writer, fields, None, "value")
            self._answer(writer, fields, "value", "answer")
            writer.line("answers.append(answer)")
        writer.line("return answers")
        make: Complete = writer.function("make")
        return make

    def _value(self, writer: Writer, type_: GraphQLOutputType, details: FieldDetailsList, value: str) -> str:
        """Write what completes the value of that name; return the name its answer has."""
        if isinstance(type_, GraphQLNonNull):
            return self._present(writer, type_.of_type, details, value, "raise Odd")
        return self._present(writer, type_, details, value, None)

    def _present(self, writer: Writer, type_: Any, details: FieldDetailsList, value: str, at_null: str | None) -> str:
        if is_leaf_type(type_):
            self._leaf(writer, type_, value, nullable=at_null is None)
            return value
        answer = writer.name()
        if at_null is None:
            writer.line(f"{answer} = None")
            with writer.block(f"if {value} is not None:"):
                self._structured(writer, type_, details, value, answer)
        else:
            self._structured(writer, type_, details, value, answer)
        return answer

    def _leaf(self, writer: Writer, type_: Any, value: str, *, nullable: bool) -> None:
        leaf = leaf_of(type_)
        names = {name: writer.constant(constant) for name, constant in leaf.constants.items()}
        coerce = writer.constant(leaf.coerce)
        usual = renamed(leaf.usual, names).format(value=value)
        other = f"if {value} is not None: {value} = {coerce}({value})" if nullable else f"{value} = {coerce}({value})"
        if leaf.answer is None:
            with writer.block(f"if not ({usual}):"):
                writer.line(other)
            return
        with writer.block(f"if {usual}:"):
            writer.line(f"{value} = {renamed(leaf.answer, names).format(value=value)}")
        with writer.block("else:"):
            writer.line(other)

    def _structured(self, writer: Writer, type_: Any, details: FieldDetailsList, value: str, answer: str) -> None:
        if isinstance(type_, GraphQLList):
            self._list(writer, type_, details, value, answer)
        elif is_abstract_type(type_):
            dispatch = writer.constant(self._dispatch(type_, details))
            writer.line(f"{answer} = ({dispatch}.get(type({value})) or {dispatch}.choose({value}))({value})")
        elif writer.depth > NESTING_MAX:
            complete = writer.constant(self.completing(GraphQLNonNull(type_), details))
            writer.line(f"{answer} = {complete}({value})")
        else:
            self._object(writer, type_, details, value, answer)

    def _list(
        self, writer: Writer, type_: GraphQLList[Any], details: FieldDetailsList, value: str, answer: str
    ) -> None:
        writer.line(f"if type({value}) is not list and type({value}) is not tuple: raise Odd")
        if writer.depth > NESTING_MAX:
            complete = writer.constant(self.completing(type_.of_type, details))
            writer.line(f"{answer} = [{complete}(item) for item in {value}]")
            return
        item = writer.name()
        writer.line(f"{answer} = []")
        with writer.block(f"for {item} in {value}:"):
            writer.line(f"{answer}.append({self._value(writer, type_.of_type, details, item)})")

    def _object(
        self, writer: Writer, type_: GraphQLObjectType, details: FieldDetailsList, value: str, answer: str
    ) -> None:
        fields = self._fields(type_, details)
        self._plain_class(writer, fields, type_.name if type_.is_type_of else None, value)
        self._answer(writer, fields, value, answer)

    def _plain_class(self, writer: Writer, fields: list[PlainField], expected: str | None, value: str) -> None:
        classes = PlainClasses(attributes_of(fields), expected, self._selections.types)
        known, take = writer.constant(classes.known), writer.constant(classes.take)
        writer.line(f"if type({value}) not in {known} and not {take}({value}): raise Odd")

    def _answer(self, writer: Writer, fields: list[PlainField], value: str, answer: str) -> None:
        entries = [f"{field.response_name!r}: {self._field(writer, field, value)}" for field in fields]
        writer.line(f"{answer} = {{{', '.join(entries)}}}")

    def _field(self, writer: Writer, field: PlainField, source: str) -> str:
        if isinstance(field.read, Constant):
            return repr(field.read.value)
        value = writer.name()
        if is_node_id(field):
            writer.line(f"{value} = {source}.{field.read.attribute}")
            writer.line(f"if type({value}) is not str: raise Odd")
            return node_id_code(field, value)
        read = source if field.read.attribute is None else f"{source}.{field.read.attribute}"
        writer.line(f"{value} = {read if field.read.make is None else f'{writer.constant(field.read.make)}({read})'}")
        return self._value(writer, field.type, field.details, value)

    def _dispatch(self, type_: GraphQLAbstractType, details: FieldDetailsList) -> Dispatch:
        by_name: dict[str, tuple[PlainClasses, Complete]] = {}
        for one in self._selections.schema.get_possible_types(type_):
            fields = self._fields(one, details)
            classes = PlainClasses(attributes_of(fields), None, self._selections.types)
            by_name[one.name] = (classes, self._of_object(fields))
        return Dispatch(by_name, self._selections.types)

    def _of_object(self, fields: list[PlainField]) -> Any:
        """Return the function for objects of one type, whose class is checked already."""
        writer = Writer("def complete(value):")
        self._answer(writer, fields, "value", "answer")
        writer.line("return answer")
        return writer.function("complete")

    def _fields(self, type_: GraphQLObjectType, details: FieldDetailsList) -> list[PlainField]:
        self._budget.take()
        fields = []
        for response_name, one in self._selections.collect(type_, details).items():
            definition = self._selections.schema.get_field(type_, one[0].node.name.value)
            if definition is not None:
                fields.append(plain_field(definition, type_, response_name, one))
        return fields


def plain_field(
    definition: GraphQLField, parent_type: GraphQLObjectType, response_name: str, details: FieldDetailsList
) -> PlainField:
    """Return a field that is read.

    Raises:
        NotPlain: it has a resolver, or is given arguments.
    """
    read = None if details[0].node.arguments else read_of(definition, parent_type)
    if read is None:
        raise NotPlain
    return PlainField(response_name, read, definition.type, details)


def is_node_id(field: PlainField) -> bool:
    """Say whether a field is a global id that can be encoded in place."""
    return isinstance(field.read, NodeId) and nullable_of(field.type) is GraphQLID


def node_id_code(field: PlainField, id: str) -> str:
    """Return the expression of a global id, as `encode_node_id` without its calls: an answer has hundreds of them."""
    assert isinstance(field.read, NodeId)  # noqa: S101 (it is one)
    return f"b2a_base64(({field.read.prefix!r} + {id}).encode()).rstrip(FILLING).translate(URL_SAFE).decode()"


def nullable_of(type_: Any) -> Any:
    """Return a type without saying whether null may stand there."""
    return type_.of_type if isinstance(type_, GraphQLNonNull) else type_


def attributes_of(fields: Iterable[PlainField]) -> frozenset[str]:
    """Return the attributes that the fields read."""
    reads = [field.read for field in fields if not isinstance(field.read, Constant)]
    return frozenset(read.attribute for read in reads if read.attribute is not None)


def renamed(template: str, names: dict[str, str]) -> str:
    """Return a leaf's code with the names its constants have in a function."""
    for name, constant in names.items():
        template = template.replace(name, constant)
    return template
