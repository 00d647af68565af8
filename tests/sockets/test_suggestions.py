"""What developers are told beyond what is wrong, over each transport."""

from collections.abc import AsyncGenerator, Callable
from typing import Any

import aiohttp
import msgspec
import pytest
from starlette.applications import Starlette

from contracts.settings import Settings
from gateway.demo_issuer import DemoIssuer
from gateway.edge import create_edge
from gateway.engines import Assembly
from gateway.identity import Authenticator
from gateway.websocket_protocol import SUBPROTOCOL
from tests.unit.gateway.test_suggestions import DEVELOPER, MISSPELT, OTHER, bearer

Ask = Callable[[dict[str, Any], list[str]], Any]


@pytest.fixture(params=["http", "events", "batch", "websocket"])
async def ask(
    request: pytest.FixtureRequest,
    settings: Settings,
    assembly: Assembly,
    authenticator: Authenticator,
    issuer: DemoIssuer,
    serve: Any,
) -> AsyncGenerator[Ask]:
    """Asks over one transport with a token of the scopes, and returns what came as text."""

    async def ready() -> dict[str, bool]:
        return {}

    edge: Starlette = create_edge(
        msgspec.structs.replace(settings, batch_max=2),
        engine=assembly.engine,
        authenticator=authenticator,
        rates=assembly.rates,
        checks=ready,
    )
    async with serve(edge) as address, aiohttp.ClientSession() as session:

        async def post(body: dict[str, Any], scopes: list[str]) -> str:
            sent = [body] if request.param == "batch" else body
            accept = "text/event-stream" if request.param == "events" else "application/json"
            headers = {**bearer(issuer, scopes), "Accept": accept}
            async with session.post(f"http://{address}/graphql", json=sent, headers=headers) as answer:
                return await answer.text()

        async def subscribe(body: dict[str, Any], scopes: list[str]) -> str:
            async with session.ws_connect(f"http://{address}/graphql", protocols=[SUBPROTOCOL]) as socket:
                await socket.send_json({"type": "connection_init", "payload": bearer(issuer, scopes)})
                await socket.receive_json()
                await socket.send_json({"type": "subscribe", "id": "1", "payload": body})
                return await socket.receive_str()

        yield subscribe if request.param == "websocket" else post


async def test_a_developer_is_told_what_was_meant_and_nobody_else(ask: Ask) -> None:
    """Fields, arguments, types, values and variables, over every transport, whoever asked the same before."""
    for body, meant in MISSPELT:
        for scopes in (OTHER, DEVELOPER, OTHER):
            answer = await ask(body, scopes)
            assert '"code":' in answer, (body, answer)
            assert (f"Did you mean {meant}" in answer or f"Did you mean the enum value {meant}" in answer) == (
                scopes is DEVELOPER
            ), (body, scopes, answer)


async def test_a_misspelt_subscription_is_explained_too(ask: Ask) -> None:
    """Its document is refused before anything of it begins."""
    body = {"query": "subscription { cont(to: 1) { name } }"}
    assert "Did you mean 'count'" in await ask(body, DEVELOPER)
    assert "Did you mean" not in await ask(body, OTHER)
