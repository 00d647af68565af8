"""Scopes and step-up as clients on a socket meet them."""

import aiohttp

from gateway.demo_issuer import DemoIssuer
from gateway.websocket_protocol import SUBPROTOCOL
from tests.unit.gateway.test_demands import FREEZE, bearer


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
