"""Server-sent events: the distinct-connections mode of the graphql-sse protocol, chosen by `Accept`.

    event: next      one answer; `id:` carries the feed cursor where the answer's root field has one
    event: complete  the operation ended; nothing follows
    : (comment)      every `HEARTBEAT_S`, so that proxies and phones keep the connection

Resuming: `Last-Event-ID` sets the variable that the operation's root field takes as argument `after`; a client writes
`subscription($after: FeedCursor) { alertFeed(after: $after) { … } }` once; any EventSource then resumes by itself.
Queries and mutations are answered with one `next`.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

import msgspec
from graphql import FieldNode, VariableNode
from starlette.types import Receive, Scope, Send

from contracts.failures import Unauthenticated
from gateway.answers import encode_json
from gateway.connections import STREAMS_PER_ADDRESS_MAX, STREAMS_PER_CUSTOMER_MAX, Caps
from gateway.errors import render_failure
from gateway.execution import Caller, Engine, Payload, Selected
from gateway.telemetry import OPEN, Transport
from resolvers.principal import Principal

HEARTBEAT_S = 12.0
LAST_EVENT_ID_CHARACTERS_MAX = 512

HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store, no-transform"),
    (b"x-accel-buffering", b"no"),
    (b"vary", b"Accept"),
]
COMPLETE = b"event: complete\ndata:\n\n"
HEARTBEAT = b":\n\n"


class EventStreams:
    """Serves operations as event streams, within the caps of each customer and address."""

    def __init__(
        self, engine: Engine, *, heartbeat_s: float = HEARTBEAT_S, clock: Callable[[], float] = time.time
    ) -> None:
        self._engine = engine
        self._heartbeat_s = heartbeat_s
        self._clock = clock
        self.customers = Caps(STREAMS_PER_CUSTOMER_MAX, "streams")
        self.addresses = Caps(STREAMS_PER_ADDRESS_MAX, "streams")

    async def serve(self, scope: Scope, receive: Receive, send: Send, selected: Selected, caller: Caller) -> None:
        """Answer with the operation's results until it ends, the token expires or the client leaves.

        Raises:
            Overloaded: too many streams are open; before anything was sent.
            Refused: the variables do not fit; before anything was sent.
        """
        address = (scope.get("client") or ("unknown", 0))[0]
        with self.addresses.one(address), self.customers.one(caller.principal.customer_id):
            payloads = self._payloads(selected, caller)
            async with aclosing(payloads):
                first = asyncio.ensure_future(anext(payloads, None))
                await asyncio.wait([first], timeout=0)  # lets a refusal of the variables become a status
                if first.done():
                    first.result()
                await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
                await send({"type": "http.response.body", "body": HEARTBEAT, "more_body": True})
                gone = asyncio.ensure_future(_disconnected(receive))
                try:
                    with OPEN.labels(Transport.SSE).track_inprogress():
                        await self._pump(send, payloads, first, gone, caller.principal)
                finally:
                    gone.cancel()

    async def _payloads(self, selected: Selected, caller: Caller) -> AsyncGenerator[Payload]:
        if not selected.is_subscription:
            yield await self._engine.execute(selected, caller)
            return
        async with aclosing(self._engine.subscribe(selected, caller)) as answers:
            async for answer in answers:
                yield answer

    async def _pump(
        self,
        send: Send,
        payloads: AsyncGenerator[Payload],
        upcoming: "asyncio.Future[Payload | None]",
        gone: "asyncio.Future[None]",
        principal: Principal,
    ) -> None:
        try:
            while True:
                remaining_s = principal.expires_at - self._clock()
                if remaining_s <= 0:
                    expired = {"errors": [render_failure(Unauthenticated("The token has expired."))]}
                    await _write(send, encode_event(expired) + COMPLETE, more=False)
                    return
                timeout_s = min(self._heartbeat_s, remaining_s)
                waited: list[asyncio.Future[Any]] = [upcoming, gone]
                await asyncio.wait(waited, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
                if gone.done():
                    return
                if not upcoming.done():
                    await _write(send, HEARTBEAT)
                    continue
                payload = upcoming.result()
                if payload is None:
                    await _write(send, COMPLETE, more=False)
                    return
                await _write(send, encode_event(payload))
                upcoming = asyncio.ensure_future(anext(payloads, None))
        finally:
            await _end(upcoming)


async def _end(upcoming: "asyncio.Future[Any]") -> None:
    """Stop waiting for an answer nobody will read, and let its generator finish what it was doing."""
    if not upcoming.done():
        upcoming.cancel()
        await asyncio.wait([upcoming])


async def _write(send: Send, data: bytes, *, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": more})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def encode_event(payload: Payload) -> bytes:
    """Encode one answer as a `next` event."""
    cursor = cursor_of(payload)
    event_id = b"id: %s\n" % cursor.encode() if cursor else b""
    return b"%sevent: next\ndata: %s\n\n" % (event_id, encode_json(payload))


def cursor_of(payload: Payload) -> str | None:
    """Return the feed cursor of an answer: the `cursor` of its first root field, or None."""
    data = payload.get("data")
    root = next(iter(data.values()), None) if isinstance(data, dict) else None
    cursor = root.get("cursor") if isinstance(root, dict) else None
    return cursor if isinstance(cursor, str) and cursor.isprintable() else None


def with_last_event_id(selected: Selected, last_event_id: str | None) -> Selected:
    """Return the operation resumed after `Last-Event-ID`, where its root field takes `after` from a variable."""
    if not last_event_id or len(last_event_id) > LAST_EVENT_ID_CHARACTERS_MAX or not selected.is_subscription:
        return selected
    name = _after_variable(selected)
    if name is None:
        return selected
    variables = {**selected.operation.variables, name: last_event_id}
    return msgspec.structs.replace(selected, operation=msgspec.structs.replace(selected.operation, variables=variables))


def _after_variable(selected: Selected) -> str | None:
    for field in selected.node.selection_set.selections:
        if isinstance(field, FieldNode):
            for argument in field.arguments or ():
                if argument.name.value == "after" and isinstance(argument.value, VariableNode):
                    return argument.value.name.value
    return None
