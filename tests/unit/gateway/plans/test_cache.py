"""Which executions run on a plan, and on which."""

from typing import Any

import pytest
from graphql import DocumentNode, ExecutionResult, parse
from graphql.execution import ExecutionHooks
from graphql.pyutils import AbortController

from gateway.plans.cache import VARIANTS_MAX, PlanCache
from gateway.plans.executor import compiled_executor
from tests.unit.gateway.plans.odd_schema import OddTypes, World, odd_schema
from tests.unit.gateway.plans.ways import thing

TEXT = "{ things { text } }"


class Runs:
    """Executions on one schema with its own cache."""

    def __init__(self, plans: PlanCache) -> None:
        self.plans = plans
        self.schema = odd_schema(compiled_executor(plans))

    def run(self, document: DocumentNode, variables: dict[str, Any] | None = None, **more: Any) -> Any:
        context = World([thing()], [], frozenset())
        executor: Any = self.schema.execution_context_class.build(
            self.schema._schema, document, None, context, variables, **more
        )
        return executor.execute_operation()

    @property
    def counts(self) -> tuple[int, int]:
        return self.plans.compiled, self.plans.interpreted


@pytest.fixture
def runs() -> Runs:
    return Runs(PlanCache(OddTypes(), compile_after=0))


def test_a_document_that_comes_once_is_not_compiled() -> None:
    """The first execution is graphql-core's; from the second on there is a plan."""
    runs, document = Runs(PlanCache(OddTypes())), parse(TEXT)
    results = [runs.run(document) for _ in range(3)]
    assert runs.counts == (2, 1)
    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize(
    "more",
    [
        {"middleware": [lambda resolve, *args, **named: resolve(*args, **named)]},
        {"hooks": ExecutionHooks()},
        {"abort_signal": AbortController().signal},
        {"is_awaitable": lambda _: False},
    ],
    ids=lambda more: next(iter(more)),
)
def test_what_a_plan_does_not_do_is_executed_by_graphql_core(runs: Runs, more: dict[str, Any]) -> None:
    """Middleware, hooks, abort signals and predicates of awaitables that are not known."""
    runs.run(parse(TEXT), **more)
    assert runs.counts == (0, 1)


def test_incremental_delivery_is_left_to_graphql_core(runs: Runs) -> None:
    """A document with `@defer` is not planned, whichever part of it has the directive."""
    runs.run(parse("{ things { ...T } } fragment T on Thing { ... @defer { text } }"))
    assert runs.counts == (0, 1)


def test_each_set_of_conditions_has_a_plan_up_to_a_bound(runs: Runs) -> None:
    """Values of condition variables choose the plan; beyond the bound graphql-core executes."""
    names = "abcde"
    declared = " ".join(f"${name}: Boolean!" for name in names)
    fields = " ".join(f"{name}: text @include(if: ${name})" for name in names)
    document = parse(f"query ({declared}) {{ strict {{ {fields} }} }}")
    for number in range(2 ** len(names)):
        variables = {name: bool(number >> index & 1) for index, name in enumerate(names)}
        result = runs.run(document, variables)
        assert isinstance(result, ExecutionResult)
        assert result.data == {"strict": [{name: "text" for name in names if variables[name]}]}
    assert runs.counts == (VARIANTS_MAX, 2 ** len(names) - VARIANTS_MAX)


def test_the_least_recently_executed_operation_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache holds a bounded number of operations."""
    monkeypatch.setattr("gateway.plans.cache.OPERATIONS_KEPT_MAX", 2)
    runs, (first, second, third) = Runs(PlanCache(OddTypes())), [parse(TEXT) for _ in range(3)]
    for document in (first, second, first, third, first, second):
        runs.run(document)
    assert runs.counts == (2, 4)


def test_operations_of_one_document_have_plans_of_their_own(runs: Runs) -> None:
    """The operation that was named is the one that is executed."""
    document = parse("query A { things { text } } query B { things { number } }")
    results = [runs.run(document, operation_name=name).data for name in ("A", "B", "A")]
    assert results == [{"things": [{"text": "text"}]}, {"things": [{"number": 1}]}, {"things": [{"text": "text"}]}]


async def test_an_operation_that_was_prepared_is_compiled_from_its_first_execution_on() -> None:
    """For each value of its conditions, and with nothing left to plan."""
    runs = Runs(PlanCache(OddTypes()))
    schema, text = runs.schema, "query ($a: Boolean!) { things { text friend @skip(if: $a) { pet { name } } } }"
    document = parse(text)
    executor: Any = schema.execution_context_class.build(schema._schema, document, None, None, {"a": True})
    runs.plans.prepare(executor)
    [planned] = runs.plans._kept.values()
    fields = [len(plan.fields) for plan in planned._plans.values() if plan is not None]
    assert fields == [1, 3]  # what is plain needs none beneath it
    for a in (True, False):
        result = runs.run(document, {"a": a})
        assert (result if isinstance(result, ExecutionResult) else await result).errors is None
    assert runs.counts == (2, 0)
