"""A schema made for finding differences: plain structs next to all that is not plain, and faults in any of them.

What resolvers, loaders and properties do is written to a log, so that effects and their order can be compared too.
"""

import asyncio
from dataclasses import dataclass
from dataclasses import field as attribute
from enum import Enum
from typing import Annotated, Any, NewType, Union

import msgspec
import strawberry
from strawberry.dataloader import DataLoader
from strawberry.schema.config import StrawberryConfig

from resolvers.loaders import Loader
from resolvers.loads import Load
from schema.scalars import passed
from schema.views import field, node_id

Code = NewType("Code", str)
Stamp = NewType("Stamp", str)


class Colour(Enum):
    RED = "r"
    GREEN = "g"


class Box(msgspec.Struct, frozen=True):
    id: Any
    text: Any
    number: Any
    inner: Any = None
    shape: Any = None


class Cat(msgspec.Struct, frozen=True):
    id: Any
    name: Any
    lives: Any


class Dog(msgspec.Struct):
    id: Any
    name: Any
    barks: Any


class Shape(msgspec.Struct, frozen=True):
    kind: str
    name: Any
    size: Any


class Watched(msgspec.Struct):
    """A box whose text runs code when it is read."""

    id: Any
    hidden: Any
    number: Any
    log: list[Any]
    inner: Any = None
    shape: Any = None

    @property
    def text(self) -> Any:
        self.log.append(("text", repr(self.id)))
        if isinstance(self.hidden, Exception):
            raise self.hidden
        return self.hidden


class Thing(msgspec.Struct, frozen=True):
    id: Any
    text: Any
    maybe: Any
    number: Any
    ratio: Any
    flag: Any
    colour: Any
    code: Any
    stamp: Any
    tags: Any
    grid: Any
    box: Any
    boxes: Any
    pet: Any
    cat: Any
    shape: Any
    friend_id: int


class Note(msgspec.Struct, frozen=True):
    """What is executed many at once: plain, but for fields that are loaded."""

    id: Any
    text: Any
    box: Any
    friend_id: Any


class Later:
    """An awaitable that may be awaited any number of times."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return "<later>"

    def __await__(self) -> Any:
        yield from asyncio.sleep(0).__await__()
        return self.value


@dataclass
class World:
    """One request's data and what was done with it."""

    things: list[Any]
    pets: list[Any]
    failing: frozenset[int]
    notes: list[Any] = attribute(default_factory=list)
    log: list[Any] = attribute(default_factory=list)
    count: int = 0

    def __post_init__(self) -> None:
        self.loader: DataLoader[int, Any] = DataLoader(self._load)
        self.loads: Loader[int, Any] = Loader(self._load)

    async def _load(self, keys: list[int]) -> list[Any]:
        self.log.append(("batch", tuple(keys)))
        await asyncio.sleep(0)
        return [self._loaded(key) for key in keys]

    def _loaded(self, key: object) -> Any:
        # A faulty object's key may be none: that is this key's error alone, for what else is in its batch is up to
        # the executor where errors end others.
        if not isinstance(key, int) or key in self.failing:
            return ValueError(f"no {key}")
        return self.things[key % len(self.things)]

    def asked(self) -> "Loader[int, Any]":
        """Return the loader for a field of many objects at once; the log says that there was one."""
        if ("each",) not in self.log:
            self.log.append(("each",))
        return self.loads

    def load(self, key: int) -> Any:
        return asyncio.shield(self.loader.load(key))


Info = strawberry.Info[World, None]


def _kind(*structs: type) -> Any:
    return classmethod(lambda _, value, __: type(value) in structs)


def _label(root: Any) -> str:
    return f"{root.number}!" if isinstance(root.number, int) else root.number


@strawberry.interface
class NamedType:
    name: str


@strawberry.type(name="Circle")
class CircleType(NamedType):
    size: int
    is_type_of = classmethod(lambda _, value, __: type(value) is Shape and value.kind == "circle")


