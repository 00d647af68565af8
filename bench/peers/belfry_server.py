"""Belfry in the benchmark: its whole edge, its own schema with the benchmark's list beside it, the real clients.

python -m bench.peers.belfry_server PORT UPSTREAM_PORT http|memory FOLDER
"""

import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec
import strawberry
from starlette.applications import Starlette

from clients.accounts import AccountsClient
from clients.analytics import AnalyticsClient
from clients.backends import Backends
from clients.deadline import Deadline
from clients.downstream import Downstream, repeated, target
from clients.events import EventsClient
from clients.transport import AiohttpTransport
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
from resolvers.principal import Principal
from schema.build import build_schema
from schema.query import Query
from schema.views import field, view

T = TypeVar("T")


class Author(msgspec.Struct):
    """Who wrote a post."""

    id: str
    name: str


class Post(msgspec.Struct, rename="camel"):
    """One of the list."""

    title: str
    author_id: str


_posts, _authors = msgspec.json.Decoder(list[Post]), msgspec.json.Decoder(list[Author])


@dataclass
class Context(RequestContext):
    """The gateway's own, with what the list needs."""

    lists: Downstream

    @cached_property
    def authors(self) -> Loader[str, Author]:
        """Authors by id."""
        return Loader(self._authors)

    async def _authors(self, ids: list[str]) -> list[Author]:
        found = await self.lists.get(target("/authors", repeated("id", ids)), _authors, self.deadline)
        by_id = {one.id: one for one in found}
        return [by_id[id] for id in ids]


Info = strawberry.Info[Context, None]


async def _author(root: Post, info: Info) -> Author:
    return await info.context.authors.load(root.author_id)


async def _listed(info: Info) -> list[Post]:
    return await info.context.lists.get("/posts", _posts, info.context.deadline)


@view(Author, description="Who wrote a post.")
class AuthorView:
    name: str = field("The name.")


@view(Post, description="One of the list.")
class PostView:
    title: str = field("The title.")
    author: AuthorView = field("Who wrote it.", resolver=_author)


@strawberry.type(name="Query", description="What can be asked.")
class BenchQuery(Query):
    hello: str = field("A constant.", resolver=lambda: "world")
    posts: list[PostView] = field("A list.", resolver=_listed)


class KeptDownstream(Downstream):
    """Asks for everything once: the structs of later answers are in memory."""

    def __init__(self, base_url: str, transport: AiohttpTransport, name: str) -> None:
        super().__init__(base_url, transport, "", name)
        self._kept: dict[str, Any] = {}

    async def get(self, path: str, decoder: msgspec.json.Decoder[T], deadline: Deadline) -> T:
        """Return what was answered to the first such request."""
        if path not in self._kept:
            self._kept[path] = await super().get(path, decoder, deadline)
        return cast("T", self._kept[path])


def application(settings: Settings, url: str, source: str) -> Starlette:
    """Build the gateway over the benchmark's upstream."""
    transport = AiohttpTransport()
    kind = KeptDownstream if source == "memory" else Downstream

    def service(name: str) -> Downstream:
        return kind(url, transport, name=name)

    backends = Backends(
        AccountsClient(service("accounts")), EventsClient(service("events")), AnalyticsClient(service("analytics"))
    )
    cursors, lists = CursorCodec([b"k" * 32]), service("lists")

    def make_context(principal: Principal) -> Context:
        deadline = Deadline.after(settings.request_timeout_s)
        return Context(principal, backends, deadline, cast("FeedPort", None), cursors, lists)

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
    port, upstream_port, source, folder = sys.argv[1:]
    most = 10_000_000
    settings = Settings(
        port=int(port), data_dir=Path(folder), customer_cost_per_minute=most, address_requests_per_minute=most,
    )  # fmt: skip
    serve(application(settings, f"http://127.0.0.1:{upstream_port}", source), settings)


if __name__ == "__main__":
    main()
