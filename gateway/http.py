"""GraphQL over HTTP on `/graphql`: POST and GET, one answer or a stream of them, by what the client accepts.

Which status an answer has is decided in statuses.py, how it is framed in negotiation.py. Cross-site requests are no
danger: the credential is a bearer token in a header, which no browser adds by itself and no page of another origin may
add without a preflight that edge_headers.py grants to the listed origins only; besides, POST demands
`application/json`.
"""

from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from clients.timeouts import Timeout
from contracts.failures import Failure, Rejected, TimedOut, TooLarge, Unauthenticated, UnsupportedMedia
from gateway.answering import Answer
from gateway.answers import CONTENT_TYPES, encode_json, send_answer, send_failure, send_json
from gateway.batches import Batches
from gateway.bodies import decode_json
from gateway.callers import Caller, new_trace_id
from gateway.connections import address_of
from gateway.documents import is_mutation
from gateway.eagerness import begin
from gateway.errors import render_failure
from gateway.execution import Engine, Refused
from gateway.identity import Authenticator
from gateway.media_types import JSON, parse_media_type
from gateway.negotiation import (
    NotAcceptable,
    accepts_streams_only,
    choose_framing,
    demand_acceptable,
    prefers_events,
    single_type,
)
from gateway.operations import BadRequest, Operation, read_operation, read_url_operation
from gateway.rate_limits import RateLimits
from gateway.sse import COMPLETE, EventFraming, with_last_event_id
from gateway.statuses import StatusProfile, answer_status, bad_request_status, refusal_status
from gateway.streams import Streams
from gateway.telemetry import Transport, count_refusal
from resolvers.principal import Principal

BODY_BYTES_MAX = 256 * 1024
BODY_S_MAX = 10.0
"""How long a client may take to send its body, in seconds."""
URL_BYTES_MAX = 16 * 1024
URL_PARAMETERS_MAX = 20

VARY = (b"vary", b"Accept")

Headers = dict[bytes, bytes]
"""By lower-case name; of a request's, few are even decoded."""


class MethodNotAllowed(Rejected):
    """Neither GET nor POST, or a mutation by GET."""

    code = "METHOD_NOT_ALLOWED"
    status = 405


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

    def __init__(
        self,
        engine: Engine,
        authenticator: Authenticator,
        rates: RateLimits,
        streams: Streams,
        profile: StatusProfile,
        batch_max: int,
    ) -> None:
        self._engine = engine
        self._batches = Batches(engine, batch_max)
        self._rates = rates
        self._authenticator = authenticator
        self._streams = streams
        self._profile = profile
        self._body_timeout = Timeout(BODY_S_MAX)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        headers = read_headers(scope)
        accept = _text(headers.get(b"accept"))
        media_type = single_type(accept)
        try:
            demand_acceptable(accept)
            await self._answer(scope, receive, send, headers, accept, media_type)
        except Refused as refused:
            if prefers_events(accept):
                # What graphql-sse's client shows to its user; it hides the body of any other status.
                body = EventFraming().frame(Answer(refused.payload, [])) + COMPLETE
                await send_answer(send, 200, body, EventFraming.content_type, [VARY])
            else:
                status = refusal_status(self._profile, media_type, refused.code)
                await send_json(send, status, refused.payload, media_type, [VARY])
        except MethodNotAllowed as failure:
            count_refusal(failure)
            allowed = b"POST" if scope["method"] == "GET" else b"GET, POST"
            await send_failure(send, failure, media_type, [VARY, (b"allow", allowed)])
        except BadRequest as failure:
            count_refusal(failure)
            status = bad_request_status(self._profile)
            await send_json(send, status, {"errors": [render_failure(failure)]}, media_type, [VARY])
        except Failure as failure:
            count_refusal(failure)
            await send_failure(send, failure, media_type, [VARY])
        except ClientDisconnect:
            return

    async def _answer(
        self, scope: Scope, receive: Receive, send: Send, headers: Headers, accept: str | None, media_type: str
    ) -> None:
        if scope["method"] not in ("GET", "POST"):
            raise MethodNotAllowed("Use GET or POST.")
        self._rates.admit(address_of(scope))
        trace_id = scope.get("state", {}).get("request_id") or new_trace_id()
        try:
            principal = await self._authenticator.authenticate(_text(headers.get(b"authorization")))
        except Unauthenticated as refusal:
            self._engine.auditor.stranger(trace_id, refusal)
            raise
        operation = await self._read(scope, receive, headers, principal)
        caller = Caller(principal, Transport.HTTP, trace_id)
        if isinstance(operation, list):
            await self._answer_batch(scope, send, operation, caller, accept)
            return
        selected = await self._engine.select(operation, caller)
        if scope["method"] == "GET" and is_mutation(selected.node):
            raise MethodNotAllowed("A mutation cannot be sent by GET.")
        framing = choose_framing(selected, accept)
        more = [VARY, *selected.charge.standing.headers()]
        if framing is None:
            payload = await self._engine.execute(selected, caller)
            status = answer_status(self._profile, payload)
            await send_answer(send, status, encode_json(payload), CONTENT_TYPES[media_type], more)
        else:
            resumed = with_last_event_id(selected, _text(headers.get(b"last-event-id")))
            headers.clear()  # a stream would keep them, the token in them too, as long as it is open
            scope["headers"] = []
            streaming = msgspec.structs.replace(caller, transport=Transport.SSE)
            await self._streams.serve(scope, receive, send, framing, more, resumed, streaming)

    async def _answer_batch(
        self, scope: Scope, send: Send, values: list[Any], caller: Caller, accept: str | None
    ) -> None:
        self._batches.demand_allowed(values)
        if accepts_streams_only(accept):
            raise NotAcceptable("A batch is answered as application/json.")
        for _ in values[1:]:
            self._rates.admit(address_of(scope))
        answers, standing = await self._batches.answer(values, caller)
        await send_json(send, 200, answers, JSON, [VARY, *standing])

    async def _read(
        self, scope: Scope, receive: Receive, headers: Headers, principal: Principal
    ) -> Operation | list[Any]:
        """Read what is asked: an operation, or the undecided values of a batch."""
        if scope["method"] == "GET":
            return _read_url(scope)
        problem = _problem_with(headers.get(b"content-type", b""), headers.get(b"content-encoding", b"identity"))
        if problem is not None:
            raise UnsupportedMedia(problem)
        _check_length(headers.get(b"content-length", b"0"))
        body = Body(receive)
        rest = begin(body.read())  # nearly every body is there already, and needs no timer
        if rest is not None:
            try:
                with self._body_timeout.one():
                    await rest
            except TimeoutError:
                raise SlowBody(f"The body did not arrive within {BODY_S_MAX:g} seconds.") from None
        if not body.data:
            raise BadRequest("The request has no body.")
        self._rates.charge_reading(principal.customer_id, len(body.data))
        value = decode_json(body.data)
        return value if isinstance(value, list) else read_operation(value)