@strawberry.type(name="Square")
class SquareType(NamedType):
    size: float | None
    is_type_of = classmethod(lambda _, value, __: type(value) is Shape and value.kind == "square")


@strawberry.type(name="Box")
class BoxType:
    box_id: strawberry.ID = node_id("Box")
    text: str
    label: str | None = field("The number with emphasis.", computed=_label)
    number: int | None
    inner: Annotated["BoxType", strawberry.lazy("tests.unit.gateway.plans.odd_schema")] | None
    shape: NamedType | None


@strawberry.type(name="Cat")
class CatType(NamedType):
    lives: int
    is_type_of = _kind(Cat)


async def _trick(root: Any, info: Info, times: int = 1) -> str:
    info.context.log.append(("trick", str(root.id), times))
    await asyncio.sleep(0)
    if times > 2:
        raise ValueError("tired")
    return "roll" * times


@strawberry.type(name="Dog")
class DogType(NamedType):
    barks: bool | None
    trick: str = strawberry.field(resolver=_trick)
    is_type_of = _kind(Dog)


Pet = Annotated[Union[CatType, DogType], strawberry.union("Pet")]  # noqa: UP007 (Strawberry reads the members)


@strawberry.input
class Wish:
    words: list[str] = strawberry.field(default_factory=list)
    colour: Colour = Colour.RED


def _echo(root: Any, info: Info, number: int | None = 7, wish: Wish | None = None, code: Code | None = None) -> str:
    info.context.log.append(("echo", number, code, None if wish is None else (tuple(wish.words), wish.colour)))
    if wish is not None:
        wish.words.append("changed")
    return f"{number} {code} {wish}"


async def _friend(root: Any, info: Info) -> Any:
    return await info.context.load(root.friend_id)


async def _needed(root: Any, info: Info) -> Any:
    found = await info.context.load(root.friend_id + 1)
    return found.box


def _near(root: Any, info: Info) -> Load[Any]:
    return info.context.loads.load(root.friend_id)


def _beside(roots: list[Any], world: World) -> list[Load[Any]]:
    return world.asked().load_each([root.friend_id for root in roots])


def _close(roots: list[Any], world: World) -> list[Load[Any]]:
    loads = world.asked().load_each([root.friend_id + 1 for root in roots])
    return [load.then(lambda found: found.box) for load in loads]


def _around(roots: list[Any], world: World) -> list[Load[list[Any]]]:
    return [world.asked().load_many([root.friend_id, root.friend_id + 2]) for root in roots]


def _boxed(roots: list[Any], world: World, by: int = 0) -> Any:
    loader = world.asked()
    if by > 3:
        raise ValueError("too far")
    if by == 2:
        return [root.box for root in roots]  # what is there already
    loads = [loader.load(root.friend_id + by) for root in roots]
    return [load.then(lambda found: found.boxes if by == 1 else found.box) for load in loads]


def _said(roots: list[Any], world: World) -> list[Load[Any]]:
    return [world.asked().load(root.friend_id).then(lambda found: found.text) for root in roots]


def _watched(root: Any, info: Info) -> Any:
    if not isinstance(root.number, int) or root.number < 0:
        raise ValueError("not watched")
    return Watched(root.id, root.text, root.number, info.context.log, root.box, root.shape)


def _soon(root: Any, info: Info) -> list[Any]:
    return [Later(root.box), root.box, Later(None)]


@strawberry.type(name="Thing")
class ThingType:
    thing_id: strawberry.ID = node_id("Thing")
    text: str
    maybe: str | None
    number: int
    ratio: float | None
    flag: bool
    colour: Colour
    code: Code | None
    stamp: Stamp | None
    tags: list[str]
    grid: list[list[int | None] | None] | None
    box: BoxType | None
    boxes: list[BoxType]
    pet: Pet | None
    cat: CatType | None
    shape: NamedType | None
    echo: str = strawberry.field(resolver=_echo)
    friend: Annotated["ThingType", strawberry.lazy("tests.unit.gateway.plans.odd_schema")] | None = strawberry.field(
        resolver=_friend
    )
    needed: BoxType = strawberry.field(resolver=_needed)
    near: Annotated["ThingType", strawberry.lazy("tests.unit.gateway.plans.odd_schema")] | None = strawberry.field(
        resolver=_near
    )
    close: BoxType = field("A box of another.", each=_close)
    around: list[Annotated["ThingType", strawberry.lazy("tests.unit.gateway.plans.odd_schema")]] | None = field(
        "Two others.", each=_around
    )
    watched: BoxType | None = strawberry.field(resolver=_watched)
    soon: list[BoxType | None] = strawberry.field(resolver=_soon)


