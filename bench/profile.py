"""Where each microsecond of the dashboard goes, in memory: `make profile`.

CPU by module of ours and the library it was in, sampled; the time as a whole comes
from runs that nothing samples. Services answer from memory, so calls and the edge are not in it: `make bench-clients`
and `make bench-edge` have those.

    python -m bench.profile [--operations 3000]
"""

import argparse
import asyncio
import gc
import statistics

import uvloop

from bench.execution import executing, handwritten, microseconds
from bench.machine import describe_machine
from bench.memory import DASHBOARD
from bench.sampling import Sampler
from gateway.plans.cache import PlanCache
from gateway.plans.runtime_types import ViewTypes
from gateway.server import GC_THRESHOLDS

ROUNDS = 15
OPERATIONS_A_ROUND = 30


async def measure(operations: int) -> None:
    """Measure, sample and print."""
    print(describe_machine())
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    plans = PlanCache(ViewTypes(), compile_after=0)
    ways = {"compiled": executing(DASHBOARD, plans), "by hand": handwritten()}
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for run in ways.values():
        await run()
    for _ in range(ROUNDS):
        for name, run in ways.items():
            taken[name].append(await microseconds(run, OPERATIONS_A_ROUND))
    median = statistics.median(taken["compiled"])
    ratio = statistics.median(one / hand for one, hand in zip(taken["compiled"], taken["by hand"], strict=True))
    print(f"\nthe dashboard takes {median:.0f} µs, {ratio:.2f} times the floor written by hand\n")
    with Sampler() as sampler:
        for _ in range(operations):
            await ways["compiled"]()
    print(sampler.table(median))


def main() -> None:
    """Read the options and measure."""
    parser = argparse.ArgumentParser(description="Show where the time of the dashboard goes.")
    parser.add_argument("--operations", type=int, default=3_000, help="executed while sampling")
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(measure(options.operations))


if __name__ == "__main__":
    main()
