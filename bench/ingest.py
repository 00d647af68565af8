"""Ingest to alert log, with the three services running: `make bench-ingest`.

Parts on one machine, the producer included in its cores:
  rate      Birmingham-shaped bookings as fast as they are taken, until every consumer has applied the last one
  memory    what each process has grown to, every 100,000 events: give many to see it level off
  latency   the same at 9,722 events/s (35 million an hour), 1 % of them worth an alert: from acknowledged to readable

    python -m bench.ingest [--events 150000] [--seconds 20] [--paced-rate 9722] [--kept-s 3]
"""

import argparse
import asyncio
import os
import random
import re
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import msgspec
import psutil

from bench.machine import cpu_s_of, describe_machine
from bench.processes import Belfry, running

T = TypeVar("T")

CARDS = 1523
"""Distinct cards of the Birmingham file."""
CHUNK_EVENTS = 1000
POSTS_AT_ONCE = 3
MEMORY_EVERY = 100
"""Posts from one line about memory to the next."""
SERVICES = ("events", "accounts", "analytics")
EVENTS_A_DAY = 2000
"""In the order of their days, as the file has them: some 180,000 rows over four years, here more a day."""
FIRST_DAY = date(2024, 1, 1)
ALERT_SHARE = 0.01
KEPT_DAYS = ("BELFRY_LOG_DAYS", "BELFRY_SEEN_DAYS", "BELFRY_HISTORY_DAYS")
ALERTING_AMOUNT = "4200.00"


def reference_events() -> Iterator[dict[str, Any]]:
    """Yield the customers, accounts and cards the bookings name."""
    for n in range(CARDS):
        customer = {"customerId": f"c{n}", "givenName": "Card", "familyName": f"Holder {n}", "locale": "en-GB"}
        customer |= {"timeZone": "Europe/London", "residencyCountry": "GB"}
        yield event(f"customer-{n}", "belfry.customer.registered.v1", customer)
        account: dict[str, Any] = {
            "accountId": f"a{n}",
            "kind": "CARD",
            "currency": "GBP",
            "displayName": "Purchase card",
        }
        account |= {"openedOn": "2020-01-01", "parties": [{"customerId": f"c{n}", "role": "OWNER"}]}
        yield event(f"account-{n}", "belfry.account.opened.v1", account)
        card = {"cardId": f"k{n}", "accountId": f"a{n}", "cardholderId": f"c{n}", "maskedPan": "************1234"}
        yield event(f"card-{n}", "belfry.card.issued.v1", card | {"expiry": "2030-01-31"})


def event(event_id: str, kind: str, data: dict[str, Any], at: str = "2020-01-01T00:00:00Z") -> dict[str, Any]:
    """Return a CloudEvents envelope around `data`."""
    return {"specversion": "1.0", "id": event_id, "source": "/bench", "type": kind, "time": at, "data": data}


