"""The odd schema in two ways: interpreted and compiled."""

from functools import cache
from typing import Any, NamedTuple

import strawberry
from graphql import DocumentNode, parse

from gateway.plans.cache import PlanCache
from tests.unit.gateway.plans.differences import Outcome, outcome
from tests.unit.gateway.plans.odd_schema import Box, Cat, Colour, Dog, Shape, Thing, World


@cache
def parsed(text: str) -> DocumentNode:
    """Parse a document once, as the gateway does: its plans are made once too, and used again for other data."""
    return parse(text)


class Ways(NamedTuple):
    """A schema as graphql-core executes it, and on plans."""

    stock: strawberry.Schema
    compiled: strawberry.Schema
    plans: PlanCache

    async def both(
        self, text: str, *things: Any, pets: tuple[Any, ...] = (), notes: tuple[Any, ...] = (), **variables: Any
    ) -> Outcome:
        """Execute a document in both ways, on plans also as text; return what is seen, which must be the same."""
        document, outcomes = parsed(text), []
        for schema, writes in ((self.stock, False), (self.compiled, False), (self.compiled, True)):
            world = World(list(things or [thing()]), list(pets), frozenset(), list(notes))
            outcomes.append(await outcome(schema, document, variables, world, world.log, writes=writes))
        assert outcomes[0] == outcomes[1] == outcomes[2]
        return outcomes[0]


def thing(**more: Any) -> Thing:
    """Return a thing as it should be."""
    values: dict[str, Any] = {
        "id": 1, "text": "text", "maybe": None, "number": 1, "ratio": 0.5, "flag": True, "colour": Colour.RED,
        "code": "c", "stamp": " s ", "tags": ["t"], "grid": [[1, None], None], "box": Box(2, "box", 3),
        "boxes": [Box(3, "box", None)], "pet": Cat(4, "cat", 9), "cat": Cat(4, "cat", 9),
        "shape": Shape("circle", "round", 2), "friend_id": 0,
    }  # fmt: skip
    return Thing(**values | more)


def dog(**more: Any) -> Dog:
    """Return a dog as it should be."""
    return Dog(**{"id": 5, "name": "dog", "barks": None} | more)
