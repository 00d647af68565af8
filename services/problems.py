"""What a service refuses, rendered as problems (RFC 9457): by Litestar's handlers, and before Litestar is asked."""

import re
from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, SerializationException, ValidationException
from litestar.handlers import BaseRouteHandler
from litestar.params import ParameterKwarg
from litestar.types import ExceptionHandlersMap, Send

from contracts.failures import Failure, Problem

PROBLEM = "application/problem+json"
HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
"""Of every answer."""
BODY = "data"
"""What the framework calls a request's body."""
MISSING_FIELD = re.compile(r"missing required field `([^`]*)`")

_log = structlog.get_logger(__name__)


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


async def send_problem(send: Send, problem: Problem) -> None:
    """Answer a request with a problem, without Litestar."""
    body = msgspec.json.encode(problem)
    headers = {"Content-Type": PROBLEM, "Content-Length": str(len(body)), **HEADERS}
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": problem.status, "headers": raw})
    await send({"type": "http.response.body", "body": body, "more_body": False})


EXCEPTION_HANDLERS: ExceptionHandlersMap = {
    Failure: _render_failure,
    ValidationException: _render_validation,
    SerializationException: _render_validation,
    RecursionError: _render_depth,
    HTTPException: _render_http,
    Exception: _render_unexpected,
}
