"""From posting an event to its alert at a subscriber of `alertFeed`, all four processes running: `make bench-latency`.

    python -m bench.feed_latency [--alerts 300] [--rate 20]

One phone listens over server-sent events and one over WebSocket; events come singly, at a steady pace.
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp

from bench.machine import describe_machine
from bench.processes import Belfry, running
from gateway.demo_issuer import DemoIssuer

FEED = """subscription { alertFeed { __typename
  ... on AlertRaised { cursor alert { id title ... on LargeTransactionAlert { transaction { id } } } }
  ... on FeedCaughtUp { cursor } } }"""


def _event(event_id: str, kind: str, data: dict[str, Any]) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat()
    return {"specversion": "1.0", "id": event_id, "source": "/bench", "type": kind, "time": now, "data": data}


def references() -> list[dict[str, Any]]:
    """Return the events of one customer with one account and enough on it."""
    names = {"givenName": "Anna", "familyName": "Bench", "locale": "de-DE"}
    customer = {"customerId": "anna", "timeZone": "Europe/Berlin", "residencyCountry": "DE"} | names
    account = {"accountId": "main", "kind": "CACC", "currency": "EUR", "displayName": "Main", "openedOn": "2020-01-01"}
    parties = [{"customerId": "anna", "role": "OWNER"}]
    return [
        _event("customer", "belfry.customer.registered.v1", customer),
        _event("account", "belfry.account.opened.v1", account | {"parties": parties}),
        _payment(-1, 100_000_000, "CRDT"),  # so that no payment takes the balance below zero: an alert of its own
    ]


def _payment(number: int, amount_major: int = 2000, direction: str = "DBIT") -> dict[str, Any]:
    amount = {"amount": {"amount": f"{amount_major}.00", "currency": "EUR"}, "creditDebitIndicator": direction}
    return _event(
        f"p{number}", "belfry.payment.booked.v1", {"transactionId": f"t{number}", "accountId": "main"} | amount
    )


async def post_event(session: aiohttp.ClientSession, url: str, event: dict[str, Any]) -> None:
    """Post an event and wait until it is stored."""
    headers = {"Content-Type": "application/cloudevents+json"}
    async with session.post(f"{url}/events", data=json.dumps(event), headers=headers) as response:
        response.raise_for_status()
        await response.read()


async def _listen_sse(session: aiohttp.ClientSession, url: str, token: str) -> AsyncGenerator[str]:
    headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
    timeout = aiohttp.ClientTimeout(total=None)
    async with session.post(f"{url}/graphql", json={"query": FEED}, headers=headers, timeout=timeout) as response:
        async for line in response.content:
            if line.startswith(b"data: "):
                yield line.decode()


async def _listen_ws(session: aiohttp.ClientSession, url: str, token: str) -> AsyncGenerator[str]:
    async with session.ws_connect(f"{url}/graphql", protocols=["graphql-transport-ws"]) as socket:
        await socket.send_json({"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}})
        await socket.receive()
        await socket.send_json({"type": "subscribe", "id": "1", "payload": {"query": FEED}})
        async for message in socket:
            yield message.data


async def _collect(items: AsyncGenerator[str], ready: asyncio.Event, arrivals: list[float], count: int) -> None:
    async for text in items:
        if "FeedCaughtUp" in text:
            ready.set()
        elif "AlertRaised" in text:
            arrivals.append(time.perf_counter())
            if len(arrivals) == count:
                return


def _describe(name: str, sent: list[float], arrivals: list[float]) -> str:
    delays = sorted((at - start) * 1000 for start, at in zip(sent, arrivals, strict=True))
    p50, p99 = delays[len(delays) // 2], delays[int(len(delays) * 0.99)]
    return (
        f"{name:9} {len(delays)} alerts: posted to received p50 {p50:.1f} ms, p99 {p99:.1f} ms, max {delays[-1]:.1f} ms"
    )


async def _run(belfry: Belfry, session: aiohttp.ClientSession, alerts: int, rate: float) -> None:
    token = DemoIssuer.open(belfry.data_dir, audience="belfry").mint_token("anna")
    for event in references():
        await post_event(session, belfry.urls["events"], event)
    listeners = {"SSE": _listen_sse, "WebSocket": _listen_ws}
    arrivals: dict[str, list[float]] = {name: [] for name in listeners}
    ready = {name: asyncio.Event() for name in listeners}
    url = belfry.urls["gateway"]
    collecting = [
        asyncio.create_task(_collect(listen(session, url, token), ready[name], arrivals[name], alerts))
        for name, listen in listeners.items()
    ]
    await asyncio.gather(*(one.wait() for one in ready.values()))
    sent: list[float] = []
    for number in range(alerts):
        sent.append(time.perf_counter())
        await post_event(session, belfry.urls["events"], _payment(number))
        await asyncio.sleep(max(0.0, sent[0] + (number + 1) / rate - time.perf_counter()))
    await asyncio.wait_for(asyncio.gather(*collecting), 30)
    for name, times in arrivals.items():
        print(_describe(name, sent, times))


async def measure(alerts: int, rate: float) -> None:
    """Run it on a fresh Belfry: `alerts` events worth one each, at `rate` a second."""
    print(describe_machine())
    with tempfile.TemporaryDirectory(prefix="belfry-bench-") as folder:
        names = ("events", "accounts", "analytics", "gateway")
        async with running(Path(folder), *names) as belfry, aiohttp.ClientSession() as session:
            await _run(belfry, session, alerts, rate)


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(
        prog="bench.feed_latency", description=__doc__.splitlines()[0] if __doc__ else None
    )
    parser.add_argument("--alerts", type=int, default=300, help="how many")
    parser.add_argument("--rate", type=float, default=20.0, help="events per second")
    arguments = parser.parse_args()
    asyncio.run(measure(arguments.alerts, arguments.rate))


if __name__ == "__main__":
    main()
