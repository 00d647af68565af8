"""The edge as one ASGI application: `/graphql` over every transport, health, and what surrounds them.

Knows no schema and no service: app.py gives it an engine and an authenticator; tests give it others.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from contracts.settings import Settings, split_setting
from gateway.answers import encode_json
from gateway.draining import Draining
from gateway.edge_headers import EdgeHeaders
from gateway.execution import Engine
from gateway.health import Checks, Health
from gateway.http import GraphQLOverHTTP
from gateway.identity import Authenticator
from gateway.operators import operators
from gateway.rate_limits import RateLimits
from gateway.revocation_route import EndPushes, revocation_route
from gateway.revocation_stores import Revocation
from gateway.statuses import StatusProfile
from gateway.streams import Streams
from gateway.websocket import INIT_WAIT_S, Sockets

PATH = "/graphql"

Lifespan = Callable[[Starlette], AbstractAsyncContextManager[None]]


def create_edge(
    settings: Settings,
    *,
    engine: Engine,
    authenticator: Authenticator,
    rates: RateLimits,
    checks: Checks,
    lifespan: Lifespan | None = None,
    routes: Sequence[BaseRoute] = (),
    init_wait_s: float = INIT_WAIT_S,
    end_pushes: EndPushes | None = None,
) -> Starlette:
    """Build the application around an engine; `routes` come after its own. `state.streams` and `.sockets` count.

    `end_pushes` is told of each revocation; None where nobody pushes.
    """
    origins, is_operator = split_setting(settings.allowed_origins), operators(settings)
    draining = Draining()
    streams = Streams(engine, authenticator.revocations, draining)
    sockets = Sockets(engine, authenticator, rates, draining, allowed_origins=origins, init_wait_s=init_wait_s)
    profile = StatusProfile(settings.http_statuses)
    graphql = GraphQLOverHTTP(engine, authenticator, rates, streams, profile, settings.batch_max)
    app = _Edge(
        routes=[
            *Health(checks, is_operator, draining).routes(),
            revocation_route(authenticator.revocations, is_operator, end_pushes or _no_pushes),
            *routes,
        ],
        middleware=[
            Middleware(EdgeHeaders, allowed_hosts=split_setting(settings.allowed_hosts), allowed_origins=origins),
            Middleware(Straight, path=PATH, http=graphql, websocket=sockets),
        ],
        exception_handlers={404: _not_found, 405: _not_allowed},
        lifespan=lifespan,
    )
    app.state.streams, app.state.sockets, app.state.draining = streams, sockets, draining
    return app


class _Edge(Starlette):
    """Starlette without its outermost middleware: EdgeHeaders answers what fails, with the headers of every answer."""

    def build_middleware_stack(self) -> ASGIApp:
        """Return the layers around the router."""
        app: ASGIApp = ExceptionMiddleware(self.router, handlers=self.exception_handlers)
        for cls, args, kwargs in reversed(self.user_middleware):
            app = cls(app, *args, **kwargs)
        return app


class Straight:
    """Middleware that has one path answered without the router, whose search costs more than some requests.

    What waits in the router and its middleware would cost each open socket two kilobytes.
    """

    def __init__(self, app: ASGIApp, *, path: str, http: ASGIApp, websocket: ASGIApp) -> None:
        self._app = app
        self._path = path
        self._answered_by = {"http": http, "websocket": websocket}

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Pass a request on."""
        app = self._answered_by.get(scope["type"]) if scope.get("path") == self._path else None
        return (app or self._app)(scope, receive, send)


async def _no_pushes(_: Revocation) -> None: ...


async def _not_found(_: Request, __: Exception) -> Response:
    return _error(404, "Not found.", "NOT_FOUND")


async def _not_allowed(_: Request, error: Exception) -> Response:
    answer = _error(405, "Method not allowed.", "METHOD_NOT_ALLOWED")
    answer.headers.update(getattr(error, "headers", None) or {})
    return answer


def _error(status: int, message: str, code: str) -> Response:
    body = {"errors": [{"message": message, "extensions": {"code": code}}]}
    return Response(encode_json(body), status, media_type="application/json")
