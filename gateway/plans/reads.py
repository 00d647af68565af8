"""Which fields are plain attribute reads, and which classes they may be read from without running anyone's code.

A read is plain when Strawberry's default resolver makes it, or when it is a node id. A class is plain when it is a
msgspec struct and the attributes are its own fields: reading those has no effects, so that a value which turns out odd
can be read again by graphql-core.
"""

import inspect
import keyword
from collections.abc import Callable
from types import MemberDescriptorType
from typing import Any, NamedTuple, Protocol

import msgspec
from graphql import GraphQLField, GraphQLObjectType
from graphql.type import TypeNameMetaFieldDef
from strawberry.types.field import StrawberryField

from resolvers.node_ids import encode_node_id
from schema.views import COMPUTED, NodeIdField

CLASSES_MAX = 64
"""Classes remembered at one place of a plan; more are judged anew each time."""


class RuntimeTypes(Protocol):
    """Tells the object type of a struct just as the schema's own `is_type_of` and `resolve_type` do."""

    def by_class(self, value: object) -> str | None:
        """Return the object type of every instance of the value's class; None when instances differ or it has none."""
        ...

    def by_value(self, value: object) -> str | None:
        """Return the object type of this value; None when it has none."""
        ...


class Read(NamedTuple):
    """A plain read: the attribute (None: the struct itself), and what makes the field's value of it (None: nothing)."""

    attribute: str | None
    make: Callable[[Any], Any] | None = None


class NodeId(NamedTuple):
    """The global id of a struct: `prefix` and its own `id`, encoded."""

    prefix: str
    attribute: str = "id"

    def make(self, id: Any) -> str:
        """Return it for one id."""
        return encode_node_id(self.prefix[:-1], id)


class Constant(NamedTuple):
    """A field whose value the plan knows; None also for one that is put in place later."""

    value: str | None


def read_of(field: GraphQLField, parent_type: GraphQLObjectType) -> Read | NodeId | Constant | None:
    """Return how a field is read; None for one with a resolver of its own."""
    if field is TypeNameMetaFieldDef:
        return Constant(parent_type.name)
    definition = field.extensions.get("strawberry-definition")
    computed = _computed(field, definition)
    if computed is not None:
        return Read(None, computed)
    if field.args or not _is_default(field, definition):
        return None
    if type(definition) is NodeIdField:
        return NodeId(f"{definition.metadata['kind']}:")
    if type(definition) is StrawberryField and definition.default_resolver is getattr:
        name = definition.python_name
        return Read(name) if name.isidentifier() and name.isascii() and not keyword.iskeyword(name) else None
    return None


def _computed(field: GraphQLField, definition: object) -> Callable[[Any], Any] | None:
    """Return the function of a field that is computed from its struct, where nothing is wrapped around it."""
    if not isinstance(definition, StrawberryField) or field.args or definition.extensions:
        return None
    function: Callable[[Any], Any] | None = definition.metadata.get(COMPUTED)
    resolver = definition.base_resolver
    return function if resolver is not None and resolver.wrapped_func is function else None


def _is_default(field: GraphQLField, definition: object) -> bool:
    """Say whether Strawberry's own default resolver answers the field, unwrapped."""
    return (
        isinstance(definition, StrawberryField)
        and definition.is_basic_field
        and getattr(field.resolve, "__module__", "") == "strawberry.schema.schema_converter"
        and getattr(field.resolve, "__name__", "") == "_get_basic_result"
    )


class PlainClasses:
    """The classes one place of a plan has met and may read; `attributes` are what it reads of them."""

    def __init__(self, attributes: frozenset[str], expected: str | None, types: RuntimeTypes) -> None:
        self.known: set[type] = set()
        """A set of its own: asking a subclass of `set` what is in it takes five times as long."""
        self._attributes = attributes
        self._expected = expected
        self._types = types
        self._refused: set[type] = set()

    def take(self, value: object) -> bool:
        """Say whether the value's class is plain, and remember it."""
        cls = type(value)
        if cls in self._refused:
            return False
        fits = self._expected is None or self._types.by_class(value) == self._expected
        plain = fits and is_plain(cls, self._attributes)
        kept = self.known if plain else self._refused
        if len(kept) < CLASSES_MAX:
            kept.add(cls)
        return plain


def is_inert(cls: type) -> bool:
    """Say whether a class is a struct that nothing could await: all graphql-core may do with it is execute fields."""
    return issubclass(cls, msgspec.Struct) and not hasattr(cls, "__await__") and not issubclass(cls, Exception)


def is_plain(cls: type, attributes: frozenset[str]) -> bool:
    """Say whether the attributes can be read from instances of a class without running code."""
    return (
        issubclass(cls, msgspec.Struct)
        and cls.__getattribute__ is object.__getattribute__
        and not hasattr(cls, "__getattr__")
        and not hasattr(cls, "__await__")
        and attributes.issubset(cls.__struct_fields__)
        and all(isinstance(inspect.getattr_static(cls, name), MemberDescriptorType) for name in attributes)
    )
