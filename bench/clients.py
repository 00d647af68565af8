"""What a call to a service costs the gateway: CPU of the client's process per call: `make bench-clients`.

Another process answers every request with the same bytes. In turn, round after round, 32 calls at a time:
  aiohttp      the floor: a bare session, headers made once, the body read
  connector    the same through httpx's transport interface (clients/transport.py)
  Belfry       a typed client: deadline, retries, hedges, circuit and all of clients/backends.py, decoded
  httpx        AsyncClient with its defaults, decoded by the same decoder

    python -m bench.clients [--rounds 7] [--calls 4000]
"""

import argparse
import asyncio
import gc
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Generator
from contextlib import AsyncExitStack, contextmanager
from typing import cast

import aiohttp
import httpx
import msgspec
import uvloop
import yarl

from bench.machine import describe_machine
from clients.accounts import BALANCES
from clients.backends import backends_over
from clients.deadline import Errand
from clients.http_transport import HttpTransport
from clients.transport import URL, Heading, PreparedRequest
from clients.tries import Tries
from contracts.accounts import Balance
from contracts.money import Money
from contracts.settings import Settings
from contracts.vocabulary import BalanceType, CreditDebitIndicator
from gateway.server import GC_THRESHOLDS

AT_A_TIME = 32
TOKEN = "t" * 600
IDS = [f"account-{number}" for number in range(5)]
BALANCES_OF_IDS = [
    Balance(id, BalanceType.INTERIM_AVAILABLE, Money("50.00", "EUR"), CreditDebitIndicator.CREDIT) for id in IDS
]
BODY = msgspec.json.encode(BALANCES_OF_IDS)
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(BODY) + BODY
QUERY = [("accountId", id) for id in IDS]

Way = Callable[[], Awaitable[object]]


class _Serving(asyncio.Protocol):
    """Answers what ends in an empty line: requests without a body."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass
        self._tail = b""

    def data_received(self, data: bytes) -> None:
        received = self._tail + data
        requests = received.count(b"\r\n\r\n")
        self._tail = received[received.rfind(b"\r\n\r\n") + 4 :] if requests else received
        if requests:
            self._transport.write(ANSWER * requests)


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(_Serving, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def _answering() -> Generator[str]:
    """Run the process that answers; its address."""
    command = [sys.executable, "-m", "bench.clients", "--serve"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.terminate()
        process.wait(10)


async def _ways(url: str, opened: AsyncExitStack) -> dict[str, Way]:
    headers = {"accept": "application/json", "accept-encoding": "identity", "authorization": f"Bearer {TOKEN}"}
    path = BALANCES.target(QUERY)
    session = await opened.enter_async_context(aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()))
    connector = await opened.enter_async_context(HttpTransport())
    client = await opened.enter_async_context(httpx.AsyncClient(headers=headers))
    belfry = backends_over(connector, Settings(accounts_url=url, service_token=TOKEN)).accounts
    address, parsed, tries = yarl.URL(url + path), URL(url), Tries(connector, 1.0)
    heading = Heading([("host", parsed.netloc.decode()), *headers.items()])

    async def bare() -> object:
        async with session.get(address, headers=headers) as response:
            return await response.read()

    async def connected() -> object:
        request = PreparedRequest(BALANCES, Errand.of("anna", 5.0), parsed, url, heading, path)
        return (await tries.handle_async_request(request)).body or b""

    async def whole() -> object:
        return await belfry.balances(IDS, Errand.of("anna", 5.0))

    async def library() -> object:
        response = await client.get(url + BALANCES.target(QUERY))
        return BALANCES.decoder.decode(response.content)

    return {"aiohttp": bare, "connector": connected, "Belfry": whole, "httpx": library}


async def _microseconds(way: Way, calls: int) -> float:
    """Return this process's CPU time for one call."""

    async def repeat() -> None:
        for _ in range(calls // AT_A_TIME):
            await way()

    gc.collect()
    started = time.process_time_ns()
    await asyncio.gather(*(repeat() for _ in range(AT_A_TIME)))
    return (time.process_time_ns() - started) / (calls // AT_A_TIME * AT_A_TIME) / 1000


async def measure(rounds: int, calls: int) -> None:
    """Measure all ways."""
    print(describe_machine())
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    async with AsyncExitStack() as opened:
        ways = await _ways(opened.enter_context(_answering()), opened)
        assert await ways["Belfry"]() == await ways["httpx"]() == BALANCES_OF_IDS
        taken: dict[str, list[float]] = {name: [] for name in ways}
        for round_ in range(rounds + 1):
            for name, way in ways.items():
                taken_us = await _microseconds(way, calls)
                if round_:  # the first one warms up
                    taken[name].append(taken_us)
    floor = statistics.median(taken["aiohttp"])
    print(f"\n{len(BODY)} bytes, {AT_A_TIME} calls at a time; CPU µs per call")
    for name, values in taken.items():
        median = statistics.median(values)
        print(
            f"  {name:10} {median:7.1f}  (min {min(values):.1f}, max {max(values):.1f})  "
            f"{median / floor:5.2f}x bare, {median - floor:+.1f} µs"
        )


def main() -> None:
    """Read the options and measure."""
    parser = argparse.ArgumentParser(description="Measure a call to a service against its floor.")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--calls", type=int, default=4000)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve() if options.serve else measure(options.rounds, options.calls))


if __name__ == "__main__":
    main()
