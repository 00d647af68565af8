"""What every service has around its own routes: problems, health, metrics, access, OpenAPI, and the server process.

It is not where anything of a domain happens. Services are reached by the gateway and by producers only.
"""

import hmac
import re
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import structlog
import uvicorn
from litestar import Litestar, MediaType, Request, Response, get
from litestar.connection import ASGIConnection
from litestar.exceptions import HTTPException, NotAuthorizedException, SerializationException, ValidationException
from litestar.handlers import BaseRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.params import ParameterKwarg
from litestar.types import ControllerRouterHandler
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from contracts.failures import Failure, Problem
from contracts.logs import configure_logs
from contracts.servers import AnnouncingServer
from contracts.settings import Settings
from contracts.tls import service_server_tls
from services.deadlines import deadlines

REQUEST_BYTES_MAX = 1024 * 1024
"""Largest body of a request that is not a stream."""
SHUTDOWN_S_MAX = 2
"""How long open requests may go on after SIGTERM."""
GC_THRESHOLDS = (100_000, 50, 1_000)
"""A batch is thousands of short-lived structs without cycles, and next to none of the state is ever garbage: by default
collecting costs a sixth of the CPU."""
PROBLEM = "application/problem+json"
OPENAPI_PATH = "/openapi.json"
"""The only path below which what does not exist is answered by the framework's page instead of a problem."""
HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}

BODY = "data"
"""What the framework calls a request's body."""
MISSING_FIELD = re.compile(r"missing required field `([^`]*)`")

Ready = Callable[[], Awaitable[dict[str, bool]]]
Lifespan = Callable[[Litestar], AbstractAsyncContextManager[None]]

_log = structlog.get_logger(__name__)


def create_service(
    *,
    title: str,
    version: str,
    handlers: Sequence[ControllerRouterHandler],
    lifespan: Lifespan,
    ready: Ready,
    token: str,
) -> Litestar:
    """Build a service's application around its route handlers.

    `ready` names each dependency and whether it answers. With a `token`, every path but health demands it as a bearer.
    """
    return Litestar(
        route_handlers=[*handlers, *_health(ready), metrics],
        lifespan=[lifespan],
        middleware=[deadlines],
        guards=[_guard(token)] if token else [],
        exception_handlers={
            Failure: _render_failure,
            ValidationException: _render_validation,
            SerializationException: _render_validation,
            RecursionError: _render_depth,
            HTTPException: _render_http,
            Exception: _render_unexpected,
        },
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


def _guard(token: str) -> Callable[[ASGIConnection[Any, Any, Any, Any], BaseRouteHandler], None]:
    expected = f"Bearer {token}".encode()

    def demand_token(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        given = connection.headers.get("authorization", "").encode()
        if not handler.opt.get("public") and not hmac.compare_digest(given, expected):
            raise NotAuthorizedException("This service needs its bearer token.")

    return demand_token


def _answer(problem: Problem) -> Response[Problem]:
    headers = {"Retry-After": str(max(1, round(problem.retry_after_s)))} if problem.retry_after_s is not None else {}
    if problem.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(problem, status_code=problem.status, media_type=PROBLEM, headers=headers)


def _render_failure(request: Request[Any, Any, Any], failure: Failure) -> Response[Problem]:
    if failure.status >= 500:
        _log.error("request failed", path=request.url.path, code=failure.reason, detail=failure.detail)
    return _answer(failure.problem())


def _render_validation(
    request: Request[Any, Any, Any], error: HTTPException | SerializationException
) -> Response[Problem]:
    extra = getattr(error, "extra", None)
    first = extra[0] if isinstance(extra, list) and extra else {}
    key, message = (first.get("key"), first.get("message")) if isinstance(first, dict) else (None, None)
    if key == BODY and message == repr(BODY):
        return _answer(Problem(400, "BAD_INPUT", "A JSON body is needed."))
    return _answer(Problem(400, "BAD_INPUT", str(message or error.detail), _pointer(request, key, message)))


def _pointer(request: Request[Any, Any, Any], key: str | None, message: str | None) -> str | None:
    """Return the place of a mistake as the caller wrote it (RFC 6901), from what the framework calls it."""
    if key is None:
        return None
    place = _wire_name(request.route_handler, key).replace("]", "").replace("[", "/").replace(".", "/")
    missing = MISSING_FIELD.search(message or "")
    steps = [place] if place != BODY else []
    return "".join(f"/{step}" for step in [*steps, *(missing.groups() if missing else ())]) or None


def _wire_name(handler: BaseRouteHandler, name: str) -> str:
    """Return what a parameter is called in the URL."""
    provided = [provide.parsed_fn_signature for provide in handler.resolve_dependencies().values()]
    for signature in (handler.parsed_fn_signature, *provided):
        parameter = signature.parameters.get(name)
        if parameter is not None and isinstance(parameter.kwarg_definition, ParameterKwarg):
            return parameter.kwarg_definition.name or name
    return name


def _render_depth(_: Request[Any, Any, Any], __: RecursionError) -> Response[Problem]:
    # Only a decoder of bodies recurses, as deep as the body is.
    return _answer(Problem(400, "BAD_INPUT", "The body is nested too deeply."))


def _render_http(_: Request[Any, Any, Any], error: HTTPException) -> Response[Problem]:
    codes = {401: "UNAUTHENTICATED", 404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED", 413: "TOO_LARGE"}
    return _answer(Problem(error.status_code, codes.get(error.status_code, "BAD_INPUT"), error.detail))


def _render_unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    # The edge of the process: whatever reaches here is our fault, and its text stays inside.
    _log.error("unexpected", path=request.url.path, error=type(error).__name__, exc_info=error)
    return _answer(Problem(500, "INTERNAL", "Internal error."))


def serve(app: Litestar, settings: Settings, port: int) -> None:
    """Run a service until SIGTERM or SIGINT; open requests get a few seconds to end.

    Raises:
        BadSetting: a certificate cannot be used.
    """
    configure_logs(settings.log_level)
    tls = service_server_tls(settings)
    config = uvicorn.Config(
        app,
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
    AnnouncingServer(config, GC_THRESHOLDS).run()
