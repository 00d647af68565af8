"""Writes GraphQL documents from a schema's own grammar: mostly valid, some wrong in one place, some hostile."""

import json
from random import Random
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
)

from resolvers.cursors import CursorCodec
from resolvers.node_ids import encode_node_id

TEXTS = [
    "", "a", "2026-11-20", "2026-11", "EUR", "12.34", "-1", "1e400", "09:00", "../../etc/passwd", "' OR 1=1 --",
    "\u0000", "\ud7ff\U0001f4b3", "x" * 2_000, "{{7*7}}", "<script>", "\r\nX-Injected: 1", "%00", "a" * 42,
]  # fmt: skip
IDS = [
    encode_node_id(kind, id)
    for kind, ids in {
        "Account": ("a-current", "b-current", "nowhere", "../cards"),
        "Card": ("card-a", "card-b"),
        "Alert": ("alert-a", "alert-b"),
        "AlertRule": ("rule-a", "rule-b", "rule-bank"),
        "Device": ("phone-a", "phone-b"),
        "Transaction": ("t-1", "t-b"),
        "Customer": ("anna", "ben"),
        "Nothing": ("x",),
    }.items()
    for id in ids
]
SCALARS: dict[str, list[Any]] = {
    "ID": IDS, "Int": [0, 1, 2, 20, 100, 101, -1], "Boolean": [True, False],
    "Date": ["2026-11-20", "2024-02-29", "0001-01-01"],
    "DateTime": ["2026-11-20T10:00:00Z"], "Decimal": ["12.34", "0", "-1", "9" * 30],
    "CurrencyCode": ["EUR", "JPY", "XXX"], "CountryCode": ["DE", "XX"],
    "FeedCursor": [CursorCodec([b"k" * 32]).sign("anna", 1, 0), CursorCodec([b"k" * 32]).sign("ben", 1, 0), "a" * 42],
    "String": ["a", "Shop", "Europe/Berlin", "09:00"],
}  # fmt: skip
NUMBERS = [0, 1, 2, 20, 100, 101, -1, 2**31 - 1, 2**31, 2**63, 10**39]
DIRECTIVES = ["@include(if: true)", "@skip(if: false)", "@skip(if: true)", "@defer", "@defer(if: false)"]
GARBAGE = [
    "{",
    "}",
    "(",
    ")",
    "...",
    "$",
    "@",
    "!",
    '"',
    '"""',
    "\\u0000",
    "#",
    "...on",
    ": :",
    "\ufeff",
    "1.",
    "fragment",
]
DEPTH_MAX = 5


