"""A bank around a running Belfry, as its producers and its customers' phones see it: HTTP and sockets only."""

import asyncio
import itertools
import json
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self

import aiohttp
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from bench.processes import Belfry
from gateway.demo_issuer import DemoIssuer

FEED = """
subscription Feed($after: FeedCursor) { alertFeed(after: $after) {
  __typename
  ... on AlertRaised { cursor alert { id title severity state occurredAt } }
  ... on AlertChanged { cursor alert { id state } }
  ... on FeedCaughtUp { cursor }
  ... on FeedGap { cursor reason }
} }
"""
Json = dict[str, Any]
PATIENCE_S = 120.0
"""What a journey waits for anything: on a busy machine all takes several times as long; a bound met shows nothing."""


class Bank:
    """Posts events and asks GraphQL; `number` makes ids that are never used twice."""

    def __init__(self, belfry: Belfry) -> None:
        self.belfry = belfry
        self._issuer = DemoIssuer.open(belfry.data_dir, audience="belfry")
        self._number = itertools.count()

    async def __aenter__(self) -> Self:
        self.http = self.belfry.session()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.http.close()

    def event(self, kind: str, data: Json, *, at: str = "2026-03-02T10:00:00Z", event_id: str | None = None) -> Json:
        identity = event_id or f"event-{next(self._number)}"
        return {"specversion": "1.0", "id": identity, "source": "/bank", "type": kind, "time": at, "data": data}

    def customer(self, customer_id: str, time_zone: str = "Europe/Berlin") -> Json:
        names = {"givenName": customer_id.title(), "familyName": "Tester", "locale": "de-DE"}
        place = {"timeZone": time_zone, "residencyCountry": "DE"}
        return self.event("belfry.customer.registered.v1", {"customerId": customer_id} | names | place)

    def account(self, account_id: str, *holders: str, currency: str = "EUR") -> Json:
        parties = [{"customerId": one, "role": "JOINT" if len(holders) > 1 else "OWNER"} for one in holders]
        account = {
            "accountId": account_id,
            "kind": "CACC",
            "currency": currency,
            "displayName": f"Account {account_id}",
        }
        return self.event("belfry.account.opened.v1", account | {"parties": parties, "openedOn": "2020-01-01"})

    def card(self, card_id: str, account_id: str, cardholder_id: str) -> Json:
        card = {"cardId": card_id, "accountId": account_id, "cardholderId": cardholder_id}
        return self.event("belfry.card.issued.v1", card | {"maskedPan": "************1234", "expiry": "2099-12-31"})

    def payment(self, account_id: str, amount: str, transaction_id: str, *, what: str = "booked", **more: Any) -> Json:
        money = {"amount": {"amount": amount, "currency": "EUR"}, "creditDebitIndicator": "DBIT"}
        data = {"transactionId": transaction_id, "accountId": account_id} | money | more
        name = f"belfry.payment.{what}.v1"
        return self.event(name, data, event_id=f"{transaction_id}-{what}")

    def salary(self, account_id: str) -> Json:
        """Money in the account, so that no payment takes it below zero; a deposit alarms nobody."""
        return self.payment(account_id, "100000.00", f"salary-{account_id}", creditDebitIndicator="CRDT")

    async def post(self, *events: Json) -> Json:
        """Send events as NDJSON; returns the summary. Waits and sends again while the service is away or full."""
        body = "".join(json.dumps(event) + "\n" for event in events)
        url = f"{self.belfry.urls['events']}/events"
        while True:
            try:
                async with self.http.post(url, data=body, headers={"Content-Type": "application/x-ndjson"}) as response:
                    if response.status == 200:
                        summary: Json = json.loads((await response.text()).splitlines()[-1])["summary"]
                        return summary
            except aiohttp.ClientError:
                await asyncio.sleep(0.02)

    def token(self, customer_id: str) -> str:
        return self._issuer.mint_token(customer_id)

    def short_token(self, customer_id: str, lifetime_s: float) -> str:
        return self._issuer.mint_token(customer_id, lifetime_s=lifetime_s)

    async def ask(self, customer_id: str, query: str, **variables: Any) -> Json:
        """Send a query or mutation with a token of its own; returns the whole GraphQL answer."""
        return await self.ask_with(self.token(customer_id), query, **variables)

    async def ask_with(self, token: str, query: str, /, **variables: Any) -> Json:
        """The same with a token that is given."""
        headers = {"Authorization": f"Bearer {token}"}
        body = {"query": query, "variables": variables}
        async with self.http.post(f"{self.belfry.urls['gateway']}/graphql", json=body, headers=headers) as response:
            answer: Json = await response.json(content_type=None)
            return answer

    async def applied(self, offset: int) -> None:
        """Wait until the account and analytics services have applied the log up to an offset."""
        for name in ("accounts", "analytics"):
            while True:
                try:
                    async with self.http.get(f"{self.belfry.urls[name]}/projection") as response:
                        if (await response.json())["offset"] >= offset:
                            break
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.02)

    async def settle(self, *events: Json) -> int:
        """Send events and wait until they are applied; returns the offset of the last one."""
        offset: int = (await self.post(*events))["offset"]
        await self.applied(offset)
        return offset

    async def archived(self, offset: int) -> None:
        """Wait until the log before an offset is only in the archive."""
        while True:
            async with self.http.get(f"{self.belfry.urls['events']}/log") as response:
                if (await response.json())["firstOnDisk"] >= offset:
                    return
            await asyncio.sleep(0.02)

    async def offsets(self) -> list[int]:
        """Return those of the whole log, as its readers get it."""
        url = f"{self.belfry.urls['events']}/events/stream"
        async with self.http.get(url, params={"after": "0", "limit": "0"}) as response:
            return [json.loads(line)["offset"] for line in (await response.text()).splitlines() if line]

    async def alert_log(self, customer_id: str, after: int = 0) -> list[Json]:
        url = f"{self.belfry.urls['analytics']}/alert-log"
        params = {"customerId": customer_id, "after": str(after), "limit": "1000"}
        async with self.http.get(url, params=params) as response:
            entries: list[Json] = (await response.json())["entries"]
            return entries

    @asynccontextmanager
    async def sse(self, customer_id: str, after: str | None = None) -> AsyncGenerator[AsyncGenerator[Json]]:
        """Open the alert feed as server-sent events."""
        headers = {"Authorization": f"Bearer {self.token(customer_id)}", "Accept": "text/event-stream"}
        body = {"query": FEED, "variables": {"after": after}}
        async with self.http.post(f"{self.belfry.urls['gateway']}/graphql", json=body, headers=headers) as response:
            assert response.status == 200, await response.text()
            yield _events(response)

    @asynccontextmanager
    async def websocket(self, customer_id: str, after: str | None = None) -> AsyncGenerator[AsyncGenerator[Json]]:
        """Open the alert feed over graphql-transport-ws."""
        url = self.belfry.urls["gateway"].replace("http", "ws") + "/graphql"
        async with connect(url, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
            token = {"Authorization": f"Bearer {self.token(customer_id)}"}
            await socket.send(json.dumps({"type": "connection_init", "payload": token}))
            assert json.loads(await socket.recv())["type"] == "connection_ack"
            payload = {"query": FEED, "variables": {"after": after}}
            await socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": payload}))

            async def events() -> AsyncGenerator[Json]:
                async for text in socket:
                    message = json.loads(text)
                    if message["type"] == "next":
                        yield message["payload"]["data"]["alertFeed"]

            yield events()


async def _events(response: aiohttp.ClientResponse) -> AsyncGenerator[Json]:
    async for line in response.content:
        if line.startswith(b"data: "):
            yield json.loads(line[6:])["data"]["alertFeed"]


async def take(items: AsyncGenerator[Json], count: int) -> list[Json]:
    """Return the next `count` feed events."""
    return [await anext(items) for _ in range(count)]


def kinds(items: Iterable[Json]) -> list[str]:
    return [item["__typename"] for item in items]