def booking(number: int, chance: random.Random, *, alerting: bool) -> dict[str, Any]:
    """Return one card booking in the shape of the Birmingham file, refunds among them."""
    card = chance.randrange(CARDS)
    amount = ALERTING_AMOUNT if alerting else f"{min(999, chance.lognormvariate(3.7, 1.1)):.2f}"
    day = (FIRST_DAY + timedelta(days=number // EVENTS_A_DAY)).isoformat()
    data = {
        "transactionId": f"t{number}",
        "accountId": f"a{card}",
        "cardId": f"k{card}",
        "amount": {"amount": amount, "currency": "GBP"},
        "creditDebitIndicator": "DBIT" if chance.random() > 0.03 or alerting else "CRDT",
        "bookingDate": day,
        "merchant": {"name": f"merchant {chance.randrange(15_848)}", "country": "GB"},
        "category": chance.choice(("GROCERIES", "TRANSPORT", "SHOPPING", "SERVICES", "DINING")),
        "purpose": chance.choice(("Equip Operational", "Vehicle Fuel", "Purchases Food", "Books")),
        "remittanceInformation": "Admin Support",
    }
    return event(f"e{number}", "belfry.payment.booked.v1", data, f"{day}T00:00:00Z")


def chunks(events: Iterator[dict[str, Any]], size: int) -> Iterator[bytes]:
    """Encode events as NDJSON bodies of `size` lines."""
    batch: list[dict[str, Any]] = []
    for one in events:
        batch.append(one)
        if len(batch) == size:
            yield msgspec.json.Encoder().encode_lines(batch)
            batch = []
    if batch:
        yield msgspec.json.Encoder().encode_lines(batch)


class Producer:
    """Posts NDJSON bodies and counts what was accepted; waits as long as a 429 says."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = f"{url}/events"
        self.accepted = 0
        self.offset = 0
        self.refusals = 0

    async def post(self, body: bytes) -> None:
        while True:
            headers = {"Content-Type": "application/x-ndjson"}
            async with self._session.post(self._url, data=body, headers=headers) as response:
                if response.status == 429:
                    self.refusals += 1
                    await asyncio.sleep(float(response.headers["Retry-After"]))
                    continue
                response.raise_for_status()
                last = (await response.read()).rstrip().rsplit(b"\n", 1)[-1]
            summary = msgspec.json.decode(last)["summary"]
            self.accepted += summary["accepted"]
            self.offset = max(self.offset, summary["offset"])
            return


async def applied(session: aiohttp.ClientSession, url: str, offset: int) -> None:
    """Wait until a consumer has applied the log up to `offset`."""
    async with asyncio.timeout(600):
        while True:
            async with session.get(f"{url}/projection") as response:
                if (await response.json())["offset"] >= offset:
                    return
            await asyncio.sleep(0.02)


async def measure_rate(belfry: Belfry, session: aiohttp.ClientSession, events: int) -> None:
    """Post as fast as the event service takes it and print how fast that was acknowledged and applied."""
    chance = random.Random(7)
    bodies = list(
        chunks((booking(n, chance, alerting=chance.random() < ALERT_SHARE) for n in range(events)), CHUNK_EVENTS)
    )
    producer = Producer(session, belfry.urls["events"])
    before = cpu_seconds(belfry)
    started = time.perf_counter()
    waiting = enumerate(bodies, 1)

    async def work() -> None:
        for number, body in waiting:
            await producer.post(body)
            if number % MEMORY_EVERY == 0:
                await print_memory(belfry, session, number * CHUNK_EVENTS)

    await asyncio.gather(*(work() for _ in range(POSTS_AT_ONCE)))
    acknowledged_s = time.perf_counter() - started
    await asyncio.gather(*(applied(session, belfry.urls[name], producer.offset) for name in ("accounts", "analytics")))
    whole_s = time.perf_counter() - started
    assert producer.accepted == events, f"{producer.accepted} of {events} accepted"
    print(
        f"rate      {events:,} events: acknowledged {events / acknowledged_s:,.0f}/s, in the alert log "
        f"{events / whole_s:,.0f}/s ({events / whole_s / 9722:.2f}x of 35 M/h); refused with 429: {producer.refusals}"
    )
    print_cpu(before, cpu_seconds(belfry), events)


async def at_pace(
    post: Callable[[bytes, T], Awaitable[None]], bodies: Iterable[tuple[bytes, T]], every_s: float
) -> float:
    """Begin each post in its turn, however long those before it take; return the seconds until all have ended."""
    posts: list[asyncio.Future[None]] = []
    started = time.perf_counter()
    for turn, (body, more) in enumerate(bodies):
        await asyncio.sleep(max(0.0, started + turn * every_s - time.perf_counter()))
        posts.append(asyncio.ensure_future(post(body, more)))
    await asyncio.gather(*posts)
    return time.perf_counter() - started


async def measure_latency(belfry: Belfry, session: aiohttp.ClientSession, rate: int, seconds: int) -> None:
    """Post at a steady rate and time each alert from its event's acknowledgement to its line in the alert stream."""
    chance = random.Random(8)
    per_tick = max(1, rate // 50)
    first = 1_000_000
    acknowledged: dict[str, float] = {}
    readable: dict[str, float] = {}
    alerting: set[str] = set()
    total = rate * seconds
    bodies: list[tuple[bytes, list[str]]] = []
    for start in range(0, total, per_tick):
        events, ids = [], []
        for number in range(first + start, first + min(start + per_tick, total)):
            worth = chance.random() < ALERT_SHARE
            events.append(booking(number, chance, alerting=worth))
            if worth:
                ids.append(f"t{number}")
        alerting.update(ids)
        bodies.append((msgspec.json.Encoder().encode_lines(events), ids))
    producer = Producer(session, belfry.urls["events"])
    listening = asyncio.create_task(listen(session, belfry.urls["analytics"], readable, alerting))

    async def post(body: bytes, ids: list[str]) -> None:
        await producer.post(body)
        now = time.perf_counter()
        acknowledged.update((one, now) for one in ids)

    before = cpu_seconds(belfry)
    took_s = await at_pace(post, bodies, per_tick / rate)
    await asyncio.wait_for(listening, 60)
    await asyncio.gather(*(applied(session, belfry.urls[name], producer.offset) for name in ("accounts", "analytics")))
    delays = sorted(max(0.0, readable[one] - acknowledged[one]) * 1000 for one in alerting)
    print(
        f"latency   {total:,} events at {total / took_s:,.0f}/s, {len(delays):,} alerts: acknowledged to readable "
        f"p50 {delays[len(delays) // 2]:.0f} ms, p99 {delays[int(len(delays) * 0.99)]:.0f} ms, max {delays[-1]:.0f} ms"
    )
    print_cpu(before, cpu_seconds(belfry), total)


async def listen(session: aiohttp.ClientSession, url: str, readable: dict[str, float], wanted: set[str]) -> None:
    """Note when each wanted transaction's alert is read from the alert stream."""
    timeout = aiohttp.ClientTimeout(total=None)
    while not wanted <= readable.keys():
        async with session.get(f"{url}/alerts/stream?after=0&wait=60", timeout=timeout) as response:
            async for line in response.content:
                if line.strip():
                    readable.setdefault(
                        msgspec.json.decode(line)["alert"].get("transactionId", ""), time.perf_counter()
                    )
                    if wanted <= readable.keys():
                        return


def cpu_seconds(belfry: Belfry) -> dict[str, float]:
    """Return user and system seconds of each process so far, the producer (this one) among them."""
    pids = {name: process.pid for name, process in belfry.processes.items()} | {"producer": os.getpid()}
    return {name: cpu_s_of(pid) for name, pid in pids.items()}


def print_cpu(before: dict[str, float], after: dict[str, float], events: int) -> None:
    """Print what an event cost each process, and how many a second that leaves room for on this machine's cores.

    The last is a bound, not a rate that was seen: what the cores allow, where others kept them from the services.
    """
    spent_us = {name: (after[name] - before[name]) / events * 1e6 for name in after}
    cores = psutil.cpu_count() or 1
    each = "  ".join(f"{name} {us:.0f} us" for name, us in spent_us.items())
    whole_us = sum(spent_us.values())
    print(
        f"          CPU per event  {each}  sum {whole_us:.0f} us: {cores} cores allow {cores / whole_us * 1e6:,.0f}/s"
    )


async def print_memory(belfry: Belfry, session: aiohttp.ClientSession, events: int) -> None:
    """Print the resident memory of each process, and what analytics keeps in it, after so many events."""
    sizes = {name: psutil.Process(process.pid).memory_info().rss / 2**20 for name, process in belfry.processes.items()}
    async with session.get(f"{belfry.urls['analytics']}/metrics") as response:
        kept = re.findall(r'^belfry_analytics_memory_entries{kind="(\w+)"} (\d+)', await response.text(), re.MULTILINE)
    print(
        f"memory    after {events:,} events: "
        + "  ".join(f"{name} {size:.0f} MiB" for name, size in sizes.items())
        + "; kept by analytics: "
        + ", ".join(f"{int(entries):,} {kind}" for kind, entries in kept)
    )


async def print_archive(belfry: Belfry, session: aiohttp.ClientSession) -> None:
    """Print how much of the log has left the disk, and what it takes in the archive."""
    async with session.get(f"{belfry.urls['events']}/log") as response:
        log = await response.json()
    files = [path.stat().st_size for path in (belfry.data_dir / "archive").rglob("*.gz")]
    size = (belfry.data_dir / "events.sqlite3").stat().st_size
    print(
        f"archive   {log['firstOnDisk'] - 1:,} of {log['lastOffset']:,} entries in {len(files)} pieces, "
        f"{sum(files) / 2**20:.1f} MiB; the database has {size / 2**20:.0f} MiB"
    )


async def measure(events: int, rate: int, seconds: int, kept_s: float = 0) -> None:
    """Run both parts on a fresh Belfry."""
    print(describe_machine())
    with tempfile.TemporaryDirectory(prefix="belfry-bench-") as folder:
        # Making the bodies takes longer than a server keeps a connection that is not used.
        connector = aiohttp.TCPConnector(keepalive_timeout=2)
        days = dict.fromkeys(KEPT_DAYS, f"{kept_s / 86_400:.8f}")
        async with (
            running(Path(folder), *SERVICES, settings=days) as belfry,
            aiohttp.ClientSession(connector=connector) as session,
        ):
            producer = Producer(session, belfry.urls["events"])
            for body in chunks(reference_events(), CHUNK_EVENTS):
                await producer.post(body)
            await measure_rate(belfry, session, events)
            await print_memory(belfry, session, events)
            await measure_latency(belfry, session, rate, seconds)
            await print_memory(belfry, session, events + rate * seconds)
            await print_archive(belfry, session)


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(prog="bench.ingest", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--events", type=int, default=150_000, help="bookings of the rate part")
    parser.add_argument("--seconds", type=int, default=20, help="length of the latency part")
    parser.add_argument("--paced-rate", type=int, default=9722, help="events per second of the latency part")
    parser.add_argument("--kept-s", type=float, default=0, help="seconds all is kept before it moves or goes; 0: ever")
    arguments = parser.parse_args()
    asyncio.run(measure(arguments.events, arguments.paced_rate, arguments.seconds, arguments.kept_s))


if __name__ == "__main__":
    main()
