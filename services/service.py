"""What every service has around its own routes: health, metrics, access, OpenAPI, and the server process.

It is not where anything of a domain happens. Services are reached by the gateway and by producers only.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, cast

import uvicorn
from litestar import Litestar, MediaType, Response, get
from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException
from litestar.handlers import BaseRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.types import ASGIApp, ControllerRouterHandler
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from contracts.logs import configure_logs
from contracts.servers import AnnouncingServer
from contracts.settings import Settings
from contracts.tls import service_server_tls
from services.access import Access
from services.deadlines import deadlines
from services.hosts import AllowedHosts
from services.problems import EXCEPTION_HANDLERS, HEADERS

REQUEST_BYTES_MAX = 1024 * 1024
"""Largest body of a request that is not a stream."""
SHUTDOWN_S_MAX = 2
"""How long open requests may go on after SIGTERM."""
GC_THRESHOLDS = (100_000, 50, 1_000)
"""A batch is thousands of short-lived structs without cycles, and next to none of the state is ever garbage: by default
collecting costs a sixth of the CPU."""
OPENAPI_PATH = "/openapi.json"
"""The only path below which what does not exist is answered by the framework's page instead of a problem."""

Ready = Callable[[], Awaitable[dict[str, bool]]]
Lifespan = Callable[[Litestar], AbstractAsyncContextManager[None]]


def create_service(
    *,
    title: str,
    version: str,
    handlers: Sequence[ControllerRouterHandler],
    lifespan: Lifespan,
    ready: Ready,
    access: Access,
) -> Litestar:
    """Build a service's application around its route handlers.

    `ready` names each dependency and whether it answers. Where a token is set, every path but health demands it.
    """
    return Litestar(
        route_handlers=[*handlers, *_health(ready), metrics],
        lifespan=[lambda _: access.following(), lifespan],
        middleware=[deadlines],
        guards=[_guard(access)] if access.is_guarded else [],
        exception_handlers=EXCEPTION_HANDLERS,
        openapi_config=OpenAPIConfig(
            title=title, version=version, path=OPENAPI_PATH, render_plugins=[JsonRenderPlugin(path="/")]
        ),
        request_max_body_size=REQUEST_BYTES_MAX,
        response_headers=HEADERS,
        logging_config=None,
    )


def _health(ready: Ready) -> list[BaseRouteHandler]:
    @get("/health/live", opt={"public": True}, sync_to_thread=False, summary="Whether the process runs")
    def live() -> dict[str, str]:
        return {"status": "live"}

    @get("/health/ready", opt={"public": True}, summary="Whether every dependency answers; 503 when one does not")
    async def readiness() -> Response[dict[str, dict[str, bool]]]:
        checks = await ready()
        return Response({"checks": checks}, status_code=200 if all(checks.values()) else 503)

    return [live, readiness]


@get("/metrics", sync_to_thread=False, media_type=MediaType.TEXT, summary="Prometheus metrics", include_in_schema=False)
def metrics() -> Response[bytes]:
    """Answer the process's metrics in the Prometheus text format."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def _guard(access: Access) -> Callable[[ASGIConnection[Any, Any, Any, Any], BaseRouteHandler], None]:
    def demand_token(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        if not handler.opt.get("public") and not access.allows(connection.headers.get("authorization", "")):
            raise NotAuthorizedException("This service needs its bearer token.")

    return demand_token


def serve(app: Litestar, settings: Settings, port: int) -> None:
    """Run a service until SIGTERM or SIGINT; open requests get a few seconds to end.

    Raises:
        BadSetting: a certificate cannot be used.
    """
    configure_logs(settings.log_level)
    AnnouncingServer(server_config(app, settings, port), GC_THRESHOLDS).run()


def server_config(app: Litestar, settings: Settings, port: int) -> uvicorn.Config:
    """Return how a service is served.

    Raises:
        BadSetting: a certificate cannot be used.
    """
    tls = service_server_tls(settings)
    return uvicorn.Config(
        AllowedHosts(cast("ASGIApp", app), settings),
        host=settings.host,
        port=port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=SHUTDOWN_S_MAX,
        backlog=512,
        ssl_context_factory=None if tls is None else lambda _, __: tls,
    )
