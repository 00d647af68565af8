"""Facts about sockets, with a real client over a real socket."""

import json
import time
from contextlib import suppress
from typing import Any

import pytest
from starlette.applications import Starlette
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError

from gateway.demo_issuer import DemoIssuer
from gateway.edge import create_edge
from gateway.execution import Engine
from gateway.identity import Authenticator
from gateway.origins import origin_allowed
from gateway.rate_limits import RateLimits
from gateway.websocket_protocol import SUBPROTOCOL, CloseCode


def opened(address: str, **options: Any) -> connect:
    options.setdefault("subprotocols", [SUBPROTOCOL])
    return connect(f"ws://{address}/graphql", **options)


async def say(socket: ClientConnection, **message: Any) -> None:
    await socket.send(json.dumps(message))


async def hear(socket: ClientConnection) -> dict[str, Any]:
    heard: dict[str, Any] = json.loads(await socket.recv())
    return heard


async def let_in(socket: ClientConnection, token: str) -> None:
    await say(socket, type="connection_init", payload={"Authorization": f"Bearer {token}"})
    assert (await hear(socket))["type"] == "connection_ack"


async def close_of(socket: ClientConnection) -> tuple[int, str]:
    with suppress(ConnectionClosedError):
        async for _ in socket:
            pass  # what was sent before the close
    assert socket.close_code is not None
    return socket.close_code, socket.close_reason or ""


async def test_queries_mutations_and_subscriptions_share_a_socket(address: str, token: str) -> None:
    """Each ends by itself; the socket stays."""
    async with opened(address) as socket:
        await let_in(socket, token)
        await say(socket, type="subscribe", id="q", payload={"query": "{ hello }"})
        assert (await hear(socket))["payload"]["data"]["hello"].endswith("customer-1")
        assert await hear(socket) == {"type": "complete", "id": "q"}
        await say(socket, type="subscribe", id="s", payload={"query": "subscription { count(to: 2) { name } }"})
        names = [(await hear(socket))["payload"]["data"]["count"]["name"] for _ in range(2)]
        assert (names, await hear(socket)) == (["1", "2"], {"type": "complete", "id": "s"})


async def test_a_bad_document_leaves_the_socket_open(address: str, token: str) -> None:
    """An error for that id; then the next operation works."""
    async with opened(address) as socket:
        await let_in(socket, token)
        for query in (
            "{",
            "{ nothing }",
            "query A { hello } query B { hello }",
            "query($n: Int!) { item(size: $n) { name } }",
        ):
            await say(socket, type="subscribe", id="1", payload={"query": query})
            assert (await hear(socket))["type"] == "error"
        await say(socket, type="subscribe", id="1", payload={"query": "{ hello }"})
        assert (await hear(socket))["type"] == "next"


