"""Coercion of variables as graphql-core does it, with what is the same for every request looked up once.

For values that are plainly right. Everything else is Undefined here, as it may be there, or raises: whoever asks lets
graphql-core say what is wrong.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from graphql import (
    GraphQLInputField,
    GraphQLInputObjectType,
    Undefined,
    is_input_object_type,
    is_leaf_type,
    is_non_null_type,
)
from graphql.utilities.coerce_input_value import coerce_default_value, coerce_input_value

Coerce = Callable[[Any], Any]


class _Field(NamedTuple):
    """A field of an input object; `coerce` takes no null."""

    name: str
    out_name: str
    is_nullable: bool
    coerce: Coerce
    definition: GraphQLInputField


class Coercions:
    """Makes the functions that coerce to the types of one schema."""

    def __init__(self) -> None:
        self._objects: dict[str, Coerce] = {}

    def to(self, type_: Any) -> Coerce:
        """Return what coerces a value that is not null to a type, or to what the type is when it is not null."""
        kind = type_.of_type if is_non_null_type(type_) else type_
        if is_leaf_type(kind):
            made: Coerce = kind.coerce_input_value
            return made
        if is_input_object_type(kind) and not kind.is_one_of:
            return self._objects.get(kind.name) or self._object(kind)
        return lambda value: coerce_input_value(value, kind)

    def _object(self, kind: GraphQLInputObjectType) -> Coerce:
        fields: list[_Field] = []
        names = kind.fields.keys()

        def coerce(given: Any) -> Any:
            if type(given) is not dict or not given.keys() <= names:
                return Undefined
            coerced = {}
            for name, out_name, is_nullable, coerce_value, definition in fields:
                value = given.get(name, Undefined)
                if value is Undefined:
                    value = coerce_default_value(definition)
                    if value is Undefined and is_nullable:
                        continue
                elif value is not None:
                    value = coerce_value(value)
                if value is Undefined or (value is None and not is_nullable):
                    return Undefined
                coerced[out_name] = value
            return kind.out_type(coerced)

        self._objects[kind.name] = coerce  # an input may hold itself
        fields += self._fields(kind)
        return coerce

    def _fields(self, kind: GraphQLInputObjectType) -> list[_Field]:
        return [
            _Field(name, field.out_name or name, not is_non_null_type(field.type), self.to(field.type), field)
            for name, field in kind.fields.items()
        ]