@strawberry.type(name="Note")
class NoteType:
    note_id: strawberry.ID = node_id("Note")
    text: str | None
    box: BoxType | None
    beside: ThingType | None = field("A thing.", each=_beside)
    close: BoxType = field("A box of another.", each=_close)
    boxed: BoxType | None = field("A box, or what is none.", each=_boxed)
    said: str = field("What a thing says.", each=_said)
    heard: str | None = field("What a thing says.", each=_said)


def _notes(info: Info) -> Any:
    return info.context.notes


async def _notes_later(info: Info, key: int = 0) -> Any:
    await info.context.load(key)
    return info.context.notes


def _things(info: Info, first: int = 3) -> Any:
    info.context.log.append(("things", first))
    return info.context.things[:first]


async def _thing(info: Info, key: int = 0) -> Any:
    return await info.context.load(key)


def _pets(info: Info) -> Any:
    return tuple(info.context.pets)


def _first(info: Info) -> Any:
    return info.context.things[0]


def _fails(info: Info) -> str:
    raise ValueError("fails")


@strawberry.type
class Query:
    things: list[ThingType | None] | None = strawberry.field(resolver=_things)
    strict: list[ThingType] = strawberry.field(resolver=_things)
    thing: ThingType | None = strawberry.field(resolver=_thing)
    first: ThingType | None = strawberry.field(resolver=_first)
    pets: list[Pet | None] = strawberry.field(resolver=_pets)
    fails: str | None = strawberry.field(resolver=_fails)
    notes: list[NoteType] | None = strawberry.field(resolver=_notes)
    loose: list[NoteType | None] = strawberry.field(resolver=_notes)
    later: list[NoteType | None] | None = strawberry.field(resolver=_notes_later)


@strawberry.type
class Counter:
    before: int
    after: int
    thing: ThingType | None = strawberry.field(resolver=_first)


class Count(msgspec.Struct):
    before: int
    after: int


def _bump(info: Info, by: int = 1) -> Any:
    world = info.context
    world.log.append(("bump", by, world.count))
    world.count += by
    return Count(world.count - by, world.count)


async def _bump_later(info: Info, by: int = 1) -> Any:
    before = info.context.count
    await asyncio.sleep(0)
    if by > 3:
        raise ValueError("too far")
    info.context.count = before
    return _bump(info, by)


@strawberry.type
class Mutation:
    bump: Counter = strawberry.field(resolver=_bump)
    later: Counter | None = strawberry.field(resolver=_bump_later)


class OddTypes:
    """Tells the structs of this schema as their `is_type_of` do."""

    def by_class(self, value: object) -> str | None:
        return "Cat" if type(value) is Cat else "Dog" if type(value) is Dog else None

    def by_value(self, value: object) -> str | None:
        if isinstance(value, Shape):
            return {"circle": "Circle", "square": "Square"}.get(value.kind)
        return self.by_class(value)


def _scalar(name: str, serialize: Any) -> Any:
    return strawberry.scalar(name=name, serialize=serialize, parse_value=str)


def odd_schema(execution_context_class: type[Any] | None = None) -> strawberry.Schema:
    """Build the schema."""
    scalars: Any = {Code: _scalar("Code", passed), Stamp: _scalar("Stamp", lambda value: value.strip() or None)}
    return strawberry.Schema(
        Query,
        Mutation,
        types=[CircleType, SquareType],
        config=StrawberryConfig(scalar_map=scalars),
        execution_context_class=execution_context_class,
    )