class Scribe:
    """Draws with `random`; the same numbers give the same documents."""

    def __init__(self, schema: GraphQLSchema, random: Random) -> None:
        self._schema = schema
        self._random = random

    def operation(self) -> dict[str, Any]:
        """Return the parameters of one request."""
        self._variables: dict[str, str] = {}
        self._values: dict[str, Any] = {}
        kind, root = self._random.choice(
            [("query", self._schema.query_type)] * 3
            + [("mutation", self._schema.mutation_type), ("subscription", self._schema.subscription_type)]
        )
        self._aliases = 0
        assert root is not None
        name, field = self._random.choice(list(root.fields.items()))
        alone = kind == "subscription" or self._chance(0.3)
        selections = f"{{ {self._field(name, field, DEPTH_MAX)} }}" if alone else self._selections(root, DEPTH_MAX)
        declared = ", ".join(f"${name}: {type_}" for name, type_ in self._variables.items())
        text = f"{kind} Op{f'({declared})' if declared else ''} {selections}"
        if self._chance(0.1):
            text = self._damaged(text)
        asked: dict[str, Any] = {"query": text, "variables": self._values}
        if self._chance(0.1):
            asked["operationName"] = self._random.choice(["Op", "Other", "", None])
        return asked

    def _selections(self, parent: Any, depth: int) -> str:
        fields = list(parent.fields.items()) if isinstance(parent, GraphQLObjectType | GraphQLInterfaceType) else []
        chosen = self._random.sample(fields, min(len(fields), self._random.randint(1, 3)))
        parts = [self._field(name, field, depth) for name, field in chosen]
        if depth and self._chance(0.4):
            parts.append(self._fragment(parent, depth))
        if not parts or self._chance(0.1):
            parts.append("__typename")
        if self._chance(0.01):
            parts.append(self._random.choice(["nothing", "__schema { types { name } }"]))
        return "{ " + " ".join(parts) + " }"

    def _field(self, name: str, field: Any, depth: int) -> str:
        named = get_named_type(field.type)
        if not is_leaf_type(named) and not depth:
            return "__typename"
        self._aliases += 1
        is_plain = is_leaf_type(named) and not field.args  # two of those under one name are one
        alias = "" if is_plain and self._chance(0.9) else f"a{self._aliases}: "
        arguments = [self._argument(key, one) for key, one in field.args.items()]
        given = ", ".join(filter(None, arguments))
        inside = "" if is_leaf_type(named) else self._selections(named, depth - 1)
        directive = self._random.choice(DIRECTIVES[:3]) if depth < DEPTH_MAX and self._chance(0.1) else ""
        return f"{alias}{name}{f'({given})' if given else ''} {directive} {inside}"

    def _fragment(self, parent: Any, depth: int) -> str:
        possible = [parent.name]
        if isinstance(parent, GraphQLInterfaceType | GraphQLUnionType):
            possible += [one.name for one in self._schema.get_possible_types(parent)]
        name = self._random.choice(possible)
        directive = self._random.choice(DIRECTIVES) if depth < DEPTH_MAX and self._chance(0.3) else ""
        return f"... on {name} {directive} {self._selections(self._schema.type_map[name], depth - 1)}"

    def _argument(self, name: str, argument: GraphQLArgument) -> str | None:
        if not isinstance(argument.type, GraphQLNonNull) and self._chance(0.4):
            return None
        value = self._value(argument.type)
        if self._chance(0.3):
            variable = f"v{len(self._variables)}"
            self._variables[variable] = str(argument.type)
            self._values[variable] = value
            return f"{name}: ${variable}"
        return f"{name}: {self._literal(value, argument.type)}"

    def _value(self, type_: Any) -> Any:
        """Draw a value as JSON; one in fifty is of no particular type."""
        if self._chance(0.02):
            return self._random.choice([None, True, [], {}, {"a": [1]}, *TEXTS, *NUMBERS])
        if isinstance(type_, GraphQLNonNull):
            return self._value(type_.of_type)
        if isinstance(type_, GraphQLList):
            return [self._value(type_.of_type) for _ in range(self._random.randint(0, 3))]
        if isinstance(type_, GraphQLInputObjectType):
            return {
                name: self._value(field.type)
                for name, field in type_.fields.items()
                if isinstance(field.type, GraphQLNonNull) or self._chance(0.3)
            }
        if isinstance(type_, GraphQLEnumType):
            return self._random.choice(list(type_.values))
        hostile = type_.name in ("String", "ID") and self._chance(0.2)
        return self._random.choice(TEXTS if hostile else SCALARS.get(type_.name, TEXTS))

    def _literal(self, value: Any, type_: Any) -> str:
        type_ = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
        if isinstance(value, list):
            inner = type_.of_type if isinstance(type_, GraphQLList) else type_
            return f"[{', '.join(self._literal(one, inner) for one in value)}]"
        if isinstance(value, dict):
            fields = type_.fields if isinstance(type_, GraphQLInputObjectType) else {}
            parts = (
                f"{key}: {self._literal(one, fields[key].type if key in fields else None)}"
                for key, one in value.items()
            )
            return "{" + ", ".join(parts) + "}"
        if isinstance(get_named_type(type_), GraphQLEnumType) and isinstance(value, str) and value.isidentifier():
            return value
        return json.dumps(value, ensure_ascii=False)

    def _damaged(self, text: str) -> str:
        place = self._random.randrange(len(text))
        end = place + self._random.choice([0, 1, 5, len(text)])
        return text[:place] + self._random.choice(["", *GARBAGE]) + text[end:]

    def _chance(self, share: float) -> bool:
        return self._random.random() < share
