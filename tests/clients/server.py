"""The schema the clients are tried on: every way an operation can end, each led by the client and none by a clock."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field

import strawberry
from strawberry.schema.config import StrawberryConfig

from clients.deadline import Aged
from contracts.failures import Unavailable
from resolvers.principal import Principal
from resolvers.trails import Trail
from tests.clients.tunnel import Tunnel

LIVE_FROM = 3
"""A feed read from its beginning waits here for ever: only who resumes sees more."""
FEED_ENDS_AT = 6


@dataclass
class World:
    """What outlives a request: gates that hold an answer back until they are opened, and the line that can be cut."""

    tunnel: Tunnel
    mint_token: Callable[[float], str]
    gates: defaultdict[str, asyncio.Event] = field(default_factory=lambda: defaultdict(asyncio.Event))


@dataclass
class Context:
    """What the resolvers see."""

    principal: Principal
    world: World
    trail: Trail = field(default_factory=Trail)
    aged: list[Aged] = field(default_factory=list)


Info = strawberry.Info[Context, None]


@strawberry.type
class Report:
    id: strawberry.ID
    title: str

    @strawberry.field
    async def details(self, info: Info, gate: str) -> str:
        """Answer once the gate is open."""
        await info.context.world.gates[gate].wait()
        return "took a while"

    @strawberry.field
    async def lines(self, info: Info, gate: str) -> strawberry.Streamable[str]:
        """Answer one line at once and another when the gate is open."""
        yield "first"
        await info.context.world.gates[gate].wait()
        yield "second"


@strawberry.type
class Query:
    @strawberry.field
    def greeting(self, info: Info, name: str) -> str:
        return f"hello {name}, says {info.context.principal.customer_id}"

    @strawberry.field
    def report(self) -> Report:
        return Report(id=strawberry.ID("r1"), title="Year")

    @strawberry.field
    def away(self) -> str | None:
        raise Unavailable("The account service does not answer.", retry_after_s=2.0)

    @strawberry.field
    def brief_token(self, info: Info, seconds: float) -> str:
        """Return a token that is good for so long."""
        return info.context.world.mint_token(seconds)


@strawberry.type
class Mutation:
    @strawberry.mutation
    def rename(self, name: str) -> str:
        return name

    @strawberry.mutation
    def open_gate(self, info: Info, gate: str) -> bool:
        info.context.world.gates[gate].set()
        return True

    @strawberry.mutation
    def cut(self, info: Info) -> int:
        """Cut every connection through the tunnel; returns how many there were."""
        return info.context.world.tunnel.cut()


@strawberry.type
class FeedEntry:
    number: int
    cursor: str


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self, to: int) -> AsyncGenerator[int]:
        for number in range(1, to + 1):
            yield number

    @strawberry.subscription
    async def feed(self, after: str | None = None) -> AsyncGenerator[FeedEntry]:
        """Yield 1 to 3 and wait for ever; resumed, yield the rest up to 6 and end."""
        start = int(after.removeprefix("c")) if after else 0
        for number in range(start + 1, (FEED_ENDS_AT if start else LIVE_FROM) + 1):
            yield FeedEntry(number=number, cursor=f"c{number}")
        if not start:
            await asyncio.Event().wait()

    @strawberry.subscription
    async def failing(self) -> AsyncGenerator[int]:
        yield 1
        raise Unavailable("The feed is away.")


def build_schema() -> strawberry.Schema:
    """Build the schema, incremental delivery included."""
    config = StrawberryConfig(enable_experimental_incremental_execution=True)
    return strawberry.Schema(Query, Mutation, Subscription, config=config)
