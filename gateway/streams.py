"""Answers one after another over HTTP: one loop for server-sent events and for multipart, which differ in framing.

Headers go out at once; a heartbeat follows every `HEARTBEAT_S` without an answer; the token's expiry or revocation and
the client's leaving end the stream. Caps are per customer and per address.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Protocol

from starlette.types import Receive, Scope, Send

from contracts.failures import Failure, Forbidden
from gateway.answering import Answer, Answers, GeneratorAnswers
from gateway.answers import RawHeaders
from gateway.callers import Caller
from gateway.connections import STREAMS_PER_ADDRESS_MAX, STREAMS_PER_CUSTOMER_MAX, Caps, address_of
from gateway.delivery import Delivery, EndReason
from gateway.draining import Draining, Farewell
from gateway.errors import render_failure
from gateway.execution import Engine, Selected
from gateway.http_connections import CHUNKS, Writer, writer_of
from gateway.identity import token_expired, token_revoked
from gateway.revocations import Revocations
from gateway.telemetry import OPEN, count_refusal
from resolvers.feed import SendOff

HEARTBEAT_S = 12.0
CLOSING_S_MAX = 5.0
"""How long a client that is told why its stream ends may take to read it."""
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
        self._revocations = revocations
        self._draining = draining
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
            Unavailable: the gateway is stopping; before anything was sent.
            Refused: the variables do not fit; before anything was sent.
        """
        self._draining.demand_open()
        with (
            self.addresses.one(address_of(scope)),
            self.customers.one(caller.principal.customer_id),
            OPEN.labels(caller.transport).track_inprogress(),
        ):
            answers: Answers
            if selected.is_subscription:
                answers = self._engine.live(selected, caller)
            else:
                answers = once = GeneratorAnswers(self._engine.answers(selected, caller))
                await once.begin()
            headers = [(b"content-type", framing.content_type), *HEADERS, *more]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await _write(send, framing.opening)
            stream = _Stream(send, writer_of(scope, CHUNKS), framing, answers, caller, self._heartbeat_s)
            with self._revocations.watching(caller.principal) as revoked:
                revoked.add_done_callback(stream.token_revoked)
                stream.start(caller.principal.expires_at - self._clock())
                self._draining.enter(stream)
                try:
                    while (await receive())["type"] != "http.disconnect":
                        pass
                finally:
                    self._draining.leave(stream)
                    await stream.leave()


class _Stream:
    """One stream: a delivery, the heartbeats beside it, and what may end it early."""

    __slots__ = (
        "_closing", "_delivery", "_expires_at", "_framing", "_heartbeat_s", "_loop", "_send", "_sent", "_timer",
        "_writer",
    )  # fmt: skip

    def __init__(
        self,
        send: Send,
        writer: Writer,
        framing: Framing,
        answers: Answers,
        caller: Caller,
        heartbeat_s: float,
    ) -> None:
        self._send = send
        self._writer = writer
        self._framing = framing
        self._heartbeat_s = heartbeat_s
        self._loop = asyncio.get_running_loop()
        self._delivery = Delivery(answers, self, caller.transport, self._still)
        self._timer: asyncio.TimerHandle | None = None
        self._expires_at = 0.0
        self._closing: asyncio.Task[None] | None = None
        self._sent = False

    def start(self, remaining_s: float) -> None:
        """Begin; the token is good for so many seconds more."""
        self._expires_at = self._loop.time() + remaining_s
        self._set_timer()
        self._delivery.start()

    def write(self, answer: Answer) -> Coroutine[Any, Any, None] | None:
        """Send one answer."""
        self._sent = True
        data = self._framing.frame(answer)
        return None if self._writer.write(data) else _write(self._send, data)

    @property
    def send_off(self) -> SendOff:
        """What sends the answers that were written at once."""
        return self._writer.send_off

    def finish(self) -> Coroutine[Any, Any, None]:
        """Say that no more answers come."""
        return _write(self._send, self._framing.closing, more=False)

    def token_revoked(self, revoked: "asyncio.Future[None]") -> None:
        """End with an error that says so."""
        if not revoked.cancelled():
            self.close(EndReason.REVOKED, token_revoked())

    def close(self, reason: EndReason, failure: Failure) -> None:
        """End with a last answer that says why."""
        if self._delivery.reason is None:
            self._delivery.end(reason)
            last = self._framing.frame(Answer({"errors": [render_failure(failure)]}, []))
            self._closing = asyncio.create_task(_close(self._send, last + self._framing.closing))

    def reconsider(self) -> None:
        """End it where it may be run no more."""
        try:
            self._delivery.answers.reconsider()
        except Forbidden as failure:
            count_refusal(failure)
            self.close(EndReason.REFUSED, failure)

    def drain(self, reconnect_after_ms: int) -> None:
        """End with when to come back, and where to go on."""
        if self._delivery.reason is None:
            last = self._framing.farewell(Farewell(reconnect_after_ms, self._delivery.cursor()))
            self._delivery.end(EndReason.DRAINED)
            self._closing = asyncio.create_task(_close(self._send, last))

    async def leave(self) -> None:
        """The client has left, or all is said."""
        self._delivery.end(EndReason.GONE)
        if self._closing is not None:
            self._closing.cancel()
            await asyncio.wait([self._closing])

    def _set_timer(self) -> None:
        # One for both, as ten thousand idle streams have one each.
        left_s = self._expires_at - self._loop.time()
        self._timer = self._loop.call_later(max(0.0, min(left_s, self._heartbeat_s)), self._time_is_up)

    def _time_is_up(self) -> None:
        if self._loop.time() >= self._expires_at:
            self.close(EndReason.EXPIRED, token_expired())
            return
        # Only where nothing else was sent in the meantime: an answer keeps the connection just as well.
        if not self._sent and self._framing.heartbeat:
            self._delivery.beside(_write(self._send, self._framing.heartbeat))
        self._sent = False
        if self._delivery.reason is None:
            self._set_timer()

    def _still(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


async def _close(send: Send, last: bytes) -> None:
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(CLOSING_S_MAX):
            await _write(send, last, more=False)


async def _write(send: Send, data: bytes, *, more: bool = True) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": more})
