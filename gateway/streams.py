"""Answers one after another over HTTP: one loop for server-sent events and for multipart, which differ in framing.

Headers go out at once; a heartbeat follows every `HEARTBEAT_S` without an answer; the token's expiry or revocation and
the client's leaving end the stream. Caps are per customer and per address. Once it has begun, a stream is no coroutine:
its source, its timer, the revocations and its connection call it.
"""

import asyncio
import math
import time
from collections.abc import Callable, Coroutine
from contextlib import ExitStack, suppress
from typing import Any, Protocol

from starlette.types import Receive, Scope, Send

from contracts.failures import Failure, Forbidden
from gateway.answering import Answer, Answers, GeneratorAnswers
from gateway.answers import RawHeaders
from gateway.callers import Caller
from gateway.connections import STREAMS_PER_ADDRESS_MAX, STREAMS_PER_CUSTOMER_MAX, Caps, Place, address_of
from gateway.delivery import Delivery, EndReason
from gateway.draining import Draining, Farewell
from gateway.errors import render_failure
from gateway.execution import Engine, Selected
from gateway.identity import token_expired, token_revoked
from gateway.revocations import Revocations, Watch
from gateway.telemetry import OPEN, count_refusal
from gateway.writers import ChunkWriter, chunk_writer_of
from resolvers.feed import SendOff
from resolvers.principal import Principal

HEARTBEAT_S = 12.0
CLOSING_S_MAX = 5.0
"""How long a client that is told why its stream ends may take to read it."""
LAPSED_S = 0.1
"""How long after a sign-in is no longer fresh enough that is looked at: certainly past it, whatever clocks round."""
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

    def frame(self, answer: Answer) -> bytes:
        """Encode one answer."""
        ...

    def farewell(self, farewell: Farewell) -> bytes:
        """Encode what a client is told by a gateway that stops; the end of the answer."""
        ...


