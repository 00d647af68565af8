"""How long the gateway takes to start: `make bench-start`.

From the process begun to `/health/ready` answering, with the services running; the processes' own CPU time beside it,
as others on the machine do not lengthen that much. The first start, which writes what Python compiles, is not counted.

    python -m bench.start [--starts 5]
"""

import argparse
import asyncio
import tempfile
import time
from pathlib import Path
from statistics import median

from bench.machine import cpu_s_of, describe_machine
from bench.processes import Belfry, running

SERVICES = ("accounts", "events", "analytics")


async def start_once(belfry: Belfry) -> tuple[float, float]:
    """Start the gateway and stop it; return the seconds until it was ready and the CPU seconds that took."""
    started = time.perf_counter()
    await belfry.start("gateway")
    seconds = time.perf_counter() - started
    cpu_s = cpu_s_of(belfry.processes["gateway"].pid)
    belfry.kill("gateway")
    return seconds, cpu_s


async def measure(starts: int) -> None:
    """Start it so many times and print the medians."""
    with tempfile.TemporaryDirectory() as folder:
        async with running(Path(folder), *SERVICES) as belfry:
            taken = [await start_once(belfry) for _ in range(starts + 1)][1:]
    seconds, cpu_s = (median(one) for one in zip(*taken, strict=True))
    print(describe_machine())
    print(f"start     gateway ready after {seconds:.2f} s, {cpu_s:.2f} s of CPU; median of {starts}")


def main() -> None:
    """Read the options and measure."""
    parser = argparse.ArgumentParser(description="Measure how long the gateway takes to start.")
    parser.add_argument("--starts", type=int, default=5)
    asyncio.run(measure(parser.parse_args().starts))


if __name__ == "__main__":
    main()
