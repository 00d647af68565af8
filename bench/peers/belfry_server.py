"""Belfry in the benchmark: its whole edge, its own schema with the benchmark's list beside it, the real clients.

python -m bench.peers.belfry_server PORT UPSTREAM_PORT http|memory FOLDER belfry|apart
"""

import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar, TypeVarTuple, cast

import msgspec
import strawberry
from starlette.applications import Starlette

from clients.accounts import AccountsClient
from clients.analytics import AnalyticsClient
from clients.backends import Backends, backends_over
from clients.deadline import Deadline, Errand
from clients.downstream import Downstream
from clients.events import EventsClient
from clients.flights import Flights
from clients.http_transport import HttpTransport
from clients.routes import Parameters, Priority, Route, reads
from clients.tries import Tries
from contracts.settings import Settings
from gateway.demo_issuer import ISSUER, DemoIssuer
from gateway.edge import create_edge
from gateway.engines import assemble_engine
from gateway.identity import Authenticator
from gateway.jwks import FixedKeys
from gateway.plans.modes import ExecutionMode, execution_class
from gateway.revocation_stores import RevocationFile
from gateway.revocations import Revocations
from gateway.server import serve
from resolvers.context import RequestContext
from resolvers.cursors import CursorCodec
from resolvers.feed import FeedPort
from resolvers.loaders import Loader
from resolvers.loads import Load
from resolvers.principal import Principal
from schema.build import build_schema
from schema.query import Query
from schema.views import field, view

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Author(msgspec.Struct):
    """Who wrote a post."""

    id: str
    name: str


class Post(msgspec.Struct, rename="camel"):
    """One of the list."""

    title: str
    author_id: str


POSTS = reads("/posts", msgspec.json.Decoder(list[Post]), Priority.BALANCES)
AUTHORS = reads("/authors", msgspec.json.Decoder(list[Author]), Priority.BALANCES)


@dataclass
class Context(RequestContext):
    """The gateway's own, with what the list needs."""

    lists: Downstream

    @cached_property
    def authors(self) -> Loader[str, Author]:
        """Authors by id."""
        return Loader(self._authors)

    async def _authors(self, ids: list[str]) -> list[Author]:
        found = await self.lists.call(AUTHORS, self.deadline, [("id", ids)])
        by_id = {one.id: one for one in found}
        return [by_id[id] for id in ids]


Info = strawberry.Info[Context, None]


def _authors(roots: list[Post], context: Context) -> list[Load[Author]]:
    return context.authors.load_each([root.author_id for root in roots])


async def _listed(info: Info) -> list[Post]:
    return await info.context.lists.call(POSTS, info.context.deadline)


@view(Author, description="Who wrote a post.")
class AuthorView:
    name: str = field("The name.")


@view(Post, description="One of the list.")
class PostView:
    title: str = field("The title.")
    author: AuthorView = field("Who wrote it.", each=_authors)


@strawberry.type(name="Query", description="What can be asked.")
class BenchQuery(Query):
    hello: str = field("A constant.", resolver=lambda: "world")
    posts: list[PostView] = field("A list.", resolver=_listed)


class KeptDownstream(Downstream):
    """Asks for everything once: the structs of later answers are in memory."""

    def __init__(self, url: str, transport: HttpTransport, settings: Settings) -> None:
        super().__init__(url, Tries(transport, settings.call_try_s))
        self._kept: dict[str, Any] = {}

    async def call(
        self, route: Route[T], deadline: Deadline, query: Parameters = (), *, segment: str = "", body: Any = None
    ) -> T:
        """Return what was answered to the first such request."""
        key = route.target(query, segment)
        if key not in self._kept:
            self._kept[key] = await super().call(route, deadline, query, segment=segment, body=body)
        return cast("T", self._kept[key])


class Apart(Flights):
    """Every read is made, also when the same one is under way."""

    async def share(self, key: object, read: Callable[[*Ts], Awaitable[T]], *args: *Ts) -> T:  # noqa: ARG002 (as Flights has it)
        """Return what `read` answers."""
        return await read(*args)


def application(settings: Settings, url: str, source: str, flights: type[Flights]) -> Starlette:
    """Build the gateway over the benchmark's upstream."""
    transport = HttpTransport()
    settings = msgspec.structs.replace(settings, accounts_url=url, events_url=url, analytics_url=url)
    kept = KeptDownstream(url, transport, settings)
    if source == "memory":
        backends = Backends(AccountsClient(kept), EventsClient(kept), AnalyticsClient(kept))
    else:
        backends = backends_over(transport, settings)
    cursors, lists = CursorCodec([b"k" * 32]), backends.events._service  # noqa: SLF001 (the way of any service)

    def make_context(principal: Principal) -> Context:
        deadline = Deadline.after(settings.request_timeout_s)
        errand = Errand(deadline.expires_at, customer_id=principal.customer_id, flights=flights())
        return Context(principal, backends, errand, cast("FeedPort", None), cursors, lists)

    schema = build_schema(execution_class(ExecutionMode(settings.execution)), query=BenchQuery)
    engine, rates, audit, _ = assemble_engine(settings, schema, make_context)
    issuer = DemoIssuer.open(settings.data_dir, audience=settings.audience)
    authenticator = Authenticator(
        {ISSUER: FixedKeys([issuer.public_key])},
        Revocations(RevocationFile(settings.data_dir / "revocations.ndjson")),
        audience=settings.audience,
        clock=time.time,
    )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        async with transport:
            yield
            await audit.close()

    async def checks() -> dict[str, bool]:
        return {}

    return create_edge(
        settings, engine=engine, authenticator=authenticator, rates=rates, checks=checks, lifespan=lifespan
    )


def main() -> None:
    """Serve until SIGTERM."""
    port, upstream_port, source, folder, name = sys.argv[1:]
    most = 10_000_000
    settings = Settings(
        port=int(port), data_dir=Path(folder), customer_cost_per_minute=most, address_requests_per_minute=most,
    )  # fmt: skip
    flights = Apart if name == "apart" else Flights
    serve(application(settings, f"http://127.0.0.1:{upstream_port}", source, flights), settings)


if __name__ == "__main__":
    main()
