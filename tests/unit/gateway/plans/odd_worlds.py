"""Worlds and documents for the odd schema, drawn from a seed: the same seed, the same data and the same questions."""

from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum
from random import Random
from typing import Any

from graphql import (
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
)

from tests.unit.gateway.plans.odd_schema import Box, Cat, Colour, Dog, Later, Note, Shape, Thing, Watched, World

KEYS = 4
VARIABLES = {"a": "Boolean!", "b": "Boolean!", "n": "Int", "w": "Wish", "c": "Code"}


class Word(StrEnum):
    """A string that is not exactly one."""

    HELLO = "hello"


class Lonely:
    """Of a class nobody knows."""

    name = "lonely"

    def __repr__(self) -> str:
        return "<lonely>"


class Worlds:
    """Draws the data of one request; `faults` is how often a value is not what it should be."""

    def __init__(self, random: Random, faults: float) -> None:
        self._random = random
        self._faults = faults

    def world(self) -> World:
        """Return a world."""
        things = [self._or_fault(self._thing) for _ in range(KEYS)]
        if not isinstance(things[0], Thing):
            things[0] = self._thing()
        pets = [self._or_fault(self._pet) for _ in range(self._random.randrange(4))]
        failing = frozenset(key for key in range(KEYS) if self._random.random() < self._faults)
        notes = [self._or_fault(self._note_or_none) for _ in range(self._random.randrange(6))]
        return World(things, pets, failing, notes)

    def _or_fault(self, make: Callable[[], Any]) -> Any:
        return self._fault() if self._random.random() < self._faults else make()

    def _fault(self) -> Any:
        choices: list[Any] = [
            None, None, None, 3.5, 7, True, "text", 2**40, float("nan"), Decimal("1.5"), Word.HELLO, Colour.GREEN, [],
            ["x"], {"a": 1}, ValueError("a value that is an error"), Lonely(), (1, 2), "r", Later("later"),
        ]  # fmt: skip
        return self._random.choice([*choices, *([self._box(0), self._pet()] if self._random.random() < 0.3 else [])])

    def _id(self) -> Any:
        return self._random.choice(["a", "bc", "def", "ä", 7])

    def _note_or_none(self) -> Note | None:
        return self._note() if self._random.random() < 0.85 else None

    def _note(self) -> Note:
        one = self._random
        text = self._or_fault(lambda: one.choice([None, "note"]))
        box = self._or_fault(lambda: one.choice([None, self._box(1)]))
        friend_id = one.randrange(KEYS) if one.random() >= self._faults else "nobody"
        return Note(self._or_fault(self._id), text, box, friend_id)

    def _thing(self) -> Thing:
        one = self._random
        values: list[Callable[[], Any]] = [
            self._id,
            lambda: one.choice(["a", "b", ""]),
            lambda: one.choice([None, "m"]),
            lambda: one.choice([0, -1, 2**31 - 1, 2**31]),
            lambda: one.choice([None, 0.5, 2.0]),
            lambda: one.random() < 0.5,
            lambda: one.choice(list(Colour)),
            lambda: one.choice([None, "X"]),
            lambda: one.choice([None, " s ", " "]),
            lambda: [self._or_fault(lambda: "t") for _ in range(one.randrange(3))],
            lambda: one.choice([None, [[1, None], None, []]]),
            lambda: one.choice([None, self._box(2)]),
            lambda: [self._or_fault(lambda: self._box(1)) for _ in range(one.randrange(3))],
            lambda: one.choice([None, self._pet()]),
            lambda: one.choice([None, self._pet()]),
            lambda: one.choice([None, self._shape()]),
        ]
        struct: Any = Thing
        thing: Thing = struct(*[self._or_fault(make) for make in values], one.randrange(KEYS))
        return thing

    def _box(self, depth: int) -> Any:
        one = self._random
        id, text = self._or_fault(self._id), self._or_fault(lambda: "box")
        number = self._or_fault(lambda: one.choice([None, 5, -(2**31) - 1]))
        inner = self._or_fault(lambda: one.choice([None, self._box(depth - 1)])) if depth else None
        shape = self._or_fault(lambda: one.choice([None, self._shape()]))
        if one.random() < self._faults:
            return Watched(id, text, number, [], inner, shape)
        return Box(id, text, number, inner, shape)

    def _pet(self) -> Any:
        one = self._random
        name = self._or_fault(lambda: "pet")
        if one.random() < 0.5:
            return Cat(1, name, self._or_fault(lambda: 9))
        return Dog(2, name, self._or_fault(lambda: one.choice([None, True])))

    def _shape(self) -> Shape:
        kind = self._random.choice(["circle", "square"] if self._random.random() >= self._faults else ["blob"])
        return Shape(kind, self._or_fault(lambda: "shape"), self._or_fault(lambda: 3))


