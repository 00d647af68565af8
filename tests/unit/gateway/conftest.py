"""An edge over a tiny schema, in process for HTTP and on a real socket for streams and WebSockets."""

import asyncio
import itertools
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

import httpx
import pytest
import strawberry
from starlette.applications import Starlette
from strawberry.schema.config import StrawberryConfig

from clients.deadline import Aged
from contracts.failures import Forbidden, Unavailable
from contracts.settings import Settings
from gateway import execution
from gateway.demo_issuer import ISSUER, DemoIssuer
from gateway.edge import create_edge
from gateway.engines import Assembly, assemble_engine
from gateway.execution import Engine
from gateway.identity import Authenticator
from gateway.jwks import FixedKeys
from gateway.rate_limits import RateLimits
from gateway.revocation_stores import RevocationMemory
from gateway.revocations import Revocations
from resolvers.principal import Principal
from resolvers.trails import Trail
from schema.demands import CARDS, STEP_UP

AUDIENCE = "belfry"


@dataclass
class Context:
    """What the tiny schema's resolvers see."""

    principal: Principal
    trail: Trail = field(default_factory=Trail)
    aged: list[Aged] = field(default_factory=list)


@strawberry.type
class Item:
    name: str
    cursor: str

    @strawberry.field
    def items(self) -> list["Item"]:
        return [Item(name=f"{self.name}.{number}", cursor="c") for number in range(3)]

    @strawberry.field
    async def slow(self) -> str:
        await asyncio.sleep(0)
        return "slow"

    @strawberry.field
    async def never(self) -> str:
        await asyncio.Event().wait()
        return "never"


@strawberry.enum
class Colour(Enum):
    CRIMSON = "crimson"


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, info: strawberry.Info, name: str = "world") -> str:
        return f"hello {name}, says {info.context.principal.customer_id}"

    @strawberry.field
    def item(self, size: int = 1) -> Item | None:
        return Item(name="x" * size, cursor="c0")

    @strawberry.field
    def painted(self, colour: Colour) -> str:
        return colour.value

    @strawberry.field
    def broken(self) -> str | None:
        raise RuntimeError("secret internal text")

    @strawberry.field
    def away(self) -> str | None:
        raise Unavailable("The account service does not answer.", retry_after_s=2.0)

    @strawberry.field
    def forbidden(self) -> str | None:
        raise Forbidden("Not allowed.")

    @strawberry.field
    async def endless(self) -> str | None:
        await asyncio.Event().wait()
        return None


@strawberry.type
class Mutation:
    @strawberry.mutation
    def rename(self, name: str) -> str:
        return name

    freeze: str = strawberry.mutation(resolver=lambda: "frozen", directives=[CARDS, STEP_UP])


async def _once() -> AsyncGenerator[Item]:
    yield Item(name="1", cursor="c1")
    await asyncio.Event().wait()


@strawberry.type
class Subscription:
    guarded: AsyncGenerator[Item] = strawberry.subscription(resolver=_once, directives=[CARDS])
    sensitive: AsyncGenerator[Item] = strawberry.subscription(resolver=_once, directives=[STEP_UP])

    @strawberry.subscription
    async def count(self, to: int, after: str | None = None) -> AsyncGenerator[Item]:
        start = int(after.removeprefix("c")) if after else 0
        for number in range(start + 1, to + 1):
            yield Item(name=str(number), cursor=f"c{number}")

    @strawberry.subscription
    async def silent(self) -> AsyncGenerator[Item]:
        await asyncio.Event().wait()
        yield Item(name="never", cursor="c1")

    @strawberry.subscription
    async def ticking(self) -> AsyncGenerator[Item]:
        for number in itertools.count(1):
            yield Item(name=str(number), cursor=f"c{number}")
            await asyncio.sleep(0.001)

    @strawberry.subscription
    async def failing(self) -> AsyncGenerator[Item]:
        yield Item(name="1", cursor="c1")
        raise Unavailable("The feed is away.")


@pytest.fixture(scope="session")
def schema() -> strawberry.Schema:
    config = StrawberryConfig(enable_experimental_incremental_execution=True)
    return strawberry.Schema(Query, Mutation, Subscription, config=config)


@pytest.fixture(scope="session")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> DemoIssuer:
    return DemoIssuer.open(tmp_path_factory.mktemp("issuer"), audience=AUDIENCE)


@pytest.fixture(scope="session")
def token(issuer: DemoIssuer) -> str:
    return issuer.mint_token("customer-1", ["accounts"])


@pytest.fixture
def revocations() -> Revocations:
    return Revocations(RevocationMemory())


@pytest.fixture
def authenticator(issuer: DemoIssuer, revocations: Revocations) -> Authenticator:
    return Authenticator({ISSUER: FixedKeys([issuer.public_key])}, revocations, audience=AUDIENCE, clock=time.time)


@pytest.fixture
async def assembly(
    schema: strawberry.Schema, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[Assembly]:
    """The engine and its parts, as the gateway has them; it is stopped at its deadline, not a moment later."""
    monkeypatch.setattr(execution, "HARD_STOP_S", 0.0)
    assembled = assemble_engine(settings, schema, Context)
    yield assembled
    await assembled.audit.close()


@pytest.fixture
def rates(assembly: Assembly) -> RateLimits:
    return assembly.rates


@pytest.fixture
def engine(assembly: Assembly) -> Engine:
    return assembly.engine


async def _ready() -> dict[str, bool]:
    return {"accounts": True, "events": True, "analytics": False}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        data_dir=tmp_path,
        allowed_hosts="testserver,localhost,127.0.0.1",
        allowed_origins="https://app.example",
        request_timeout_s=0.05,
        cost_max=1_000,
        customer_cost_per_minute=1_000_000,
    )


@pytest.fixture
def app(settings: Settings, engine: Engine, authenticator: Authenticator, rates: RateLimits) -> Starlette:
    return create_edge(settings, engine=engine, authenticator=authenticator, rates=rates, checks=_ready)


@pytest.fixture
async def anonymous(app: Starlette) -> AsyncGenerator[httpx.AsyncClient]:
    """A client without a token."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://testserver") as client:
        yield client


@pytest.fixture
async def client(anonymous: httpx.AsyncClient, token: str) -> httpx.AsyncClient:
    """A client of customer-1."""
    anonymous.headers["Authorization"] = f"Bearer {token}"
    return anonymous
