"""Executors made from what they share are those graphql-core would build."""

import asyncio
import gc
import weakref
from typing import Any, cast

import pytest
import strawberry
from graphql import DocumentNode, GraphQLError, parse
from graphql.pyutils import is_awaitable

from bench.memory import DASHBOARD, PERIOD, MemoryServices, memory_context
from gateway.launches import IMMUTABLE, Executor, Launches
from gateway.plans.modes import ExecutionMode, execution_class
from resolvers.loaders import Loaders
from schema.build import build_schema
from tests.cases import each

PREDICATE: Any = is_awaitable


@strawberry.input
class Size:
    width: int
    height: int = 3


@strawberry.type
class Query:
    @strawberry.field
    def area(self, size: Size | None = None, factor: int = 1, names: list[str] | None = None) -> int:
        return (size.width * size.height if size else 0) * factor + len(names or ())


SCHEMA = strawberry.Schema(Query)
CORE = SCHEMA._schema
CLASS: Any = SCHEMA.execution_context_class
DOCUMENT = parse(
    'query A($size: Size, $factor: Int! = 2, $names: [String!] = ["a"]) { ...F }'
    " fragment F on Query { area(size: $size, factor: $factor, names: $names) }"
    " query B { area }"
)
VARIABLES: list[dict[str, Any]] = [
    {},
    {"size": {"width": 2}},
    {"size": None, "factor": 4, "names": []},
    {"factor": None},
    {"size": {"width": "2"}, "factor": "x"},
    {"size": {"width": 1, "depth": 2}},
    {"size": {"width": None}},
    {"size": {"width": 1, "height": None}},
    {"size": {"height": 1}},
    {"size": [1]},
    {"names": "one", "unknown": 1},
    {"names": ["a", None]},
]


def built(variables: dict[str, Any], name: str) -> Executor | list[GraphQLError]:
    """Return what graphql-core builds."""
    found: Executor | list[GraphQLError] = CLASS.build(
        CORE, DOCUMENT, None, None, variables, name, is_awaitable=PREDICATE, hide_suggestions=True
    )
    return found


@pytest.fixture
def launches() -> Launches:
    return Launches(CLASS, CORE, PREDICATE)


@each("name", ["A", "B"])
@each("variables", VARIABLES)
def test_a_launched_executor_is_the_one_graphql_core_builds(
    launches: Launches, variables: dict[str, Any], name: str
) -> None:
    """It executes alike, and is told alike what is wrong with variables."""
    ours, theirs = launches.find(DOCUMENT, name).executor(None, variables), built(variables, name)
    if isinstance(theirs, list):
        assert isinstance(ours, list)
        assert [str(error) for error in ours] == [str(error) for error in theirs]
        return
    assert not isinstance(ours, list)
    assert all(type(getattr(ours, name)) is type(value) for name, value in vars(theirs).items())
    assert vars(ours).keys() <= vars(theirs).keys()
    assert ours.variable_values.coerced == theirs.variable_values.coerced
    assert [(key, one.value) for key, one in ours.variable_values.sources.items()] == [
        (key, one.value) for key, one in theirs.variable_values.sources.items()
    ]
    assert ours.fragments == theirs.fragments
    assert ours.execute_operation() == theirs.execute_operation()


def test_two_executors_share_nothing_that_can_change(launches: Launches) -> None:
    """What an execution collects is never seen by another."""
    launch = launches.find(DOCUMENT, "A")
    first, second = launch.executor("one", {}), launch.executor("two", {})
    assert not isinstance(first, list)
    assert not isinstance(second, list)
    documents = {"schema", "operation", "fragments", "fragment_definitions"}
    theirs = built({}, "A")
    for name in vars(theirs):
        value = getattr(first, name)
        is_own = value is not getattr(second, name)
        assert value is getattr(first, name), f"{name} is made once"
        assert is_own or name in documents or isinstance(value, IMMUTABLE) or callable(value), name


def test_what_a_request_loaded_is_freed_with_its_answer(launches: Launches) -> None:
    """An executor holds nothing that holds it: no collector is waited for."""

    class Loaded:
        pass

    loaded = Loaded()
    watched = weakref.ref(loaded)
    gc.disable()
    try:
        executor = launches.find(DOCUMENT, "A").executor(loaded, {})
        assert not isinstance(executor, list)
        executor.execute_operation()
        helpers = executor.async_helpers
        helpers.track([])
        del executor, loaded
        assert watched() is None
        with pytest.raises(RuntimeError):
            helpers.track([])
    finally:
        gc.enable()


async def test_what_a_dashboard_loaded_is_freed_with_its_answer() -> None:
    """Loaders, infos and loads hold each other in no circle."""
    schema = build_schema(execution_class(ExecutionMode.COMPILED))
    launches = Launches(cast("Any", schema.execution_context_class), schema._schema, PREDICATE)
    document, services = parse(DASHBOARD), MemoryServices()

    async def answer() -> "weakref.ref[Loaders]":
        context = memory_context(services)
        executor: Any = launches.find(document, None).executor(context, {"period": PERIOD})
        result = await executor.execute_operation()
        assert result.errors is None
        return weakref.ref(context.loaders)

    gc.disable()
    try:
        for way in ("interpreted", "compiled"):
            watched = await answer()
            await asyncio.sleep(0)  # the last task of a loader ends
            assert watched() is None, way
    finally:
        gc.enable()


def test_an_operation_keeps_its_launch(launches: Launches) -> None:
    """It is found by document and name."""
    other: DocumentNode = parse("{ area }")
    assert launches.find(DOCUMENT, "B") is launches.find(DOCUMENT, "B")
    assert launches.find(DOCUMENT, "B") is not launches.find(DOCUMENT, "A")
    assert launches.find(other, None) is not launches.find(DOCUMENT, "B")
