"""What executing the dashboard and encoding its answer costs without services or HTTP: `make bench-execution`.

Four ways to the same bytes, in turn, round after round, CPU time of this process per operation:
  stock      Strawberry on graphql-core, the document parsed beforehand
  as data    on plans (gateway/plans), launched (gateway/launches.py), all of the answer dicts and lists
  compiled   the same as the gateway executes it: plain parts of the answer written as text
  by hand    the floor: the same calls and the same answer without GraphQL
A small query shows the fixed cost of an operation.

    python -m bench.execution [--rounds 15] [--operations 100]
"""

import argparse
import asyncio
import gc
import json
import statistics
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, cast

import uvloop
from graphql import ExecutionResult, parse
from strawberry.execution import optimized_is_awaitable

from bench.machine import describe_machine
from bench.memory import DASHBOARD, PERIOD, MemoryServices, by_hand, memory_context
from gateway.answers import encode_json
from gateway.launches import Launches
from gateway.plans.cache import PlanCache
from gateway.plans.executor import compiled_executor
from gateway.plans.runtime_types import ViewTypes
from gateway.server import GC_THRESHOLDS
from schema.build import build_schema

IS_AWAITABLE: Any = optimized_is_awaitable
SMALL = "{ viewer { id givenName } }"
Run = Callable[[], Awaitable[Any]]


def executing(text: str, plans: PlanCache | None, *, writes: bool = True) -> Run:
    """Return what executes a document once and encodes the answer: on plans, or as Strawberry and graphql-core do."""
    schema = build_schema(None if plans is None else compiled_executor(plans))
    core, executor_class = schema._schema, cast("Any", schema.execution_context_class)  # noqa: SLF001 (as gateway/execution.py)
    document, services = parse(text), MemoryServices()
    variables: dict[str, Any] = {"period": PERIOD} if "$period" in text else {}
    stock = partial(executor_class.build, core, document, None, is_awaitable=IS_AWAITABLE)
    launched = Launches(executor_class, core, IS_AWAITABLE).find(document, None).executor
    make = stock if plans is None else partial(launched, writes=writes)

    async def run() -> Any:
        executor: Any = make(memory_context(services), variables)
        result = await executor.execute_operation()
        assert isinstance(result, ExecutionResult)
        assert result.errors is None, result.errors
        return encode_json(result.data)

    return run


def handwritten() -> Run:
    """Return what answers by hand."""
    services = MemoryServices()

    async def run() -> Any:
        return encode_json(await by_hand(memory_context(services)))

    return run


def leaves(value: Any) -> int:
    """Count the scalars of an answer."""
    if isinstance(value, dict):
        return sum(map(leaves, value.values()))
    return sum(map(leaves, value)) if isinstance(value, list) else 1


async def microseconds(run: Run, operations: int) -> float:
    """Return the CPU time of one operation, in µs."""
    gc.collect()
    started = time.process_time_ns()
    for _ in range(operations):
        await run()
    return (time.process_time_ns() - started) / operations / 1000


async def compare(title: str, ways: dict[str, Run], rounds: int, operations: int) -> None:
    """Print the median of each way and its ratio to the first, after checking that all answer alike."""
    answers = [(await run()).decode() for run in ways.values()]
    assert len(set(answers)) == 1, "the ways answer differently"
    print(f"\n{title}: {leaves(json.loads(answers[0]))} leaves, {len(answers[0])} bytes; CPU µs per operation")
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, run in ways.items():
            taken[name].append(await microseconds(run, operations))
    first = statistics.median(next(iter(taken.values())))
    for name, values in taken.items():
        median = statistics.median(values)
        print(
            f"  {name:10} {median:8.1f}  (min {min(values):.1f}, max {max(values):.1f})  {first / median:5.2f}x stock"
        )


async def measure(rounds: int, operations: int) -> None:
    """Run both comparisons."""
    print(describe_machine())
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    plans = PlanCache(ViewTypes(), compile_after=0)
    ways = {
        "stock": executing(DASHBOARD, None),
        "as data": executing(DASHBOARD, plans, writes=False),
        "compiled": executing(DASHBOARD, plans),
        "by hand": handwritten(),
    }
    await compare("dashboard in memory", ways, rounds, operations)
    small = {"stock": executing(SMALL, None), "compiled": executing(SMALL, plans)}
    await compare("small query", small, rounds, operations * 10)
    assert plans.interpreted == 0, "something was not compiled"
    print(f"\n{plans.compiled} executions compiled, {plans.interpreted} interpreted")


def main() -> None:
    """Read the options and measure."""
    parser = argparse.ArgumentParser(description="Measure execution against its floor.")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--operations", type=int, default=100)
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(measure(options.rounds, options.operations))


if __name__ == "__main__":
    main()
