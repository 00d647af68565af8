"""Every benchmark, one after the other: `make bench`."""

import asyncio

import uvloop

from bench import edge, execution, feed_latency, ingest, start


def main() -> None:
    """Run them with their defaults."""
    asyncio.run(ingest.measure(events=150_000, rate=9722, seconds=20))
    asyncio.run(feed_latency.measure(alerts=300, rate=20.0))
    asyncio.run(start.measure(starts=5))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(execution.measure(rounds=15, operations=100))
        runner.run(edge.measure(rounds=15, requests=1000))


if __name__ == "__main__":
    main()