class Questions:
    """Draws documents that are valid for the schema."""

    def __init__(self, random: Random, schema: GraphQLSchema) -> None:
        self._random = random
        self._schema = schema
        self._fragments: list[str] = []
        self._used: set[str] = set()
        self._aliases = 0
        self._left = 40

    def document(self) -> str:
        """Return a document with one operation named Q."""
        mutates = self._random.random() < 0.2
        root = self._schema.mutation_type if mutates else self._schema.query_type
        assert root is not None
        selection = self._selection(root, 0)
        used = "".join(f"${name}: {VARIABLES[name]} " for name in sorted(self._used))
        keyword = "mutation" if mutates else "query"
        return "\n".join([f"{keyword} Q {f'({used})' if used else ''} {selection}", *self._fragments])

    def variables(self) -> dict[str, Any]:
        """Return values for the variables the document uses."""
        one = self._random
        values: dict[str, Any] = {
            "a": one.random() < 0.5,
            "b": one.random() < 0.5,
            "n": one.choice([None, 1, 2, 3, 5]),
            "w": one.choice([None, {}, {"words": ["x"], "colour": "GREEN"}]),
            "c": one.choice([None, "code"]),
        }
        given = {name: values[name] for name in self._used}
        return {name: value for name, value in given.items() if name in "ab" or one.random() < 0.8}

    def _selection(self, type_: GraphQLNamedType, depth: int) -> str:
        parts = [self._field(type_, name, depth) for name in self._names(type_)]
        for _ in range(self._random.randrange(2)):
            parts.insert(self._random.randrange(len(parts) + 1), self._fragment(type_, depth))
        return f"{{ {' '.join(part for part in parts if part) or '__typename'} }}"

    def _names(self, type_: GraphQLNamedType) -> list[str]:
        if isinstance(type_, GraphQLUnionType):
            return ["__typename"] if self._random.random() < 0.7 else []
        assert isinstance(type_, GraphQLObjectType | GraphQLInterfaceType)
        names = [name for name in type_.fields for _ in range(self._random.choice([0, 0, 1, 1, 2]))]
        self._random.shuffle(names)  # what comes late may find the document full
        return ["__typename"] * (self._random.random() < 0.2) + names

    def _field(self, type_: GraphQLNamedType, name: str, depth: int) -> str:
        if name == "__typename":
            return f"{self._alias()}: __typename {self._condition()}"
        assert isinstance(type_, GraphQLObjectType | GraphQLInterfaceType)
        field = type_.fields[name]
        named = get_named_type(field.type)
        self._left -= 1
        if self._left < 0 and depth:
            return ""
        if is_leaf_type(named):
            selection = ""
        elif depth == 4:
            return ""
        else:
            selection = self._selection(named, depth + 1)
        given = [self._argument(argument) for argument in field.args if self._random.random() < 0.6]
        arguments = f"({', '.join(given)})" if given else ""
        alias = "" if not given and self._random.random() < 0.3 else f"{self._alias()}: "
        return f"{alias}{name}{arguments} {self._condition()} {selection}"

    def _alias(self) -> str:
        self._aliases += 1
        return f"f{self._aliases}"

    def _argument(self, name: str) -> str:
        variable = {"wish": "w", "code": "c"}.get(name, "n" if name == "number" else "")
        if variable and self._random.random() < 0.6:
            self._used.add(variable)
            return f"{name}: ${variable}"
        literals = {
            "wish": ["null", '{words: ["y"]}', "{}"],
            "code": ["null", '"lit"'],
            "key": ["0", "1", "3"],
            "by": "01234",
        }
        return f"{name}: {self._random.choice(literals.get(name, ['1', '2', '4']))}"

    def _condition(self) -> str:
        if self._random.random() < 0.8:
            return ""
        directive = self._random.choice(["skip", "include"])
        if self._random.random() < 0.7:
            variable = self._random.choice("ab")
            self._used.add(variable)
            return f"@{directive}(if: ${variable})"
        return f"@{directive}(if: {self._random.choice(['true', 'false'])})"

    def _fragment(self, type_: GraphQLNamedType, depth: int) -> str:
        condition = self._random.choice(self._conditions(type_))
        selection = self._selection(condition, depth)
        if self._random.random() < 0.5:
            return f"... on {condition.name} {self._condition()} {selection}"
        name = f"F{len(self._fragments)}"
        self._fragments.append(f"fragment {name} on {condition.name} {selection}")
        return f"...{name} {self._condition()} ...{name}"

    def _conditions(self, type_: GraphQLNamedType) -> list[GraphQLNamedType]:
        if isinstance(type_, GraphQLObjectType):
            return [type_, *type_.interfaces]
        assert isinstance(type_, GraphQLInterfaceType | GraphQLUnionType)
        return [type_, *self._schema.get_possible_types(type_)]
