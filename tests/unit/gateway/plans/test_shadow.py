"""Both ways at once: what is answered, what is reported, and what happens only once."""

from typing import Any

import pytest
from graphql import ExecutionResult, parse
from strawberry.execution import optimized_is_awaitable

from gateway.plans.cache import PlanCache
from gateway.plans.modes import ExecutionMode, execution_class
from gateway.plans.shadow import difference_of, shadow_executor
from tests.unit.gateway.plans.odd_schema import OddTypes, World, odd_schema
from tests.unit.gateway.plans.ways import thing


class Liar(OddTypes):
    """Tells circles for squares, so that plans answer otherwise."""

    def by_value(self, value: object) -> str | None:
        return {"Circle": "Square", "Square": "Circle"}.get(super().by_value(value) or "")


async def _shadowed(types: OddTypes, text: str, *, writes: bool = False) -> tuple[Any, list[str], World]:
    reports: list[str] = []
    plans, world = PlanCache(types, compile_after=0), World([thing(friend_id=0)], [], frozenset())
    schema = odd_schema(shadow_executor(plans, reports.append))
    executor: Any = schema.execution_context_class.build(
        schema._schema,
        parse(text),
        None,
        world,
        is_awaitable=optimized_is_awaitable,  # type: ignore[arg-type]
    )
    executor.writes = writes
    result = executor.execute_operation()
    return (await result if optimized_is_awaitable(result) else result), reports, world


@pytest.mark.parametrize("writes", [False, True])
async def test_ways_that_agree_report_nothing(*, writes: bool) -> None:
    """The answer is graphql-core's, and loaders ask for what both need once."""
    asked = "{ things { text friend { text } shape { __typename } } }"
    result, reports, world = await _shadowed(OddTypes(), asked, writes=writes)
    assert result.data == {"things": [{"text": "text", "friend": {"text": "text"}, "shape": {"__typename": "Circle"}}]}
    assert reports == []
    assert [effect for effect in world.log if effect[0] == "batch"] == [("batch", (0,))]


@pytest.mark.parametrize("writes", [False, True])
async def test_a_difference_is_reported_by_its_place_and_the_stock_answer_given(*, writes: bool) -> None:
    """The report names fields, never values."""
    result, reports, _ = await _shadowed(Liar(), "{ strict { shape { __typename } } }", writes=writes)
    assert result.data == {"strict": [{"shape": {"__typename": "Circle"}}]}
    assert reports == ["data at strict.0.shape.__typename"]


async def test_a_mutation_happens_once() -> None:
    """Only queries are executed twice."""
    result, reports, world = await _shadowed(OddTypes(), "mutation { bump { after } later { after } }")
    assert result.data == {"bump": {"after": 1}, "later": {"after": 2}}
    assert (reports, world.count) == ([], 2)


@pytest.mark.parametrize(
    ("mine", "theirs", "said"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, "data at the root"),
        ({"a": [1, 2]}, {"a": [1]}, "data at a"),
        ({"a": [1, {"b": None}]}, {"a": [1, {"b": 0}]}, "data at a.1.b"),
        ({"a": 1}, {"a": 1}, None),
    ],
)
def test_a_difference_is_told_by_its_place(mine: Any, theirs: Any, said: str | None) -> None:
    """The order of keys counts; values are not repeated."""
    assert difference_of(ExecutionResult(mine), ExecutionResult(theirs)) == said


def test_each_mode_has_its_executor() -> None:
    """`stock` is Strawberry's own; the others have caches of their own."""
    assert execution_class(ExecutionMode.STOCK) is None
    assert execution_class(ExecutionMode.COMPILED) is not execution_class(ExecutionMode.COMPILED)
    assert execution_class(ExecutionMode.SHADOW).__name__ == "ShadowExecutor"  # type: ignore[union-attr]
