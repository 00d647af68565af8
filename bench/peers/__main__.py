"""Belfry beside other GraphQL servers: `make bench-peers`.

Every server answers the same queries over the same upstream, alone on one core; upstream and load share the other. The
answers are compared before anything is measured: byte for byte, Python's peers after their spaces are taken out. Rounds
alternate between the servers, customers rotate, every customer has a token of their own. Belfry runs with its whole
edge (tokens verified, limits, rates, cost, audit, metrics); the peers take the customer from the token unverified.
One case asks for the same spending twice in a request, of Belfry with identical reads coalesced and without.

    python -m bench.peers [--rounds 3] [--seconds 1.5] [--servers belfry,apollo] [--cases trivial,dashboard]
"""

import argparse
import asyncio
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import orjson
import uvloop

from bench.machine import cpu_s_of, describe_machine
from bench.peers.load import Load, ask_once, load, request_bytes
from bench.peers.upstream import CUSTOMERS, PERIOD, Upstream
from bench.processes import free_ports
from contracts.scopes import TokenScope
from gateway.demo_issuer import DemoIssuer

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SERVER_CORE, LOAD_CORE = 0, 1
CONNECTIONS = 16
READY_S_MAX = 30.0

TRIVIAL = "{ hello }"
LIST = "{ posts { title author { name } } }"
DASHBOARD = """
query Dashboard($period: PeriodInput!) {
  viewer {
    accounts {
      __typename id displayName currency
      transactions(first: 20) {
        nodes {
          id status creditDebitIndicator amount { amount currency } bookingDate occurredAt
          merchant { name category } counterparty remittanceInformation category
        }
      }
    }
    spending(period: $period) { total { amount currency } groups { key total { amount currency } transactionCount } }
    alerts(first: 20) { nodes { __typename id severity state title body occurredAt } }
  }
}
"""
TWICE = """
query Twice($period: PeriodInput!) {
  viewer {
    now: spending(period: $period) { total { amount currency } groups { key total { amount currency } } }
    again: spending(period: $period) { total { amount currency } groups { key transactionCount } }
  }
}
"""
CASES = {
    "trivial": (TRIVIAL, {}, "http"),
    "list": (LIST, {}, "http"),
    "dashboard": (DASHBOARD, {"period": PERIOD}, "http"),
    "twice": (TWICE, {"period": PERIOD}, "http"),
    "memory": (DASHBOARD, {"period": PERIOD}, "memory"),
}
SERVERS = {
    "belfry": "Belfry, whole edge",
    "apart": "Belfry, nothing coalesced",
    "apollo": "Apollo Server",
    "yoga": "GraphQL Yoga with JIT",
    "mercurius": "Mercurius with JIT",
    "stock": "Strawberry, httpx",
    "ariadne": "Ariadne, httpx",
}
COALESCING = "twice"
"""The case where one request asks for the same thing twice at once: the only one where nothing coalesced differs."""
PYTHON = {"stock": "bench.peers.stock_server", "ariadne": "bench.peers.ariadne_server"}


@dataclass
class Server:
    """A running server and what was measured of it."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    loads: list[Load] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)

    def cpu_s(self) -> float:
        """Return the CPU time it has used."""
        return cpu_s_of(self.process.pid)

    def memory_mb(self) -> float:
        """Return its resident memory."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def launch(name: str, source: str, upstream_port: int, folder: Path, through: Sequence[str] = ()) -> Server:
    """Start a server on its core, where it is said through another program that runs it."""
    (port,) = free_ports(1)
    given = [str(port), str(upstream_port), source]
    if name in ("belfry", "apart"):
        command = [sys.executable, "-m", "bench.peers.belfry_server", *given, str(folder), name]
    elif name in PYTHON:
        command = [sys.executable, "-m", PYTHON[name], *given]
    else:
        command = [str(ROOT / "ide" / "with-node"), "node", str(HERE / "server.mjs"), name, *given]
    environment = {**os.environ, "NODE_ENV": "production"}
    pinned = ["taskset", "--cpu-list", str(SERVER_CORE), *through, *command]
    return Server(name, port, subprocess.Popen(pinned, cwd=ROOT, env=environment))


def tokens_of(folder: Path) -> list[str]:
    """Return a token for each customer, which a Belfry over that folder takes."""
    issuer = DemoIssuer.open(folder, audience="belfry")
    scopes = [scope.value for scope in TokenScope]
    return [issuer.mint_token(f"c{n}", scopes) for n in range(CUSTOMERS)]


def bodies_of(case: str) -> bytes:
    """Return the request body of a case."""
    query, variables, _ = CASES[case]
    return orjson.dumps({"query": query, "variables": variables})


