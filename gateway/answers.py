"""Answers over HTTP: bytes, status and headers, and the one JSON encoder."""

from collections.abc import Iterable
from math import ceil
from typing import Any

import orjson
from starlette.types import Send

from contracts.failures import Failure
from gateway.errors import MISSING_SCOPE, render_failure
from gateway.identity import NoToken
from gateway.media_types import GRAPHQL_RESPONSE, JSON
from gateway.plans.texts import Written
from gateway.rate_limits import RateLimited
from gateway.step_up import StepUpRequired

CHALLENGE = 'Bearer realm="belfry"'
RawHeaders = list[tuple[bytes, bytes]]

SECURITY_HEADERS: RawHeaders = [
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
]
"""On every answer that does not bring its own; the gateway answers nothing a browser should render or keep."""

CONTENT_TYPES = {
    GRAPHQL_RESPONSE: b"application/graphql-response+json; charset=utf-8",
    JSON: b"application/json; charset=utf-8",
}


def encode_json(value: Any) -> bytes:
    """Encode an answer; what orjson does not know is shown as text, keys that are no text included."""
    try:
        return orjson.dumps(value, default=_shown, option=orjson.OPT_PASSTHROUGH_SUBCLASS)
    except orjson.JSONEncodeError:  # such keys triple what every answer costs
        return orjson.dumps(value, default=_shown, option=orjson.OPT_PASSTHROUGH_SUBCLASS | orjson.OPT_NON_STR_KEYS)


def _shown(value: Any) -> Any:
    return orjson.Fragment(value.text) if type(value) is Written else str(value)


async def send_answer(
    send: Send, status: int, body: bytes, content_type: bytes, headers: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    """Send a whole answer."""
    raw = [(b"content-type", content_type), (b"content-length", b"%d" % len(body)), *headers]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


async def send_json(
    send: Send, status: int, value: Any, media_type: str = JSON, headers: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    """Send a value as JSON of the given media type."""
    await send_answer(send, status, encode_json(value), CONTENT_TYPES[media_type], headers)


def _challenge_of(failure: Failure) -> str | None:
    """Return what a client needs to be let in (RFC 6750, 3; RFC 9470, 3); None where that is no matter of its token."""
    if isinstance(failure, StepUpRequired):
        return failure.challenge
    if failure.reason == MISSING_SCOPE:
        return f'{CHALLENGE}, error="insufficient_scope"'
    if failure.status == 401:
        return CHALLENGE if isinstance(failure, NoToken) else f'{CHALLENGE}, error="invalid_token"'
    return None


async def send_failure(
    send: Send, failure: Failure, media_type: str = JSON, headers: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    """Send a failure as a GraphQL response with its HTTP status and the headers that go with it."""
    more = list(headers)
    challenge = _challenge_of(failure)
    if challenge is not None:
        more.append((b"www-authenticate", challenge.encode()))
    if isinstance(failure, RateLimited):
        more += failure.standing.headers()
    if failure.retry_after_s is not None:
        more.append((b"retry-after", b"%d" % max(1, ceil(failure.retry_after_s))))
    await send_json(send, failure.status, {"errors": [render_failure(failure)]}, media_type, more)
