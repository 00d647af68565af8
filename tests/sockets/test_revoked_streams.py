"""What is open ends with the token it was opened with."""

import asyncio

import aiohttp

from gateway.demo_issuer import DemoIssuer
from gateway.revocation_stores import Revocation
from gateway.revocations import Revocations
from gateway.websocket_protocol import SUBPROTOCOL
from tests.unit.gateway.test_revocations import token_id_of

SILENT = {"query": "subscription { silent { name } }"}


async def test_a_socket_ends_with_its_token(address: str, issuer: DemoIssuer, revocations: Revocations) -> None:
    """4403 within a second, and with it what ran there."""
    token = issuer.mint_token("customer-1")
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"http://{address}/graphql", protocols=[SUBPROTOCOL]) as socket,
    ):
        await socket.send_json({"type": "connection_init", "payload": {"token": token}})
        await socket.receive_json()
        await socket.send_json({"type": "subscribe", "id": "1", "payload": SILENT})
        await revocations.revoke(Revocation(customer_id="customer-1"))
        async with asyncio.timeout(1):
            closed = await socket.receive()
    assert (closed.data, closed.extra) == (4403, "Token revoked")


async def test_a_renewed_socket_outlives_the_old_token(
    address: str, issuer: DemoIssuer, revocations: Revocations
) -> None:
    """The token in force counts."""
    old, new = issuer.mint_token("customer-1"), issuer.mint_token("customer-1")
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"http://{address}/graphql", protocols=[SUBPROTOCOL]) as socket,
    ):
        await socket.send_json({"type": "connection_init", "payload": {"token": old}})
        await socket.receive_json()
        await socket.send_json({"type": "ping", "payload": {"token": new}})
        assert (await socket.receive_json())["payload"] == {"renewed": True}
        await revocations.revoke(Revocation(token_id=token_id_of(old)))
        await socket.send_json({"type": "subscribe", "id": "1", "payload": {"query": "{ hello }"}})
        assert (await socket.receive_json())["type"] == "next"


async def test_a_stream_ends_with_its_token(address: str, issuer: DemoIssuer, revocations: Revocations) -> None:
    """Its last event says why."""
    token = issuer.mint_token("customer-1")
    headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"http://{address}/graphql", json=SILENT, headers=headers) as response,
    ):
        await revocations.revoke(Revocation(token_id=token_id_of(token)))
        async with asyncio.timeout(1):
            body = await response.text()
    assert '"code":"UNAUTHENTICATED"' in body
    assert body.endswith("event: complete\ndata:\n\n")
