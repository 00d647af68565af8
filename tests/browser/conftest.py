"""Debian's Chromium, and what it visits."""

import asyncio
import os
import shutil
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
import strawberry
import uvicorn
from playwright.async_api import Browser, async_playwright

from contracts.settings import Settings
from gateway.demo_issuer import ISSUER, DemoIssuer
from gateway.edge import create_edge
from gateway.engines import assemble_engine
from gateway.ide import DemoCustomer, ide_routes
from gateway.identity import Authenticator
from gateway.jwks import FixedKeys
from gateway.revocation_stores import RevocationMemory
from gateway.revocations import Revocations
from resolvers.principal import Principal
from tests.browser.visits import Visit

WAIT_MS_MAX = 10_000

CHROMIUM_ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where Chromium is; without it these tests are skipped, or fail where BELFRY_REQUIRE_BROWSER=1 asks for it."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found:
        return found
    if os.environ.get("BELFRY_REQUIRE_BROWSER") == "1":
        pytest.fail("Chromium is required here, and not found: apt-get install chromium")
    pytest.skip("Chromium is not found: apt-get install chromium")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(chromium: str) -> AsyncGenerator[Browser]:
    """One browser for all tests of a module: starting it takes longer than most of them."""
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGUMENTS)
        yield launched
        await launched.close()


@pytest_asyncio.fixture(loop_scope="module")
async def visit(browser: Browser) -> AsyncGenerator[Visit]:
    """A page without a past: no storage, no cache."""
    page = await browser.new_page(viewport={"width": 1440, "height": 860})
    page.set_default_timeout(WAIT_MS_MAX)
    visit = Visit(page)
    visit.watch()
    yield visit
    await page.context.close()


class Server(uvicorn.Server):
    """A server that tells when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[Any] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, info: strawberry.Info) -> str:
        return f"says {info.context.principal.customer_id}"


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self, to: int) -> AsyncGenerator[str]:
        for number in range(1, to + 1):
            yield f"c{number}"


@dataclass
class Context:
    principal: Principal


class Directory:
    def __init__(self, issuer: DemoIssuer) -> None:
        self._issuer = issuer

    async def customers(self) -> list[DemoCustomer]:
        return [DemoCustomer("c-1", "Ada Marlow", "Two accounts"), DemoCustomer("c-2", "Bram Okafor", "A portfolio")]

    def mint_token(self, customer_id: str) -> str:
        return self._issuer.mint_token(customer_id)


async def _ready() -> dict[str, bool]:
    return {}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def belfry_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[str]:
    """A gateway on a free port."""
    tmp_path = tmp_path_factory.mktemp("belfry")
    (tmp_path / "1.graphql").write_text("# Who am I?\nquery Hello { hello }\n")
    (tmp_path / "2.graphql").write_text("# Count up.\nsubscription Count($to: Int!) { count(to: $to) }\n")
    (tmp_path / "2.variables.json").write_text('{"to": 3}')
    issuer = DemoIssuer.open(tmp_path, audience="belfry")
    schema = strawberry.Schema(Query, subscription=Subscription)
    settings = Settings(data_dir=tmp_path)
    assembly = assemble_engine(settings, schema, Context)
    app = create_edge(
        settings,
        engine=assembly.engine,
        rates=assembly.rates,
        authenticator=Authenticator(
            FixedKeys([issuer.public_key]),
            Revocations(RevocationMemory()),
            issuer=ISSUER,
            audience="belfry",
            clock=time.time,
        ),
        checks=_ready,
        routes=ide_routes(Directory(issuer), tmp_path),
    )
    server = Server(uvicorn.Config(app, host="127.0.0.1", port=0, ws="websockets-sansio", log_level="warning"))
    task = asyncio.create_task(server.serve())
    await server.listening.wait()
    host, port = server.servers[0].sockets[0].getsockname()[:2]
    yield f"http://{host}:{port}"
    server.should_exit = True
    await task