class Streams:
    """Serves operations as streams, within the caps of each customer and address."""

    def __init__(
        self,
        engine: Engine,
        revocations: Revocations,
        draining: Draining,
        *,
        heartbeat_s: float = HEARTBEAT_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._engine = engine
        self.revocations = revocations
        self.draining = draining
        self.heartbeat_s = heartbeat_s
        self.clock = clock
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

        Where the server takes streams over, it returns once the answer has begun.

        Raises:
            Overloaded: too many streams are open; before anything was sent.
            Unavailable: the gateway is stopping; before anything was sent.
            Refused: the variables do not fit; before anything was sent.
        """
        self.draining.demand_open()
        places = self.addresses.one(address_of(scope)), self.customers.one(caller.principal.customer_id)
        with ExitStack() as taken:
            for place in places:
                taken.enter_context(place)
            answers: Answers
            if selected.is_subscription:
                answers = self._engine.live(selected, caller)
            else:
                answers = once = GeneratorAnswers(self._engine.answers(selected, caller))
                await once.begin()
            headers = [(b"content-type", framing.content_type), *HEADERS, *more]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": framing.opening, "more_body": True})
            chunks = chunk_writer_of(scope, send)
            stream = _Stream(self, chunks, framing, answers, caller, places)
            taken.pop_all()  # the stream leaves them
        goes_on = chunks.take_over(stream.leave)
        stream.start(caller.principal)
        if not goes_on:
            try:
                while (await receive())["type"] != "http.disconnect":
                    pass
            finally:
                stream.leave()


class _Stream:
    """One stream: a delivery, the heartbeats beside it, and what may end it early."""

    __slots__ = (
        "_chunks", "_closing", "_delivery", "_expires_at", "_framing", "_fresh_until", "_loop", "_places", "_sent",
        "_streams", "_timer", "_transport", "_watch", "send_off",
    )  # fmt: skip

    def __init__(
        self,
        streams: Streams,
        chunks: ChunkWriter,
        framing: Framing,
        answers: Answers,
        caller: Caller,
        places: tuple[Place, ...],
    ) -> None:
        self._streams = streams
        self._chunks = chunks
        self.send_off: SendOff = chunks.send_off
        self._framing = framing
        self._places = places
        self._loop = asyncio.get_running_loop()
        self._transport = caller.transport
        self._delivery = Delivery(answers, self, caller.transport, self._still)
        self._timer: asyncio.TimerHandle | None = None
        self._expires_at = self._fresh_until = math.inf
        self._closing: asyncio.Task[None] | None = None
        self._watch: Watch | None = None
        self._sent = False

    def start(self, principal: Principal) -> None:
        """Begin; it ends with the token that it was opened with."""
        streams = self._streams
        OPEN.labels(self._transport).inc()
        streams.draining.enter(self)
        self._watch = streams.revocations.watch(principal, self._token_revoked)
        self._expires_at = self._loop.time() + principal.expires_at - streams.clock()
        self.reconsider()
        self._set_timer()
        self._delivery.start()

    def write(self, answer: Answer) -> Coroutine[Any, Any, None] | None:
        """Send one answer."""
        self._sent = True
        data = self._framing.frame(answer)
        return None if self._chunks.write(data) else self._chunks.send(data)

    def finish(self) -> Coroutine[Any, Any, None]:
        """Say that no more answers come."""
        return self._chunks.finish(self._framing.closing)

    def close(self, reason: EndReason, failure: Failure) -> None:
        """End with a last answer that says why."""
        last = self._framing.frame(Answer({"errors": [render_failure(failure)]}, []))
        self._end(reason, last + self._framing.closing)

    def reconsider(self) -> None:
        """End it where it may be run no more."""
        try:
            until = self._delivery.answers.reconsider()
            self._fresh_until = math.inf if until is None else self._loop.time() + until - self._streams.clock()
        except Forbidden as failure:
            count_refusal(failure)
            self.close(EndReason.REFUSED, failure)

    def drain(self, reconnect_after_ms: int) -> None:
        """End with when to come back, and where to go on."""
        farewell = Farewell(reconnect_after_ms, self._delivery.cursor())
        self._end(EndReason.DRAINED, self._framing.farewell(farewell))

    def leave(self) -> None:
        """The client has left, or all is said; repeating it is harmless."""
        self._delivery.end(EndReason.GONE)
        if self._closing is not None:
            self._closing.cancel()
        if self._watch is not None:
            self._watch.close()
            self._watch = None
            self._streams.draining.leave(self)
            OPEN.labels(self._transport).dec()
            for place in self._places:
                place.__exit__()

    def _end(self, reason: EndReason, last: bytes) -> None:
        if self._delivery.reason is None:
            self._delivery.end(reason)
            self._closing = asyncio.create_task(_close(self._chunks, last))

    def _token_revoked(self) -> None:
        self.close(EndReason.REVOKED, token_revoked())

    def _set_timer(self) -> None:
        # One for all, as ten thousand idle streams have one each.
        left_s = min(self._expires_at, self._fresh_until + LAPSED_S) - self._loop.time()
        self._timer = self._loop.call_later(max(0.0, min(left_s, self._streams.heartbeat_s)), self._time_is_up)

    def _time_is_up(self) -> None:
        if self._loop.time() >= self._expires_at:
            self.close(EndReason.EXPIRED, token_expired())
            return
        if self._loop.time() >= self._fresh_until:
            self.reconsider()
        # Only where nothing else was sent in the meantime: an answer keeps the connection just as well.
        if not self._sent and self._framing.heartbeat:
            self._delivery.beside(self._chunks.send(self._framing.heartbeat))
        self._sent = False
        if self._delivery.reason is None:
            self._set_timer()

    def _still(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


async def _close(chunks: ChunkWriter, last: bytes) -> None:
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(CLOSING_S_MAX):
            await chunks.finish(last)
