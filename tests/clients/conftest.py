"""A real edge on a real socket, and real clients to try on it: each script runs once and tells what it saw."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from contracts.scopes import TokenScope
from contracts.settings import Settings
from gateway.demo_issuer import ISSUER, DemoIssuer
from gateway.edge import create_edge
from gateway.engines import assemble_engine
from gateway.identity import LEEWAY_S, Authenticator
from gateway.jwks import FixedKeys
from gateway.revocation_stores import RevocationMemory
from gateway.revocations import Revocations
from tests.clients.server import Context, World, build_schema
from tests.clients.tunnel import Tunnel
from tests.journey.bank import PATIENCE_S
from tests.serving import serving

HERE = Path(__file__).parent
WITH_NODE = HERE.parents[1] / "ide" / "with-node"
AUDIENCE = "belfry"
SCOPES = [TokenScope.ACCOUNTS, TokenScope.DEVELOPER]
TOKEN_S = 3600.0

GREETING = "hello Ada, says c-1"
AWAY = {"message": "The account service does not answer.", "path": ["away"], "code": "UNAVAILABLE", "retryAfter": 2.0}
INVALID = {"message": "Cannot query field 'nonsense' on type 'Query'.", "code": "GRAPHQL_VALIDATION_FAILED"}

Facts = dict[str, Any]
Run = Callable[[str], Coroutine[Any, Any, Facts]]


@dataclass(frozen=True)
class Edge:
    """Where the edge is, directly and through the tunnel (`host:port` each), and a customer's token."""

    address: str
    tunnel: str
    token: str
    cut: Callable[[], int]


async def _ready() -> dict[str, bool]:
    return {}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def edge(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Edge]:
    """The gateway's own edge over the clients' schema."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("clients"), audience=AUDIENCE)
    issuer = DemoIssuer.open(settings.data_dir, audience=AUDIENCE)
    tunnel = Tunnel()
    world = World(tunnel, lambda seconds: issuer.mint_token("c-1", SCOPES, lifetime_s=seconds - LEEWAY_S))
    assembly = assemble_engine(settings, build_schema(), lambda principal: Context(principal, world))
    app = create_edge(
        settings,
        engine=assembly.engine,
        authenticator=Authenticator(
            {ISSUER: FixedKeys([issuer.public_key])},
            Revocations(RevocationMemory()),
            audience=AUDIENCE,
            clock=time.time,
        ),
        rates=assembly.rates,
        checks=_ready,
    )
    async with serving(app) as (host, port), tunnel.listening(host, port) as through:
        yield Edge(f"{host}:{port}", through, world.mint_token(TOKEN_S), tunnel.cut)
    await assembly.audit.close()


@pytest.fixture(scope="session")
def run_script(edge: Edge) -> Run:
    """Run a script of this folder in Node against the edge; returns the facts it prints."""
    if not (HERE / "node_modules").is_dir():
        pytest.fail("The clients are not installed: make clients")

    async def run(name: str) -> Facts:
        arguments = [f"http://{edge.address}/graphql", f"http://{edge.tunnel}/graphql", edge.token]
        process = await asyncio.create_subprocess_exec(
            WITH_NODE, "node", HERE / name, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        try:
            async with asyncio.timeout(PATIENCE_S):
                printed, complaints = await process.communicate()
        except TimeoutError:
            process.kill()
            await process.wait()
            pytest.fail(f"{name} ran longer than {PATIENCE_S:g} seconds.")
        assert (process.returncode, complaints.decode()) == (0, "")
        facts: Facts = json.loads(printed)
        return facts

    return run
