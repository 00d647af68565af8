"""GraphQL over HTTP on `/graphql`: POST and GET, one answer or a stream of events, by what the client accepts.

Follows the GraphQL-over-HTTP draft in its `compatible` reading: a client that accepts only `application/json` gets 200
for a well-formed request whatever its document; `application/graphql-response+json` gets 400 where nothing was
executed. Cross-site requests are no danger: the credential is a bearer token, which no browser adds by itself; besides,
POST demands a content type, and GET an accepted media type or a header, that a form or an image cannot send without a
preflight.
"""

import asyncio
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from contracts.failures import Failure, Rejected, TimedOut, TooLarge, UnsupportedMedia
from gateway.answers import send_answer, send_failure, send_json
from gateway.bodies import decode_json
from gateway.documents import is_query
from gateway.execution import Caller, Engine, Payload, Refused, Selected, new_trace_id
from gateway.identity import Authenticator
from gateway.media_types import EVENT_STREAM, GRAPHQL_RESPONSE, JSON, choose, parse_media_type
from gateway.operations import BadRequest, Operation, read_operation, read_url_operation
from gateway.sse import COMPLETE, EventStreams, encode_event, with_last_event_id
from gateway.telemetry import Transport, count_refusal

BODY_BYTES_MAX = 256 * 1024
BODY_S_MAX = 10.0
"""How long a client may take to send its body, in seconds."""
URL_BYTES_MAX = 16 * 1024
URL_PARAMETERS_MAX = 20

ANSWER_TYPES = (JSON, GRAPHQL_RESPONSE, EVENT_STREAM)
"""In the order of our preference, which only a client without one of its own meets."""
VARY = (b"vary", b"Accept")


class MethodNotAllowed(Rejected):
    """Neither GET nor POST, or a mutation by GET."""

    code = "METHOD_NOT_ALLOWED"
    status = 405


class NotAcceptable(Rejected):
    """The client accepts none of the media types the gateway answers with."""

    code = "NOT_ACCEPTABLE"
    status = 406


class UrlTooLong(Rejected):
    """The query string is over `URL_BYTES_MAX`."""

    code = "URL_TOO_LONG"
    status = 414


class SlowBody(TimedOut):
    """The body did not arrive within `BODY_S_MAX`."""

    code = "REQUEST_TIMEOUT"
    status = 408


class GraphQLOverHTTP:
    """The ASGI application behind `/graphql`."""

    def __init__(self, engine: Engine, authenticator: Authenticator, streams: EventStreams) -> None:
        self._engine = engine
        self._authenticator = authenticator
        self._streams = streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        headers = read_headers(scope)
        media_type = choose(headers.get("accept"), ANSWER_TYPES)
        error_type = media_type if media_type in (JSON, GRAPHQL_RESPONSE) else JSON
        try:
            if media_type is None:
                raise NotAcceptable(f"The answer can be one of {', '.join(ANSWER_TYPES)}.")
            await self._answer(scope, receive, send, headers, media_type)
        except Refused as refused:
            if media_type == EVENT_STREAM:
                # What graphql-sse's client shows to its user; it hides the body of any other status.
                await send_answer(
                    send, 200, encode_event(refused.payload) + COMPLETE, b"text/event-stream; charset=utf-8"
                )
            else:
                await self._send(send, refused.payload, error_type, executed=False)
        except MethodNotAllowed as failure:
            count_refusal(failure)
            allowed = b"POST" if scope["method"] == "GET" else b"GET, POST"
            await send_failure(send, failure, error_type, [VARY, (b"allow", allowed)])
        except Failure as failure:
            count_refusal(failure)
            await send_failure(send, failure, error_type, [VARY])
        except ClientDisconnect:
            return

    async def _answer(
        self, scope: Scope, receive: Receive, send: Send, headers: dict[str, str], media_type: str
    ) -> None:
        if scope["method"] not in ("GET", "POST"):
            raise MethodNotAllowed("Use GET or POST.")
        principal = await self._authenticator.authenticate(headers.get("authorization"))
        operation = await _read(scope, receive, headers)
        transport = Transport.SSE if media_type == EVENT_STREAM else Transport.HTTP
        caller = Caller(principal, transport, scope.get("state", {}).get("request_id") or new_trace_id())
        selected = self._select(scope, operation, headers, media_type)
        if media_type == EVENT_STREAM:
            await self._streams.serve(scope, receive, send, selected, caller)
        else:
            await self._send(send, await self._engine.execute(selected, caller), media_type, executed=True)

    def _select(self, scope: Scope, operation: Operation, headers: dict[str, str], media_type: str) -> Selected:
        selected = self._engine.select(operation)
        if scope["method"] == "GET" and not (is_query(selected.node) or selected.is_subscription):
            raise MethodNotAllowed("A mutation cannot be sent by GET.")
        if media_type == EVENT_STREAM:
            return with_last_event_id(selected, headers.get("last-event-id"))
        if selected.is_subscription:
            raise NotAcceptable("A subscription is answered as text/event-stream, or over a WebSocket.")
        return selected

    @staticmethod
    async def _send(send: Send, payload: Payload, media_type: str, *, executed: bool) -> None:
        status = 200 if executed or media_type == JSON else 400
        await send_json(send, status, payload, media_type, [VARY])


def read_headers(scope: Scope) -> dict[str, str]:
    """Return the request's headers by lower-case name; a repeated one is joined by commas (RFC 9110, 5.3)."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


async def _read(scope: Scope, receive: Receive, headers: dict[str, str]) -> Operation:
    if scope["method"] == "GET":
        return _read_url(scope)
    _check_content_type(headers)
    body = await _read_body(receive, headers)
    if not body:
        raise BadRequest("The request has no body.")
    value = decode_json(body)
    if isinstance(value, list):
        raise BadRequest("A request is one operation; batches are not taken.")
    return read_operation(value)


def _read_url(scope: Scope) -> Operation:
    query = scope["query_string"]
    if len(query) > URL_BYTES_MAX:
        raise UrlTooLong(f"The query string is longer than {URL_BYTES_MAX} bytes.")
    try:
        pairs = parse_qsl(
            query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=URL_PARAMETERS_MAX
        )
    except ValueError:
        raise BadRequest("The query string cannot be read.") from None
    return read_url_operation(pairs)


def _check_content_type(headers: dict[str, str]) -> None:
    given = parse_media_type(headers.get("content-type", ""))
    if given is None or given.essence != JSON:
        raise UnsupportedMedia("The body must be application/json.")
    if (given.parameter("charset") or "utf-8").lower() not in ("utf-8", "utf8"):
        raise UnsupportedMedia("The body must be in UTF-8.")
    if headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise UnsupportedMedia("The body must not be compressed.")


async def _read_body(receive: Receive, headers: dict[str, str]) -> bytes:
    """Read the body, no more than `BODY_BYTES_MAX` of it and no longer than `BODY_S_MAX`."""
    declared = headers.get("content-length", "0")
    if declared.isdigit() and int(declared[:20]) > BODY_BYTES_MAX:
        raise TooLarge(f"The body is larger than {BODY_BYTES_MAX} bytes.")
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_S_MAX):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnect
                body += message.get("body", b"")
                if len(body) > BODY_BYTES_MAX:
                    raise TooLarge(f"The body is larger than {BODY_BYTES_MAX} bytes.")
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError:
        raise SlowBody(f"The body did not arrive within {BODY_S_MAX:g} seconds.") from None
