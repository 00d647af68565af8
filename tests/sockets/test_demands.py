"""Scopes and step-up as clients on a socket meet them."""

import asyncio
import json
import time

import aiohttp
import httpx

from gateway.demo_issuer import DemoIssuer
from gateway.websocket_protocol import SUBPROTOCOL
from tests.sockets.test_websocket import hear, let_in, opened, say
from tests.unit.gateway.test_demands import FREEZE, bearer

SENSITIVE = {"query": "subscription { sensitive { name } }"}
STEP_UP_MAX_AGE_S = 300


async def test_over_a_socket_the_operation_ends_and_the_socket_stays(address: str, issuer: DemoIssuer) -> None:
    """An `error` message, then the next operation runs."""
    token = bearer(issuer, "cards", age_s=301)
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"http://{address}/graphql", protocols=[SUBPROTOCOL]) as socket,
    ):
        await socket.send_json({"type": "connection_init", "payload": token})
        assert (await socket.receive_json())["type"] == "connection_ack"
        await socket.send_json({"type": "subscribe", "id": "1", "payload": FREEZE})
        refused = await socket.receive_json()
        await socket.send_json({"type": "subscribe", "id": "2", "payload": {"query": "{ hello }"}})
        answered = await socket.receive_json()
    assert (refused["type"], refused["payload"][0]["extensions"]["code"]) == ("error", "STEP_UP_REQUIRED")
    assert (answered["type"], answered["id"]) == ("next", "2")


async def test_what_needs_a_fresh_sign_in_ends_when_it_is_no_longer(address: str, issuer: DemoIssuer) -> None:
    """With the error that says what will do, on events and on a socket; a sign-in renewed in place goes on."""
    signed_in_at = int(time.time()) - STEP_UP_MAX_AGE_S + 2
    old, new = issuer.mint_token("customer-1", now=signed_in_at), issuer.mint_token("customer-1")
    headers = {"Authorization": f"Bearer {old}", "Accept": "text/event-stream"}
    async with opened(address) as ends, opened(address) as stays, httpx.AsyncClient(timeout=5) as http:
        for socket in (ends, stays):
            await let_in(socket, old)
            await say(socket, type="subscribe", id="1", payload=SENSITIVE)
            assert (await hear(socket))["type"] == "next"
        await say(stays, type="ping", payload={"token": new})
        assert (await hear(stays))["type"] == "pong"
        events = asyncio.create_task(http.post(f"http://{address}/graphql", json=SENSITIVE, headers=headers))
        ended, last = await hear(ends), (await events).text
        await say(stays, type="subscribe", id="2", payload={"query": "{ hello }"})
        assert ((await hear(stays))["id"], (await hear(stays))["type"]) == ("2", "complete")
    why = {"code": "STEP_UP_REQUIRED", "acr": [], "maxAge": STEP_UP_MAX_AGE_S}
    assert (ended["type"], ended["id"], ended["payload"][0]["extensions"]) == ("error", "1", why)
    assert json.loads(last.split("data: ")[2].splitlines()[0])["errors"][0]["extensions"] == why
    assert last.endswith("event: complete\ndata:\n\n")