async def test_a_source_that_fails_says_so_and_completes(address: str, token: str) -> None:
    """The last answer carries the failure."""
    async with opened(address) as socket:
        await let_in(socket, token)
        await say(socket, type="subscribe", id="1", payload={"query": "subscription { failing { name } }"})
        answers = [await hear(socket) for _ in range(3)]
        assert answers[1]["payload"]["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
        assert answers[2]["type"] == "complete"


async def test_a_running_subscription_can_be_stopped(address: str, token: str) -> None:
    """The message complete frees the id while the source is silent."""
    async with opened(address) as socket:
        await let_in(socket, token)
        for _ in range(3):
            await say(socket, type="subscribe", id="1", payload={"query": "subscription { silent { name } }"})
            await say(socket, type="complete", id="1")
        await say(socket, type="ping")
        assert await hear(socket) == {"type": "pong"}


@pytest.mark.parametrize("payload", [None, {}, {"Authorization": "Bearer nonsense"}])
async def test_no_valid_token_closes_with_4403(address: str, payload: Any) -> None:
    """Absent or wrong alike."""
    async with opened(address) as socket:
        await say(socket, type="connection_init", payload=payload)
        assert await close_of(socket) == (CloseCode.FORBIDDEN, "Forbidden")


async def test_another_subprotocol_closes_with_4406(address: str) -> None:
    """The legacy one and none at all."""
    for subprotocols in (["graphql-ws"], None):
        async with opened(address, subprotocols=subprotocols) as socket:
            assert (await close_of(socket))[0] == CloseCode.SUBPROTOCOL_NOT_ACCEPTABLE


async def test_a_foreign_page_is_not_let_in(address: str, token: str) -> None:
    """Origin must be this host or on the list; apps send none."""
    with pytest.raises(Exception, match="403"):
        await opened(address, origin="https://evil.example")
    for origin in ("https://app.example", f"http://{address}"):
        async with opened(address, origin=origin) as socket:
            await let_in(socket, token)


@pytest.mark.parametrize(
    "origin", ["null", "http://", "http://[", "http://[::1", "https://app.example:port", "://", "a\xff"]
)
async def test_a_malformed_origin_is_a_foreign_one(address: str, origin: str) -> None:
    """Refused like any other page, and no fault of ours."""
    with pytest.raises(Exception, match="403"):
        await opened(address, origin=origin)


async def test_large_messages_are_paid_for_before_they_are_read(address: str, token: str, rates: RateLimits) -> None:
    """By their size; who cannot pay is closed with 4429."""
    async with opened(address) as socket:
        await let_in(socket, token)
        await say(socket, type="ping", payload={"x": "x" * 100_000})
        assert (await hear(socket))["type"] == "pong"
        rates._customers._levels["customer-1"] = (100.0, rates._customers._clock())
        await say(socket, type="ping", payload={"x": "x" * 100_000})
        assert (await close_of(socket))[0] == CloseCode.TOO_MANY


async def test_a_large_message_closes_the_socket(address: str, token: str) -> None:
    """1009, as the WebSocket specification says."""
    async with opened(address) as socket:
        await let_in(socket, token)
        await say(socket, type="subscribe", id="1", payload={"query": "#" * 300_000})
        assert (await close_of(socket))[0] == 1009


async def test_an_expired_token_ends_the_socket(address: str, issuer: DemoIssuer) -> None:
    """With 4403, so that graphql-ws connects again with a fresh one."""
    async with opened(address) as socket:
        await let_in(socket, issuer.mint_token("customer-1", lifetime_s=-29.4))
        assert await close_of(socket) == (CloseCode.FORBIDDEN, "Token expired")


async def test_a_renewed_token_keeps_the_socket(address: str, issuer: DemoIssuer) -> None:
    """A ping with a fresh token of the same customer replaces the old one's expiry."""
    async with opened(address) as socket:
        await let_in(socket, issuer.mint_token("customer-1", lifetime_s=-28))
        await say(socket, type="ping", payload={"authorization": f"Bearer {issuer.mint_token('customer-1')}"})
        assert await hear(socket) == {"type": "pong", "payload": {"renewed": True}}


async def test_a_subscription_goes_on_over_a_renewal(address: str, token: str, issuer: DemoIssuer) -> None:
    """Nothing is missed or repeated: it is the same one, for the new token."""
    async with opened(address) as socket:
        await let_in(socket, token)
        await say(socket, type="subscribe", id="1", payload={"query": "subscription { ticking { name } }"})
        heard = [await hear(socket) for _ in range(3)]
        await say(socket, type="ping", payload={"authorization": f"Bearer {issuer.mint_token('customer-1')}"})
        while heard[-1]["type"] != "pong":
            heard.append(await hear(socket))
        heard += [await hear(socket) for _ in range(3)]
    names = [int(one["payload"]["data"]["ticking"]["name"]) for one in heard if one["type"] == "next"]
    assert names == list(range(1, len(names) + 1))


async def test_a_renewal_without_the_scope_ends_what_needs_it(address: str, issuer: DemoIssuer) -> None:
    """With an error that says so; the socket and its other subscriptions go on."""
    async with opened(address) as socket:
        await let_in(socket, issuer.mint_token("customer-1", ["cards"]))
        await say(socket, type="subscribe", id="cards", payload={"query": "subscription { guarded { name } }"})
        await say(socket, type="subscribe", id="any", payload={"query": "subscription { silent { name } }"})
        assert (await hear(socket))["id"] == "cards"
        await say(socket, type="ping", payload={"token": issuer.mint_token("customer-1", ["accounts"])})
        ended = await hear(socket)
        assert (ended["type"], ended["id"]) == ("error", "cards")
        assert ended["payload"][0]["extensions"]["code"] == "MISSING_SCOPE"
        assert (await hear(socket))["type"] == "pong"
        await say(socket, type="subscribe", id="cards", payload={"query": "{ hello }"})
        assert (await hear(socket))["type"] == "next"


async def test_another_customers_token_does_not_renew(address: str, token: str, issuer: DemoIssuer) -> None:
    """A socket never changes hands."""
    async with opened(address) as socket:
        await let_in(socket, token)
        await say(socket, type="ping", payload={"authorization": f"Bearer {issuer.mint_token('customer-2')}"})
        assert await close_of(socket) == (CloseCode.FORBIDDEN, "Another customer's token")


async def test_a_customers_sockets_are_bounded(address: str, app: Starlette, token: str) -> None:
    """One more than allowed is closed with 4429, and closing one makes room."""
    app.state.sockets.customers._most = 1
    async with opened(address) as first, opened(address) as second:
        await let_in(first, token)
        await say(second, type="connection_init", payload={"token": token})
        assert (await close_of(second))[0] == CloseCode.TOO_MANY
    async with opened(address) as third:
        await let_in(third, token)


async def _unasked() -> dict[str, bool]:
    return {}


async def test_a_silent_client_is_closed(
    serve: Any, settings: Any, engine: Engine, authenticator: Authenticator, rates: RateLimits
) -> None:
    """4408 after the init wait."""
    app = create_edge(
        settings, engine=engine, authenticator=authenticator, rates=rates, checks=_unasked, init_wait_s=0.05
    )
    async with serve(app) as address, opened(address) as socket:
        assert (await close_of(socket))[0] == CloseCode.INITIALISATION_TIMEOUT


async def test_a_busy_gateway_sends_nobody_away_for_being_late(
    serve: Any, settings: Any, engine: Engine, authenticator: Authenticator, rates: RateLimits, token: str
) -> None:
    """It has not looked yet what the client sent in time."""
    app = create_edge(
        settings, engine=engine, authenticator=authenticator, rates=rates, checks=_unasked, init_wait_s=0.1
    )
    async with serve(app) as address, opened(address) as socket:
        busy_until = time.monotonic() + 0.5
        await say(socket, type="connection_init", payload={"token": token})
        while time.monotonic() < busy_until:
            pass  # server and client share this loop
        assert (await hear(socket))["type"] == "connection_ack"


@pytest.mark.parametrize(("origin", "allowed"), [("https://bank.example", True), ("http://bank.example", False)])
def test_over_tls_a_page_without_it_is_foreign(origin: str, allowed: bool) -> None:
    """Whoever is in between can write a plain page of the same host."""
    scope = {
        "type": "websocket",
        "scheme": "wss",
        "headers": [(b"origin", origin.encode()), (b"host", b"bank.example")],
    }
    assert origin_allowed(scope, ()) is allowed
