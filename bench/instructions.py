"""What a request costs the gateway, counted instead of timed: the same on a busy machine as on an idle one.

The gateway runs as in `bench.peers`, whole, within valgrind, which counts the instructions of its own code (not the
kernel's) and simulates the processor's caches: 32 KiB for instructions and 48 for data, then 2 MiB. A change of one per
cent is seen in one run. What it does not see: how far ahead a processor guesses, and what misses cost it.

    python -m bench.instructions [--cases trivial,dashboard] [--seconds 20] [--connections 16]

Needs `valgrind` (Debian's package). A request takes some fifty times as long.
"""

import argparse
import asyncio
import os
import re
import subprocess
import tempfile
from pathlib import Path

import uvloop

from bench.machine import describe_machine
from bench.peers.__main__ import CASES, LOAD_CORE, bodies_of, first_answer, launch, rotating, tokens_of
from bench.peers.load import load, request_bytes
from bench.peers.upstream import Upstream
from bench.processes import free_ports

READY_S_MAX = 300.0
CACHES = {"I1": "32768,8,64", "D1": "49152,12,64", "LL": "2097152,16,64"}
MISSES = {"first caches": ("I1mr", "D1mr", "D1mw"), "second cache": ("ILmr", "DLmr", "DLmw")}


def _counted(file: Path) -> dict[str, int]:
    """Return the totals of a dump of callgrind, by event."""
    lines = dict(re.findall(r"^(events|totals|summary): (.*)$", file.read_text(), re.MULTILINE))
    totals = lines.get("totals") or lines["summary"]
    return dict(zip(lines["events"].split(), map(int, totals.split()), strict=True))


def _control(pid: int, *command: str) -> None:
    subprocess.run(
        ["callgrind_control", *command, str(pid)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


async def count(case: str, folder: Path, tokens: list[str], options: argparse.Namespace) -> str:
    """Return the row of one case."""
    upstream, (upstream_port,) = Upstream(), free_ports(1)
    listening = await upstream.serve(upstream_port)
    dump = folder / "counts"
    caches = [f"--{name}={size}" for name, size in CACHES.items()]
    valgrind = ["valgrind", "-q", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={dump}"]
    through = [*valgrind, f"--log-file={folder / 'valgrind.log'}", "--cache-sim=yes", *caches]
    server = launch("belfry", CASES[case][2], upstream_port, folder, through)
    body = bodies_of(case)
    try:
        await first_answer(server, request_bytes(server.port, tokens[0], body), READY_S_MAX)
        requests = rotating(server.port, tokens, body)
        await load(server.port, requests, connections=options.connections, seconds=options.seconds)
        await asyncio.to_thread(_control, server.process.pid, "-i", "on")
        measured = await load(server.port, requests, connections=options.connections, seconds=options.seconds)
        await asyncio.to_thread(_control, server.process.pid, "-d")
    finally:
        server.process.terminate()
        await asyncio.to_thread(server.process.wait, READY_S_MAX)
        listening.close()
    counted = _counted(dump.with_name("counts.1"))
    missed = [sum(counted[event] for event in events) for events in MISSES.values()]
    figures = [one / measured.requests for one in (counted["Ir"], *missed)]
    return f"| {case} | {' | '.join(f'{one:,.0f}' for one in figures)} | {measured.requests} |"


async def measure(options: argparse.Namespace) -> None:
    """Count the cases one after the other."""
    os.sched_setaffinity(0, {LOAD_CORE})
    print(describe_machine())
    print(f"command   python -m bench.instructions; {options.connections} connections")
    print(f"| case | instructions | misses of the {' | of the '.join(MISSES)} | requests counted |")
    print("|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        tokens = tokens_of(Path(folder))
        for case in options.cases.split(","):
            print(await count(case, Path(folder), tokens, options), flush=True)


def main() -> None:
    """Read the options and count."""
    parser = argparse.ArgumentParser(description="Count what a request costs the gateway.")
    parser.add_argument("--cases", default="trivial,dashboard,memory")
    parser.add_argument("--seconds", type=float, default=20.0, help="of load counted, after as much to warm up")
    parser.add_argument("--connections", type=int, default=16)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(measure(parser.parse_args()))


if __name__ == "__main__":
    main()
