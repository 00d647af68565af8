"""The live feed against npm's graphql-ws + ws and Mercurius, in one run: `make bench-feed`.

    python -m bench.feed [--phones 2000] [--storm 10000] [--only belfry,graphql-ws,mercurius,mercurius-jit]

One core for the server, the other for the phones. CPU is the server process's own, over all messages that arrived;
every message is waited for. The floor is a bare server that writes the same bytes (`feed_floor.py`). Broadcast: all
phones are of one customer. One-to-one: each is of another.
"""

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import uvloop

from bench.machine import cpu_s_of, describe_machine
from bench.phones import FEED, PEER_FEED, EventPhone, Phone, Tally, connect, hang_up
from gateway.demo_issuer import DemoIssuer

ROOT = Path(__file__).parent.parent
PEERS = ROOT / "bench" / "feed_peers"
KINDS = ("belfry", "belfry-sse", "graphql-ws", "mercurius", "mercurius-jit")
MESSAGES = 10_000
"""Delivered in each measured burst."""
PACED = 300
PACE_S = 0.002
STALLED_SHARE = 0.05
STALLED_PHONES = 400
STALLED_ROUNDS = 1_000
UNPACED = 100_000


class Server(NamedTuple):
    """A running server."""

    pid: int
    port: int
    trigger: int

    def cpu_s(self) -> float:
        """Return the processor time it has used."""
        return cpu_s_of(self.pid)

    def memory_kib(self) -> int:
        """Return its resident memory."""
        return next(
            int(line.split()[1])
            for line in Path(f"/proc/{self.pid}/status").read_text().splitlines()
            if "VmRSS" in line
        )

    def raise_alerts(self, first: int, last: int, count: int = 1) -> None:
        """Raise alerts for customers `first` to `last`."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(
                json.dumps({"first": first, "last": last, "count": count}).encode(), ("127.0.0.1", self.trigger)
            )


@contextmanager
def serving(kind: str, folder: Path, subscribes_per_s: int = UNPACED) -> Any:
    """Run a server on the first core."""
    if kind == "floor":
        command = [sys.executable, "-m", "bench.feed_floor"]
    elif kind.startswith("belfry"):
        command = [sys.executable, "-m", "bench.feed_server", str(folder), str(subscribes_per_s)]
    else:
        command = [str(ROOT / "ide" / "with-node"), "node", str(PEERS / "feed.mjs"), kind]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)
    try:
        os.sched_setaffinity(process.pid, {0})
        assert process.stdout is not None
        ports = json.loads(process.stdout.readline())
        yield Server(process.pid, ports["port"], ports["trigger"])
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def phones(kind: str, tally: Tally, tokens: Sequence[str]) -> list[Phone]:
    """Make phones, one for each token."""
    make = EventPhone if kind.endswith("sse") else Phone
    return [make(tally, token, FEED if kind.startswith("belfry") else PEER_FEED) for token in tokens]


def tokens_of(kind: str, folder: Path, customers: Sequence[int]) -> list[str]:
    """Return what names the customers to a server."""
    if not kind.startswith("belfry"):
        return [f"c{number}" for number in customers]
    issuer = DemoIssuer.open(folder, audience="belfry")
    minted = {number: issuer.mint_token(f"c{number}") for number in set(customers)}
    return [minted[number] for number in customers]


async def burst(server: Server, tally: Tally, count: int, last: int) -> float:
    """Deliver about MESSAGES messages; return the server's µs for each."""
    rounds = max(1, MESSAGES // count)
    before, cpu_s = tally.received, server.cpu_s()
    for number in range(1, rounds + 1):
        server.raise_alerts(0, last)
        await tally.reach(before + number * count)
    return (server.cpu_s() - cpu_s) / (rounds * count) * 1e6


async def paced(server: Server, tally: Tally, customers: int) -> list[float]:
    """Raise single alerts at a steady pace; return the milliseconds each took."""
    tally.delays.clear()
    for number in range(PACED):
        tally.sent_at = time.perf_counter()
        server.raise_alerts(number % customers, number % customers)
        await tally.reach(tally.received + 1)
        await asyncio.sleep(PACE_S)
    tally.sent_at = 0.0
    return [delay * 1000 for delay in tally.delays]


def p(values: Sequence[float], share: float) -> float:
    """Return a quantile."""
    return sorted(values)[int(len(values) * share)] if values else float("nan")


async def compare(kind: str, folder: Path, count: int) -> dict[str, float]:
    """Measure one server with so many phones."""
    measured: dict[str, float] = {}
    with serving(kind, folder) as server:
        tally = Tally()
        each = phones(kind, tally, tokens_of(kind, folder, range(count)))
        await connect(server.port, phones(kind, tally, tokens_of(kind, folder, range(count, count + 50))))  # warm
        await asyncio.sleep(0.5)
        memory, started = server.memory_kib(), time.perf_counter()
        await connect(server.port, each)
        measured["connects/s"] = count / (time.perf_counter() - started)
        await asyncio.sleep(0.5)
        measured["KiB a phone"] = (server.memory_kib() - memory) / count
        await burst(server, tally, count, count - 1)  # warm
        measured["us one-to-one"] = await burst(server, tally, count, count - 1)
        await hang_up(each)
    with serving(kind, folder) as server:
        tally = Tally()
        all_one = phones(kind, tally, tokens_of(kind, folder, [0] * count))
        await connect(server.port, all_one)
        await burst(server, tally, count, 0)
        measured["us broadcast"] = await burst(server, tally, count, 0)
        tally.delays.clear()
        for _ in range(20):
            tally.sent_at = time.perf_counter()
            server.raise_alerts(0, 0)
            await tally.reach(tally.received + count)
        measured["ms broadcast p99"] = p(tally.delays, 0.99) * 1000
        await hang_up(all_one)
    with serving(kind, folder) as server:
        tally = Tally()
        few = phones(kind, tally, tokens_of(kind, folder, range(500)))
        await connect(server.port, few)
        delays = await paced(server, tally, 500)
        measured["ms paced p50"], measured["ms paced p99"] = p(delays, 0.5), p(delays, 0.99)
    return measured


async def floor(folder: Path, count: int) -> float:
    """Return the µs that writing a message takes a server that does nothing else."""
    with serving("floor", folder) as server:
        tally = Tally()
        each = phones("floor", tally, tokens_of("floor", folder, range(count)))
        await connect(server.port, each)
        await burst(server, tally, count, 0)
        return await burst(server, tally, count, 0)


async def isolation(folder: Path, kind: str = "belfry") -> str:
    """Broadcast to phones of which some read nothing; what the others wait."""
    lines = []
    for stalled_share in (0.0, STALLED_SHARE):
        with serving(kind, folder) as server:
            tally = Tally()
            some = phones(kind, tally, tokens_of(kind, folder, [0] * STALLED_PHONES))
            await connect(server.port, some)
            stalled = some[: int(STALLED_PHONES * stalled_share)]
            for phone in stalled:
                phone.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                phone.transport.pause_reading()
            reading = STALLED_PHONES - len(stalled)
            for _ in range(STALLED_ROUNDS):
                tally.sent_at = time.perf_counter()
                server.raise_alerts(0, 0)
                await tally.reach(tally.received + reading)
            late = p(tally.delays, 0.99) * 1000
            lines.append(f"{stalled_share:.0%} stalled: p99 of the others {late:.1f} ms")
            await hang_up(some)
    return "; ".join(lines)


async def storm(folder: Path, count: int, subscribes_per_s: int) -> str:
    """Cut all phones, raise three alerts for each, let all come back at once; a query is asked all the while."""
    with serving("belfry", folder, subscribes_per_s) as server:
        tally = Tally()
        tokens = tokens_of("belfry", folder, range(count))
        before = phones("belfry", tally, tokens)
        await connect(server.port, before)
        await hang_up(before)
        server.raise_alerts(0, count - 1, 3)
        await asyncio.sleep(2)
        after = [Phone(tally, phone.token, FEED, phone.cursor) for phone in before]
        asking, waits = asyncio.Event(), []

        async def ask() -> None:
            headers = {"Authorization": f"Bearer {tokens[0]}", "Host": "localhost"}
            async with aiohttp.ClientSession(headers=headers) as session:
                while not asking.is_set():
                    started = time.perf_counter()
                    url = f"http://127.0.0.1:{server.port}/graphql"
                    async with session.post(url, json={"query": "{ __typename }"}) as answer:
                        await answer.read()
                        assert answer.status == 200, await answer.text()
                    waits.append((time.perf_counter() - started) * 1000)
                    await asyncio.sleep(0.02)

        query = asyncio.create_task(ask())
        received, started = tally.received, time.perf_counter()
        await connect(server.port, after)
        took_s = time.perf_counter() - started
        missed = 3 * count - (tally.received - received)
        asking.set()
        await query
        await hang_up(after)
    limit = "no limit" if subscribes_per_s == UNPACED else f"{subscribes_per_s}/s"
    return (
        f"{count} phones back ({limit}): caught up in {took_s:.1f} s ({count / took_s:.0f}/s), {missed} alerts missing;"
        f" a query meanwhile p50 {statistics.median(waits):.1f} ms, p99 {p(waits, 0.99):.1f} ms ({len(waits)})"
    )


def show(results: dict[str, dict[str, float]]) -> None:
    """Print a table, and ratios to Belfry."""
    names = list(next(iter(results.values())))
    print(f"{'':22}" + "".join(f"{kind:>16}" for kind in results))
    for name in names:
        print(f"{name:22}" + "".join(f"{results[kind][name]:16.2f}" for kind in results))
    if "belfry" in results:
        for name in ("us one-to-one", "us broadcast", "KiB a phone"):
            ratios = "".join(f"{results[kind][name] / results['belfry'][name]:15.1f}x" for kind in results)
            print(f"{name + ', ratio':22}{ratios}")


async def measure(kinds: Sequence[str], count: int, storm_phones: int) -> None:
    """Measure and print."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    print(describe_machine())
    packages = json.loads((PEERS / "package.json").read_text())["dependencies"]
    print("peers     " + ", ".join(f"{name} {version}" for name, version in packages.items()))
    print("command   python -m bench.feed " + " ".join(sys.argv[1:]))
    with tempfile.TemporaryDirectory() as folder:
        if count:
            print(f"{count} phones:")
            results: dict[str, dict[str, float]] = {}
            for kind in kinds:
                results[kind] = await compare(kind, Path(folder), count)
                print(kind, {name: round(value, 2) for name, value in results[kind].items()}, flush=True)
            show(results)
            print(f"floor: {await floor(Path(folder), count):.1f} us a message")
        if storm_phones:
            print("slow consumers: " + await isolation(Path(folder)))
            for per_s in (UNPACED, 1_000):
                print("storm: " + await storm(Path(folder), storm_phones, per_s))


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--phones", type=int, default=2_000, help="phones of each server; 0: no comparison")
    parser.add_argument("--storm", type=int, default=10_000, help="phones that come back at once; 0: no storm")
    parser.add_argument("--only", default=",".join(KINDS), help="servers to compare, comma separated")
    given = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(measure(given.only.split(","), given.phones, given.storm))


if __name__ == "__main__":
    main()