def read_headers(scope: Scope) -> Headers:
    """Return a request's headers; a repeated one is joined by commas (RFC 9110, 5.3)."""
    given = scope["headers"]
    headers: Headers = dict(given)
    if len(headers) < len(given):
        headers.clear()
        for name, value in given:
            headers[name] = b"%b, %b" % (headers[name], value) if name in headers else value
    return headers


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")


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


@lru_cache(maxsize=256)
def _problem_with(content_type: bytes, content_encoding: bytes) -> str | None:
    """Say what is wrong with a body of such headers, or nothing."""
    given = parse_media_type(content_type.decode("latin-1"))
    if given is None or given.essence != JSON:
        return "The body must be application/json."
    if (given.parameter("charset") or "utf-8").lower() not in ("utf-8", "utf8"):
        return "The body must be in UTF-8."
    if content_encoding.strip().lower() not in (b"", b"identity"):
        return "The body must not be compressed."
    return None


def _check_length(declared: bytes) -> None:
    if declared.isdigit() and int(declared[:20]) > BODY_BYTES_MAX:
        raise TooLarge(f"The body is larger than {BODY_BYTES_MAX} bytes.")


class Body:
    """A body as it arrives, no more than `BODY_BYTES_MAX` of it; whole once `read` has ended."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._arrived = bytearray()
        self.data = b""

    async def read(self) -> None:
        """Take what comes, until all of it is there.

        Raises:
            TooLarge: there is more.
            ClientDisconnect: the client has left.
        """
        arrived = self._arrived
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            piece: bytes = message.get("body", b"")
            if len(arrived) + len(piece) > BODY_BYTES_MAX:
                raise TooLarge(f"The body is larger than {BODY_BYTES_MAX} bytes.")
            is_whole = not message.get("more_body", False)
            if is_whole and not arrived:
                self.data = piece  # nearly every body comes in one piece, which need not be copied
                return
            arrived += piece  # in place: however small the pieces, what is there is seldom copied
            if is_whole:
                self.data = bytes(arrived)
                return
