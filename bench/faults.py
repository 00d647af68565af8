"""The dashboard while one service is slow or fails, against the same without: `make bench-faults`.

All four processes run; between the gateway and one service stands another that delays or fails its calls. Requests
come at a steady pace, whether or not earlier ones are answered:
  healthy    the calls are passed on
  slow       each is passed on after 2 s, longer than a try may take
  failing    of each two, one is answered 503 or cut
Every answer must be there within the deadline, with the accounts in it, and every error typed.

    python -m bench.faults [--service analytics] [--rate 20] [--seconds 15]
"""

import argparse
import asyncio
import json
import random
import tempfile
import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from bench.feed_latency import post_event, references
from bench.machine import describe_machine
from bench.processes import Belfry, prepare
from contracts.settings import Settings
from gateway.demo_issuer import DemoIssuer
from gateway.execution import HARD_STOP_S

DASHBOARD = (Path(__file__).parent.parent / "schema" / "operations" / "Dashboard.graphql").read_text()
VARIABLES = {"period": {"start": "2026-11-01", "end": "2026-11-30"}}
MODES = ("healthy", "slow", "failing")
SLOW_S = 2.0
TYPED = {"UNAVAILABLE", "TIMED_OUT", "SHED"}
DEADLINE_S = Settings().request_timeout_s + HARD_STOP_S


class FaultyWay:
    """Passes calls on to a service as its mode says; live streams and health always."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url = url
        self._session = session
        self._random = random.Random(7)
        self.mode = "healthy"
        self.calls = 0

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one call."""
        if not request.path.endswith("/stream") and not request.path.startswith("/health"):
            self.calls += 1
            if self.mode == "slow":
                await asyncio.sleep(SLOW_S)
            elif self.mode == "failing" and self._random.random() < 0.5:
                if request.transport is not None and self._random.random() < 0.5:
                    request.transport.close()
                return web.Response(status=503)
        headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
        body = await request.read()
        async with self._session.request(
            request.method, self._url + request.path_qs, headers=headers, data=body
        ) as answer:
            response = web.StreamResponse(status=answer.status, headers={"Content-Type": answer.content_type})
            with suppress(ConnectionError):  # the gateway no longer waits
                await response.prepare(request)
                async for chunk in answer.content.iter_any():
                    await response.write(chunk)
            return response


@asynccontextmanager
async def _faulty(url: str) -> AsyncGenerator[tuple[FaultyWay, str]]:
    """Serve a faulty way to `url`, and its own URL."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session:
        way = FaultyWay(url, session)
        runner = web.ServerRunner(web.Server(way.handle))
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            yield way, f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()


async def _ask(session: aiohttp.ClientSession, url: str, token: str, kinds: Counter[str]) -> float:
    """Ask for the dashboard once; return its seconds and count what kind of answer it was."""
    headers = {"Authorization": f"Bearer {token}"}
    started = time.perf_counter()
    async with session.post(
        f"{url}/graphql", json={"query": DASHBOARD, "variables": VARIABLES}, headers=headers
    ) as response:
        answer: dict[str, Any] = json.loads(await response.read())
    seconds = time.perf_counter() - started
    assert seconds <= DEADLINE_S, f"answered after {seconds:.1f} s"
    assert answer["data"]["viewer"]["accounts"], answer
    codes = {error["extensions"]["code"] for error in answer.get("errors", ())}
    assert codes <= TYPED, answer["errors"]
    kind = "partial" if codes else "whole"
    kinds[f"{kind} with insights from earlier" if "stale" in answer.get("extensions", {}) else kind] += 1
    return seconds


async def _load(url: str, token: str, rate: float, seconds: float) -> tuple[list[float], Counter[str]]:
    kinds: Counter[str] = Counter()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        asking = []
        started = time.perf_counter()
        for number in range(int(rate * seconds)):
            await asyncio.sleep(max(0.0, started + number / rate - time.perf_counter()))
            asking.append(asyncio.create_task(_ask(session, url, token, kinds)))
        return sorted(await asyncio.gather(*asking)), kinds


async def _settle(url: str, token: str) -> None:
    """Ask until answers are whole again."""
    async with aiohttp.ClientSession() as session, asyncio.timeout(60):
        whole = 0
        while whole < 5:
            kinds: Counter[str] = Counter()
            with suppress(AssertionError):  # the events are not everywhere yet
                await _ask(session, url, token, kinds)
            whole = whole + 1 if kinds["whole"] else 0
            await asyncio.sleep(0.1)


async def _run(belfry: Belfry, way: FaultyWay, rate: float, seconds: float) -> None:
    url, token = belfry.urls["gateway"], DemoIssuer.open(belfry.data_dir, audience="belfry").mint_token("anna")
    async with aiohttp.ClientSession() as session:
        for event in references():
            await post_event(session, belfry.urls["events"], event)
    await _settle(url, token)
    await _load(url, token, rate, 3)  # warms up
    print(f"\n{rate:g} requests a second for {seconds:g} s each; ms, and kinds of answers")
    for mode in MODES:
        way.mode = "healthy"
        await _settle(url, token)
        way.mode, way.calls = mode, 0
        taken, kinds = await _load(url, token, rate, seconds)
        p50, p95, p99 = (taken[int(len(taken) * share)] * 1000 for share in (0.5, 0.95, 0.99))
        shown = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        print(
            f"  {mode:8} p50 {p50:7.1f}  p95 {p95:7.1f}  p99 {p99:7.1f}  max {taken[-1] * 1000:7.1f}   {shown}; "
            f"{way.calls} calls to the service"
        )


async def measure(service: str, rate: float, seconds: float) -> None:
    """Run all modes on a fresh Belfry."""
    print(describe_machine())
    with tempfile.TemporaryDirectory(prefix="belfry-bench-") as folder:
        belfry = prepare(Path(folder))
        try:
            async with _faulty(belfry.urls[service]) as (way, url):
                await belfry.start("events", "accounts", "analytics")
                belfry.environment[f"BELFRY_{service.upper()}_URL"] = url
                await belfry.start("gateway")
                await _run(belfry, way, rate, seconds)
        finally:
            belfry.stop()


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(prog="bench.faults", description="The dashboard while a service is in trouble.")
    parser.add_argument("--service", choices=["analytics", "events"], default="analytics", help="the one in trouble")
    parser.add_argument("--rate", type=float, default=20.0, help="requests a second")
    parser.add_argument("--seconds", type=float, default=15.0, help="how long each mode lasts")
    arguments = parser.parse_args()
    asyncio.run(measure(arguments.service, arguments.rate, arguments.seconds))


if __name__ == "__main__":
    main()
