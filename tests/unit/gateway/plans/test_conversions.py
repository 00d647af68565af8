"""Arguments are converted as Strawberry converts them, for every argument of the schema."""

from random import Random
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
)
from strawberry.types.arguments import convert_arguments

from gateway.plans.conversions import Conversions
from tests.cases import each
from tests.unit.resolvers.services import SCHEMA

CORE = SCHEMA._schema
FIELDS = {
    f"{type_.name}.{name}": field
    for type_ in CORE.type_map.values()
    if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType) and not type_.name.startswith("__")
    for name, field in type_.fields.items()
    if field.args
}
DRAWS = 40


def drawn(random: Random, type_: Any, depth: int = 0) -> Any:
    """Return a value as graphql-core hands it over; no list or input beyond some depth."""
    if isinstance(type_, GraphQLNonNull):
        return _drawn(random, type_.of_type, depth)
    return None if depth > 3 or random.random() < 0.3 else _drawn(random, type_, depth)


def _drawn(random: Random, type_: Any, depth: int) -> Any:
    if isinstance(type_, GraphQLList):
        return [drawn(random, type_.of_type, depth + 1) for _ in range(random.randrange(3))]
    if isinstance(type_, GraphQLEnumType):
        return random.choice(list(type_.values.values())).value
    if not isinstance(type_, GraphQLInputObjectType):
        return random.choice(["text", 7])
    return {
        name: drawn(random, field.type, depth + 1)
        for name, field in type_.fields.items()
        if isinstance(field.type, GraphQLNonNull) or random.random() < 0.6
    }


@each("name", FIELDS)
def test_arguments_are_converted_as_strawberry_does(name: str) -> None:
    """Objects, lists and what was left out come out equal; nothing is shared between two conversions."""
    field: GraphQLField = FIELDS[name]
    own, random = field.extensions["strawberry-definition"].arguments, Random(1)  # noqa: S311 (nothing secret)
    scalars, config = SCHEMA.schema_converter.scalar_registry, SCHEMA.config
    convert = Conversions(scalars, config).of(own)
    for _ in range(DRAWS):
        given = {
            name: drawn(random, one.type)
            for name, one in field.args.items()
            if isinstance(one.type, GraphQLNonNull) or random.random() < 0.7
        }
        theirs = convert_arguments(given, own, scalars, config)
        first, second = convert(given, None), convert(given, None)
        assert first == theirs
        assert [type(one) for one in first.values()] == [type(one) for one in theirs.values()]
        for key, value in first.items():
            assert not isinstance(value, list) or value is not second[key]


def test_there_are_arguments_of_each_kind() -> None:
    """The test above has what it is for."""
    types = [getattr(one.type, "of_type", one.type) for field in FIELDS.values() for one in field.args.values()]
    for kind in (GraphQLInputObjectType, GraphQLEnumType, GraphQLList):
        assert any(isinstance(one, kind) for one in types)
