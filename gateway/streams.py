"""Answers one after another over HTTP: one loop for server-sent events and for multipart, which differ in framing.

Headers go out at once; a heartbeat follows every `HEARTBEAT_S` without an answer; the token's expiry or revocation and
the client's leaving end the stream. Caps are per customer and per address.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any, NamedTuple, Protocol

from starlette.types import Receive, Scope, Send

from gateway.answers import RawHeaders
from gateway.callers import Caller
from gateway.connections import STREAMS_PER_ADDRESS_MAX, STREAMS_PER_CUSTOMER_MAX, Caps, address_of
from gateway.errors import render_failure
from gateway.execution import Engine, Payload, Selected
from gateway.identity import token_expired, token_revoked
from gateway.revocations import Revocations
from gateway.telemetry import OPEN

HEARTBEAT_S = 12.0
HEADERS: RawHeaders = [(b"cache-control", b"no-store, no-transform"), (b"x-accel-buffering", b"no")]


class Framing(Protocol):
    """How answers look on the wire."""

    @property
    def content_type(self) -> bytes: ...
    @property
    def opening(self) -> bytes: ...
    @property
    def heartbeat(self) -> bytes: ...
    @property
    def closing(self) -> bytes: ...

    def frame(self, payload: Payload) -> bytes:
        """Encode one answer."""
        ...


class _Ends(NamedTuple):
    """What ends a stream before its operation does: the client leaves, the token is revoked, or expires."""

    gone: "asyncio.Future[None]"
    revoked: "asyncio.Future[None]"
    expires_at: float


class Streams:
    """Serves operations as streams, within the caps of each customer and address."""

    def __init__(
        self,
        engine: Engine,
        revocations: Revocations,
        *,
        heartbeat_s: float = HEARTBEAT_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._engine = engine
        self._revocations = revocations
        self._heartbeat_s = heartbeat_s
        self._clock = clock
        self.customers = Caps(STREAMS_PER_CUSTOMER_MAX, "streams")
        self.addresses = Caps(STREAMS_PER_ADDRESS_MAX, "streams")

    async def serve(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        framing: Framing,
        more: RawHeaders,
        selected: Selected,
        caller: Caller,
    ) -> None:
        """Answer with the operation's results until it ends, the token expires or the client leaves; `more`: headers.

        Raises:
            Overloaded: too many streams are open; before anything was sent.
            Refused: the variables do not fit; before anything was sent.
        """
        with self.addresses.one(address_of(scope)), self.customers.one(caller.principal.customer_id):
            payloads = self._engine.answers(selected, caller)
            async with aclosing(payloads):
                first = asyncio.ensure_future(anext(payloads, None))
                await asyncio.wait([first], timeout=0)  # lets a refusal of the variables become a status
                if first.done():
                    first.result()
                headers = [(b"content-type", framing.content_type), *HEADERS, *more]
                await send({"type": "http.response.start", "status": 200, "headers": headers})
                await _write(send, framing.opening)
                gone = asyncio.ensure_future(_disconnected(receive))
                try:
                    with (
                        OPEN.labels(caller.transport).track_inprogress(),
                        self._revocations.watching(caller.principal) as revoked,
                    ):
                        ends = _Ends(gone, revoked, caller.principal.expires_at)
                        await self._pump(send, framing, payloads, first, ends)
                finally:
                    gone.cancel()

    async def _pump(
        self,
        send: Send,
        framing: Framing,
        payloads: AsyncGenerator[Payload],
        upcoming: "asyncio.Future[Payload | None]",
        ends: "_Ends",
    ) -> None:
        try:
            while True:
                remaining_s = ends.expires_at - self._clock()
                if ends.revoked.done() or remaining_s <= 0:
                    failure = token_revoked() if ends.revoked.done() else token_expired()
                    last = framing.frame({"errors": [render_failure(failure)]})
                    await _write(send, last + framing.closing, more=False)
                    return
                timeout_s = min(self._heartbeat_s, remaining_s)
                waited: list[asyncio.Future[Any]] = [upcoming, ends.gone, ends.revoked]
                await asyncio.wait(waited, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
                if ends.gone.done():
                    return
                if ends.revoked.done():
                    continue
                if not upcoming.done():
                    await _write(send, framing.heartbeat)
                    continue
                payload = upcoming.result()
                if payload is None:
                    await _write(send, framing.closing, more=False)
                    return
                await _write(send, framing.frame(payload))
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
