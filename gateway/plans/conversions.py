"""Strawberry's conversion of arguments, with what is the same for every call of a field looked up once.

Strawberry asks its names and types for each argument of each call: 30 to 60 µs for one input object of two fields. What
is not of the kinds below (`Maybe`, relay's ids, inputs that build themselves) is left to Strawberry whole.
"""

from collections.abc import Callable
from dataclasses import MISSING
from typing import Any

from strawberry.relay import GlobalID
from strawberry.scalars import is_scalar
from strawberry.schema.config import StrawberryConfig
from strawberry.types.arguments import StrawberryArgument, convert_arguments
from strawberry.types.base import (
    StrawberryList,
    StrawberryMaybe,
    StrawberryObjectDefinition,
    StrawberryOptional,
    get_object_definition,
)
from strawberry.types.enum import StrawberryEnumDefinition, has_enum_definition
from strawberry.types.lazy_type import LazyType
from strawberry.types.unset import UNSET

Arguments = dict[str, Any]
Convert = Callable[[Any], Any]


class NotKnown(Exception):
    """A type that only Strawberry converts to."""


def _same(value: Any) -> Any:
    return value


class Conversions:
    """Makes the functions that convert to the types of one schema."""

    def __init__(self, scalars: Any, config: StrawberryConfig) -> None:
        self._scalars = scalars
        self._config = config
        self._inputs: dict[type, Convert] = {}

    def of(self, arguments: list[StrawberryArgument]) -> Callable[[Arguments, Any], Arguments]:
        """Return what converts a field's arguments, named as in the schema; it is given Strawberry's info as well."""
        known = self.known(arguments)
        if known is None:
            return lambda given, info: convert_arguments(given, arguments, self._scalars, self._config, info)
        return known

    def known(self, arguments: list[StrawberryArgument]) -> Callable[[Arguments, Any], Arguments] | None:
        """Return the same where it needs no info; None where it does."""
        try:
            known = [self._argument(one) for one in arguments]
        except NotKnown:
            return None

        def convert(given: Arguments, _: Any) -> Arguments:
            return {to: make(given[name]) for name, to, make in known if name in given}

        return convert

    def _argument(self, argument: StrawberryArgument) -> tuple[str, str, Convert]:
        return self._config.name_converter.from_argument(argument), argument.python_name, self._to(argument.type)

    def _to(self, type_: Any) -> Convert:
        if isinstance(type_, StrawberryMaybe):
            raise NotKnown
        if isinstance(type_, StrawberryOptional):
            return self._to(type_.of_type)
        if isinstance(type_, LazyType):
            return self._to(type_.resolve_type())
        if isinstance(type_, StrawberryList):
            return _each(self._to(type_.of_type))
        if isinstance(type_, StrawberryEnumDefinition) or has_enum_definition(type_):
            return _same
        if type_ is not GlobalID and is_scalar(type_, self._scalars):
            return _same
        definition = get_object_definition(type_)
        if definition is None or not definition.is_input or definition.from_input is not None:
            raise NotKnown
        return self._input(type_, definition)

    def _input(self, cls: Any, definition: StrawberryObjectDefinition) -> Convert:
        if cls in self._inputs:
            return self._inputs[cls]
        names: list[tuple[str, str, Convert]] = []
        absent = {
            field.python_name: None
            for field in definition.fields
            if field.default_value is MISSING and field.default_factory is MISSING
        }

        def make(value: Any) -> Any:
            if value is None or value is UNSET:
                return value
            return cls(**absent | {to: make(value[name]) for name, to, make in names if name in value})

        self._inputs[cls] = make  # an input may hold itself
        for field in definition.fields:
            name = self._config.name_converter.from_field(field)
            names.append((name, field.python_name, self._to(field.resolve_type(type_definition=definition))))
        return make


def _each(make: Convert) -> Convert:
    """Return what converts a list; it is copied even where its items are not: resolvers may change it."""

    def convert(value: Any) -> Any:
        if value is None or value is UNSET:
            return value
        return list(value) if make is _same else [make(one) for one in value]

    return convert