async def first_answer(server: Server, request: bytes, ready_s_max: float = READY_S_MAX) -> str:
    """Wait until the server answers, and return what."""
    async with asyncio.timeout(ready_s_max):
        while True:
            if server.process.poll() is not None:
                raise RuntimeError(f"{server.name} ended")
            try:
                answer = await ask_once(server.port, request)
            except OSError:
                await asyncio.sleep(0.05)
                continue
            status, _, body = answer.partition(b" ")
            if status != b"200":
                raise RuntimeError(f"{server.name} answered {answer[:500]!r}")
            text = json.dumps(json.loads(body), separators=(",", ":"), ensure_ascii=False)
            if server.name not in PYTHON and text.encode() != body.rstrip(
                b"\n"
            ):  # Apollo ends its answers with a line end
                raise RuntimeError(f"{server.name} does not answer compactly")
            return text


def rotating(port: int, tokens: list[str], body: bytes) -> Iterator[bytes]:
    """Return requests of one customer after the other, for ever."""
    return itertools.cycle([request_bytes(port, token, body) for token in tokens])


async def compare(
    case: str, names: list[str], tokens: list[str], folder: Path, options: argparse.Namespace
) -> list[Server]:
    """Run one case on every server in alternating rounds."""
    upstream, (upstream_port,) = Upstream(), free_ports(1)
    listening = await upstream.serve(upstream_port)
    body = bodies_of(case)
    servers = [launch(name, CASES[case][2], upstream_port, folder) for name in names]
    try:
        answers = defaultdict(list)
        calls = {}
        for server in servers:
            text = await first_answer(server, request_bytes(server.port, tokens[0], body))
            before = upstream.calls
            assert await first_answer(server, request_bytes(server.port, tokens[1], body))
            calls[server.name] = upstream.calls - before
            answers[text].append(server.name)
        if len(answers) > 1:
            raise RuntimeError(f"{case}: the servers answer differently: {list(answers.values())}")
        print(f"\n### {case}: {len(next(iter(answers)))} bytes, downstream calls {calls}", flush=True)
        requests = {server.name: rotating(server.port, tokens, body) for server in servers}
        for server in servers:
            await load(server.port, requests[server.name], connections=CONNECTIONS, seconds=options.warm_up)
        for _ in range(options.rounds):
            for server in servers:
                before_s = server.cpu_s()
                measured = await load(
                    server.port, requests[server.name], connections=CONNECTIONS, seconds=options.seconds
                )
                server.loads.append(measured)
                server.cpu_us.append((server.cpu_s() - before_s) * 1e6 / measured.requests)
        report(servers)
        return servers
    finally:
        for server in servers:
            server.process.terminate()
        for server in servers:
            server.process.wait(10)
        listening.close()


def report(servers: list[Server]) -> None:
    """Print what was measured of each server, and its ratio to the first."""
    print("| server | requests/s | p50 ms | p99 ms | CPU µs/request | memory MB | requests/s, of Belfry's |")
    print("|---|---|---|---|---|---|---|")
    first = median(one.rate for one in servers[0].loads)
    for server in servers:
        rate = median(one.rate for one in server.loads)
        p50, p99 = (median(one.percentile(share) for one in server.loads) for share in (0.5, 0.99))
        print(
            f"| {SERVERS[server.name]} | {rate:,.0f} | {p50:.1f} | {p99:.1f} | {median(server.cpu_us):,.0f} "
            f"| {server.memory_mb():.0f} | {rate / first:.2f} |",
            flush=True,
        )


def versions() -> str:
    """Return the peers' versions, as pinned."""
    pinned = json.loads((HERE / "package.json").read_text())["dependencies"]
    return ", ".join(f"{name} {version}" for name, version in pinned.items())


async def measure(options: argparse.Namespace) -> None:
    """Run the cases."""
    os.sched_setaffinity(0, {LOAD_CORE})
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)  # so that no server is left behind
    print(describe_machine())
    print(f"peers     {versions()}")
    print(
        f"command   python -m bench.peers --rounds {options.rounds} --seconds {options.seconds}; "
        f"{CONNECTIONS} connections, {CUSTOMERS} customers"
    )
    with tempfile.TemporaryDirectory() as folder:
        tokens = tokens_of(Path(folder))
        for case in options.cases.split(","):
            names = [name for name in options.servers.split(",") if name != "apart" or case == COALESCING]
            await compare(case, names, tokens, Path(folder), options)


def main() -> None:
    """Read the options and measure."""
    parser = argparse.ArgumentParser(description="Measure Belfry beside other GraphQL servers.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.5, help="of load on each server in each round")
    parser.add_argument("--warm-up", type=float, default=1.5, help="seconds of load before the first round")
    parser.add_argument(
        "--servers", default=",".join(SERVERS), help="which, the first being what others are compared to"
    )
    parser.add_argument("--cases", default=",".join(CASES))
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(measure(options))


if __name__ == "__main__":
    main()
