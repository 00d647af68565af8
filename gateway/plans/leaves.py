"""Scalars and enums, completed by exact type: the code for the usual value, and a coercion for other harmless ones."""

import datetime as dt
import decimal
import math
import uuid
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any, NamedTuple

from graphql import (
    GraphQLBoolean,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLLeafType,
    GraphQLScalarType,
    GraphQLString,
)
from strawberry.schema.schema_converter import CustomGraphQLEnumType

from schema.scalars import passed


class Odd(Exception):
    """A value that generated code does not handle; graphql-core completes it instead."""


HARMLESS = frozenset(
    {
        str, int, float, bool, bytes, dict, list, tuple,
        decimal.Decimal, uuid.UUID, dt.date, dt.datetime, dt.time, dt.timedelta,
    }
)  # fmt: skip
"""Classes that are neither awaitable nor errors, so that coercing is all graphql-core would do with their instances."""
ANSWERS = frozenset({str, int, float, bool, dict, list})
"""What a coerced leaf may be; anything else, None included, is for graphql-core to judge."""


class Leaf(NamedTuple):
    """How a leaf is completed: where `usual` (an expression of `{value}`) holds, as it is or as `answer` says."""

    usual: str
    answer: str | None
    coerce: Callable[[Any], Any]
    constants: dict[str, Any]

    @property
    def names(self) -> dict[Enum, str] | None:
        """The published names of an enum's members."""
        return self.constants.get("names")

    @property
    def is_text(self) -> bool:
        """Whether it is usually a string, answered as it is."""
        return self.usual == _USUAL[GraphQLString]


_USUAL: dict[GraphQLScalarType, str] = {
    GraphQLString: "type({value}) is str",
    GraphQLID: "type({value}) is str",
    GraphQLBoolean: "type({value}) is bool",
    GraphQLInt: "type({value}) is int and -2147483648 <= {value} <= 2147483647",
    GraphQLFloat: "type({value}) is float and -infinity < {value} < infinity",
}


def leaf_of(type_: GraphQLLeafType) -> Leaf:
    """Return how values of a scalar or an enum are completed."""
    coerce = _coercion(type_)
    if isinstance(type_, CustomGraphQLEnumType):
        names = _names_of(type_)
        return Leaf(
            "type({value}) is enumeration", "names[{value}]", coerce, {"enumeration": type_.wrapped_cls, "names": names}
        )
    if isinstance(type_, GraphQLScalarType):
        if type_ in _USUAL:
            return Leaf(_USUAL[type_], None, coerce, {"infinity": math.inf})
        if type_.coerce_output_value is passed:
            return Leaf(_USUAL[GraphQLString], None, coerce, {})
    return Leaf("False", None, coerce, {})


def _names_of(type_: CustomGraphQLEnumType) -> dict[Enum, str]:
    """Return the published name of each member; those that have none are left to graphql-core."""
    published = [value.value for value in type_.values.values()]
    members: Iterable[Enum] = type_.wrapped_cls
    return {member: type_.coerce_output_value(member) for member in members if member.value in published}


def _coercion(type_: GraphQLLeafType) -> Callable[[Any], Any]:
    coerce_output_value = type_.coerce_output_value

    def coerce(value: Any) -> Any:
        if type(value) not in HARMLESS:
            raise Odd
        coerced = coerce_output_value(value)
        if type(coerced) not in ANSWERS:
            raise Odd
        return coerced

    return coerce
