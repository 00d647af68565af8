"""From posting an event to its alert on phones, all of Belfry under full load: `make bench-load`.

    python -m bench.feed_load [--rate 9722] [--phones 5000] [--seconds 20]

Events come at a steady rate (35 million an hour), 1 % of them worth an alert, while phones listen on WebSockets.
Services, gateway, producer and phones share the machine: what the last two cost is printed beside the rest.
"""

import argparse
import asyncio
import random
import re
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import uvloop

from bench.ingest import (
    CARDS,
    CHUNK_EVENTS,
    SERVICES,
    Producer,
    applied,
    at_pace,
    booking,
    chunks,
    cpu_seconds,
    print_cpu,
    reference_events,
)
from bench.machine import describe_machine
from bench.phones import FEED, Phone, Tally, connect, hang_up
from bench.processes import Belfry, running
from gateway.demo_issuer import DemoIssuer

ALERT_SHARE = 0.01
TICKS_PER_S = 50
PHONES_PER_ADDRESS = 1_900
"""The gateway takes 2,000 sockets of one address; this machine has as many addresses as it wants."""
ARRIVED_S_MAX = 120.0
SHOP = re.compile(rb"shop (\d+)")


class Arrivals(Tally):
    """When each alert came to each phone, by the number of its event."""

    def __init__(self, posted: dict[int, float]) -> None:
        super().__init__()
        self.delays_ms: list[float] = []
        self.seen: Counter[int] = Counter()
        self._posted = posted

    def take(self, payload: bytes) -> None:
        """Note an alert; those of another rule for the same event are counted only."""
        self.count()
        found = SHOP.search(payload)
        if found is not None and b"Large payment" in payload:
            number = int(found[1])
            self.delays_ms.append((time.perf_counter() - self._posted[number]) * 1000)
            self.seen[number] += 1


class TimedPhone(Phone):
    """A phone that looks into what it gets."""

    tally: Arrivals

    def _take(self, opcode: int, payload: bytes) -> None:
        if self.caught_up.done() and b"AlertRaised" in payload:
            self.tally.take(payload)
        else:
            super()._take(opcode, payload)


def _events(first: int, count: int, chance: random.Random) -> tuple[bytes, list[tuple[int, int]]]:
    """Return a body, and (number, card) of its events worth an alert; the others are too even to be noticed."""
    lines: list[dict[str, Any]] = []
    worth: list[tuple[int, int]] = []
    for number in range(first, first + count):
        alerting = chance.random() < ALERT_SHARE
        made = booking(number, chance, alerting=alerting)
        if alerting:
            made["data"]["merchant"]["name"] = f"shop {number}"
            worth.append((number, int(made["data"]["accountId"][1:])))
        else:
            made["data"]["amount"]["amount"] = f"{chance.uniform(10, 20):.2f}"
        lines.append(made)
    return msgspec.json.Encoder().encode_lines(lines), worth


async def _post_all(
    producer: Producer, rate: int, seconds: int, posted: dict[int, float]
) -> tuple[Counter[int], float]:
    """Post at a steady rate; return how many alerts each card's holder must get, and the seconds it took."""
    chance, per_tick = random.Random(9), rate // TICKS_PER_S
    bodies = [_events(tick * per_tick, per_tick, chance) for tick in range(seconds * TICKS_PER_S)]

    async def post(body: bytes, worth: list[tuple[int, int]]) -> None:
        now = time.perf_counter()
        posted.update((number, now) for number, _ in worth)
        await producer.post(body)

    took_s = await at_pace(post, bodies, 1 / TICKS_PER_S)
    return Counter(card for _, worth in bodies for _, card in worth), took_s


async def _load(belfry: Belfry, session: aiohttp.ClientSession, rate: int, count: int, seconds: int) -> None:
    producer = Producer(session, belfry.urls["events"])
    for body in chunks(reference_events(), CHUNK_EVENTS):
        await producer.post(body)
    await asyncio.gather(*(applied(session, belfry.urls[name], producer.offset) for name in ("accounts", "analytics")))
    issuer = DemoIssuer.open(belfry.data_dir, audience="belfry")
    tokens = [issuer.mint_token(f"c{card}") for card in range(min(CARDS, count))]
    posted: dict[int, float] = {}
    arrivals = Arrivals(posted)
    phones = [TimedPhone(arrivals, tokens[n % CARDS], FEED) for n in range(count)]
    port, started = int(belfry.urls["gateway"].rpartition(":")[2]), time.perf_counter()
    for first in range(0, count, PHONES_PER_ADDRESS):
        await connect(port, phones[first : first + PHONES_PER_ADDRESS], f"127.0.0.{2 + first // PHONES_PER_ADDRESS}")
    print(f"phones    {count:,} connected in {time.perf_counter() - started:.1f} s", flush=True)
    before = cpu_seconds(belfry)
    alerts, took_s = await _post_all(producer, rate, seconds, posted)
    listeners = Counter(n % CARDS for n in range(count))
    wanted = sum(number * listeners[card] for card, number in alerts.items())
    async with asyncio.timeout(ARRIVED_S_MAX):
        while len(arrivals.delays_ms) < wanted:  # noqa: ASYNC110 - many phones, no event for all of them
            await asyncio.sleep(0.05)
    events, delays = rate // TICKS_PER_S * TICKS_PER_S * seconds, sorted(arrivals.delays_ms)
    assert len(delays) == wanted, "an alert came twice"
    p50, p99 = delays[len(delays) // 2], delays[int(len(delays) * 0.99)]
    print(
        f"load      {events:,} events at {events / took_s:,.0f}/s, {alerts.total():,} worth an alert, {wanted:,} alerts"
        f" on phones: posted to received p50 {p50:.0f} ms, p99 {p99:.0f} ms, max {delays[-1]:.0f} ms"
    )
    print_cpu(before, cpu_seconds(belfry), events)
    await hang_up(phones)


async def measure(rate: int, count: int, seconds: int) -> None:
    """Run it on a fresh Belfry."""
    print(describe_machine())
    with tempfile.TemporaryDirectory(prefix="belfry-bench-") as folder:
        async with running(Path(folder), *SERVICES, "gateway") as belfry, aiohttp.ClientSession() as session:
            await _load(belfry, session, rate, count, seconds)


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=9722, help="events a second")
    parser.add_argument("--phones", type=int, default=5_000, help="phones that listen")
    parser.add_argument("--seconds", type=int, default=20, help="how long events come")
    given = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(measure(given.rate, given.phones, given.seconds))


if __name__ == "__main__":
    main()
