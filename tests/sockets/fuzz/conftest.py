"""Belfry's own schema behind its own edge on a real socket, over services that answer from memory."""

import asyncio
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from starlette.applications import Starlette

from clients.transport import Request, Response
from contracts.failures import Problem
from contracts.settings import Settings
from gateway.demo_issuer import ISSUER, DemoIssuer
from gateway.edge import create_edge
from gateway.engines import assemble_engine
from gateway.http_connections import BoundedHttpProtocol
from gateway.identity import Authenticator
from gateway.jwks import FixedKeys
from gateway.listeners import server_config
from gateway.plans.modes import ExecutionMode, execution_class
from gateway.revocation_stores import RevocationMemory
from gateway.revocations import Revocations
from gateway.socket_connections import BoundedSocketProtocol
from resolvers.context import RequestContext
from resolvers.principal import Principal
from schema.build import build_schema
from tests.serving import Server
from tests.unit.resolvers.services import ANNA, READS, WRITES, Feed, Services, context_of, delivered

MINUTE_MAX = 10_000_000
WAIT_S = 20.0


class HastyHttp(BoundedHttpProtocol):
    """Waits for unfinished requests a moment, where the gateway waits seconds."""

    header_s_max = body_s_max = 0.3

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.timeout_keep_alive = 0  # damaged requests may no longer say that theirs is the last


class HastySocket(BoundedSocketProtocol):
    """Waits a moment for the client's part of a closing handshake."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.close_timeout = 0.05


class Strict(Services):
    """Services that say of whatever they do not know that it is not there."""

    async def handle_async_request(self, request: Request) -> Response:
        self.calls.clear()
        self.bodies.clear()
        path = request.extensions["target"].decode().partition("?")[0]
        if path not in READS and (request.method, path) not in WRITES:
            self.problems[path] = Problem(404, "NOT_FOUND", "Not there.")
        return await super().handle_async_request(request)


class Target(NamedTuple):
    """What is attacked: where it listens, a token for it, its application."""

    port: int
    token: str
    app: Starlette
    server: Server

    async def is_quiet_again(self) -> None:
        """Return once no stream, socket, connection or request of an attack is left."""
        state, caps = self.server.server_state, (self.app.state.streams, self.app.state.sockets)
        async with asyncio.timeout(WAIT_S):
            while (  # noqa: ASYNC110 - nobody announces it
                state.connections or state.tasks or any(one.customers.total + one.addresses.total for one in caps)
            ):
                await asyncio.sleep(0.01)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where its audit record and its issuer's key are."""
    return tmp_path_factory.mktemp("fuzz")


@pytest.fixture(scope="module")
def issuer(folder: Path) -> DemoIssuer:
    """Who signs its tokens."""
    return DemoIssuer.open(folder, audience="belfry")


@pytest.fixture
async def target(folder: Path, issuer: DemoIssuer) -> AsyncGenerator[Target]:
    """A gateway of Anna's bank."""
    settings = Settings(
        data_dir=folder,
        batch_max=5,
        address_requests_per_minute=MINUTE_MAX,
        customer_cost_per_minute=MINUTE_MAX,
        request_timeout_s=2.0,
    )
    services, feed = Strict(), Feed([delivered(1), delivered(2)])

    def make_context(principal: Principal) -> RequestContext:
        return context_of(services, principal.customer_id, feed)

    schema = build_schema(execution_class(ExecutionMode.COMPILED))
    engine, rates, audit, _ = assemble_engine(settings, schema, make_context)
    keys = {ISSUER: FixedKeys([issuer.public_key])}
    authenticator = Authenticator(keys, Revocations(RevocationMemory()), audience="belfry", clock=time.time)
    app = create_edge(settings, engine=engine, authenticator=authenticator, rates=rates, checks=_ready, init_wait_s=0.1)
    config = server_config(app, host="127.0.0.1", port=0)
    config.http, config.ws = HastyHttp, HastySocket
    server = Server(config)
    serving = asyncio.create_task(server.serve())
    await server.listening.wait()
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Target(port, issuer.mint_token(ANNA), app, server)
    finally:
        server.stop()
        await serving
        await audit.close()


async def _ready() -> dict[str, bool]:
    return {}
