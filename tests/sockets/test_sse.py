"""Facts about event streams, over a real socket."""

import asyncio
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from gateway.demo_issuer import DemoIssuer
from tests.sockets.conftest import Serve

COUNT = "subscription($after: String) { count(to: 3, after: $after) { name cursor } }"


async def stream(address: str, token: str, query: str, **headers: str) -> httpx.Response:
    given = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream", **headers}
    async with httpx.AsyncClient(timeout=5) as client:
        return await client.post(f"http://{address}/graphql", json={"query": query}, headers=given)


async def test_a_subscription_is_a_stream_of_events(address: str, token: str) -> None:
    """Events with the cursor as id, complete at the end, nothing for proxies to buffer."""
    response = await stream(address, token, COUNT)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["x-accel-buffering"] == "no"
    assert 'id: c1\nevent: next\ndata: {"data":{"count":{"name":"1","cursor":"c1"}}}\n\n' in response.text
    assert response.text.endswith("event: complete\ndata:\n\n")


async def test_last_event_id_resumes(address: str, token: str) -> None:
    """The variable bound to `after` takes the id that EventSource repeats."""
    response = await stream(address, token, COUNT, **{"Last-Event-ID": "c2"})
    assert response.text.count("event: next") == 1
    assert "id: c3" in response.text


async def test_a_last_event_id_that_cannot_be_is_not_overlooked(address: str, token: str) -> None:
    """However long: beginning anew without a word would lose what came in between."""
    response = await stream(address, token, COUNT, **{"Last-Event-ID": "c" * 2_000})
    assert '"errors"' in response.text
    assert "id: c1" not in response.text


async def test_a_query_is_one_event(address: str, token: str) -> None:
    """Where the client prefers a stream, it gets one."""
    response = await stream(address, token, "{ hello }")
    assert response.text.count("event: next") == response.text.count("event: complete") == 1


@pytest.mark.parametrize("query", ["{", "{ nothing }", "query($n: Int!) { item(size: $n) { name } }"])
async def test_a_refused_operation_is_told_in_the_stream(address: str, token: str, query: str) -> None:
    """As next with errors and complete, which is what graphql-sse shows its user."""
    response = await stream(address, token, query)
    assert 'data: {"errors":' in response.text
    assert response.text.endswith("event: complete\ndata:\n\n")


async def test_mentioning_a_stream_is_not_preferring_it(address: str, token: str) -> None:
    """What urql sends gets one plain answer."""
    accept = "application/graphql-response+json, application/json, text/event-stream"
    response = await stream(address, token, "{ hello }", Accept=accept)
    assert response.headers["content-type"].startswith("application/graphql-response+json")


async def test_a_subscription_needs_a_stream(address: str, token: str) -> None:
    """406 for a client that accepts JSON only."""
    assert (await stream(address, token, COUNT, Accept="application/json")).status_code == 406


async def test_an_expiring_token_ends_the_stream(address: str, issuer: DemoIssuer) -> None:
    """With an error that says so, and complete."""
    response = await stream(
        address, issuer.mint_token("customer-1", lifetime_s=-29.4), "subscription { silent { name } }"
    )
    assert '"UNAUTHENTICATED"' in response.text
    assert response.text.endswith("event: complete\ndata:\n\n")


async def test_streams_are_bounded_and_freed(address: str, app: Starlette, token: str) -> None:
    """One more than allowed gets 429; a client that leaves makes room."""
    app.state.streams.customers._most = 1
    headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
    body = {"query": "subscription { silent { name } }"}
    url = f"http://{address}/graphql"
    async with httpx.AsyncClient() as client, client.stream("POST", url, json=body, headers=headers) as first:
        assert first.status_code == 200
        refused = await stream(address, token, COUNT)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "5")
    async with asyncio.timeout(2):
        while (await stream(address, token, COUNT)).status_code == 429:
            pass  # until the server has noticed that the client left


async def test_an_open_stream_keeps_no_headers(app: Starlette, serve: Serve, token: str) -> None:
    """Nor the token in them: ten thousand streams would keep ten thousand of each."""
    scopes: list[Scope] = []

    async def noting(scope: Scope, receive: Receive, send: Send) -> None:
        scopes.append(scope)
        await app(scope, receive, send)

    headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
    body = {"query": "subscription { silent { name } }"}
    noted: Any = noting
    async with (
        serve(noted) as address,
        httpx.AsyncClient() as client,
        client.stream("POST", f"http://{address}/graphql", json=body, headers=headers) as response,
    ):
        assert response.status_code == 200
        kept = [scope["headers"] for scope in scopes if scope["type"] == "http"]
    assert kept == [[]]


async def test_a_silent_stream_has_heartbeats(address: str, app: Starlette, token: str) -> None:
    """Comments keep the connection while nothing happens."""
    app.state.streams.heartbeat_s = 0.01
    headers: dict[str, Any] = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
    body = {"query": "subscription { silent { name } }"}
    async with (
        httpx.AsyncClient() as client,
        client.stream("POST", f"http://{address}/graphql", json=body, headers=headers) as response,
    ):
        heard = b""
        async for chunk in response.aiter_raw():
            heard += chunk
            if heard.count(b":\n\n") >= 3:
                break
    assert b"event" not in heard


async def test_a_line_stands_before_anything_happens(address: str, token: str) -> None:
    """Headers and a first comment come at once, and ask proxies to hold nothing back."""
    headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
    body = {"query": "subscription { silent { name } }"}
    async with (
        asyncio.timeout(5),  # less than a heartbeat
        httpx.AsyncClient() as client,
        client.stream("POST", f"http://{address}/graphql", json=body, headers=headers) as response,
    ):
        assert response.headers["x-accel-buffering"] == "no"
        assert response.headers["cache-control"] == "no-store, no-transform"
        assert await anext(response.aiter_raw()) == b":\n\n"
