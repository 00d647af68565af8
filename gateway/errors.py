"""Everything a client is told went wrong is rendered here, once, for every transport.

    a Failure of contracts/          its message, its code, when to retry
    GraphQL's own refusals           syntax, validation and coercion messages; with suggestions for developers
    anything else                    `Internal error`, code INTERNAL and the trace id; the cause goes to the log

Nothing here decides a status; http.py does.
"""

from collections.abc import Iterable
from typing import Any

import structlog
from graphql import GraphQLError, GraphQLSyntaxError
from strawberry.exceptions import StrawberryInputCoercionError

from contracts.failures import Failure

INTERNAL = "INTERNAL"
PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
BAD_VARIABLES = "BAD_USER_INPUT"
"""The three codes Apollo's clients and tools know for the client's own mistakes."""
NOT_PERSISTED = "PERSISTED_QUERY_NOT_FOUND"
MISSING_SCOPE = "MISSING_SCOPE"
OPERATION_FAILED = "OPERATION_RESOLUTION_FAILURE"

_log = structlog.get_logger(__name__)


def render_failure(failure: Failure) -> dict[str, Any]:
    """Render a failure that ended the whole request."""
    return {"message": failure.message, "extensions": _extensions(failure)}


def render_refusals(errors: Iterable[GraphQLError], code: str = VALIDATION_FAILED) -> list[dict[str, Any]]:
    """Render GraphQL's own refusals of a document or its variables: their text is about the client's input."""
    return [
        {
            **_place(error),
            "message": error.message,
            "extensions": {"code": PARSE_FAILED if isinstance(error, GraphQLSyntaxError) else code},
        }
        for error in errors
    ]


def render_errors(errors: Iterable[GraphQLError], trace_id: str) -> list[dict[str, Any]]:
    """Render the errors of an execution."""
    return [_render(error, trace_id) for error in errors]


def internal_error(cause: BaseException | None, trace_id: str) -> dict[str, Any]:
    """Render an error of ours, and log its cause under the trace id."""
    _log.error("internal error", trace_id=trace_id, error=type(cause).__name__, exc_info=cause)
    return {"message": "Internal error.", "extensions": {"code": INTERNAL, "traceId": trace_id}}


def _render(error: GraphQLError, trace_id: str) -> dict[str, Any]:
    cause = _cause(error)
    if isinstance(cause, Failure):
        return {**_place(error), **render_failure(cause)}
    if isinstance(cause, StrawberryInputCoercionError) or (isinstance(cause, GraphQLError) and cause.nodes):
        # Raised about the document (an argument's value); what graphql-core raises about results has no nodes.
        return {**_place(error), "message": cause.message, "extensions": {"code": BAD_VARIABLES}}
    return {**_place(error), **internal_error(cause, trace_id)}


def _cause(error: GraphQLError) -> BaseException:
    """Return what was raised first, below the layers graphql-core and Strawberry put around it."""
    cause: BaseException = error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    return cause


def _place(error: GraphQLError) -> dict[str, Any]:
    place: dict[str, Any] = {}
    if error.locations:
        place["locations"] = [{"line": one.line, "column": one.column} for one in error.locations]
    if error.path:
        place["path"] = error.path
    return place


def _extensions(failure: Failure) -> dict[str, Any]:
    extensions: dict[str, Any] = {"code": failure.reason}
    if failure.pointer is not None:
        extensions["pointer"] = failure.pointer
    if failure.retry_after_s is not None:
        extensions["retryAfter"] = failure.retry_after_s
    return {**extensions, **failure.hints}
