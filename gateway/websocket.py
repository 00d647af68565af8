"""The socket loop around websocket_protocol: it reads, runs operations, keeps time, and does what the protocol says.

One task reads. A query has a task while it runs; a subscription is a delivery, which has none while nothing happens
(`delivery.py`). A timer ends the socket when the token expires, a watch when it is revoked. The server's own pings
(listeners.py) find dead peers. Whatever ends the socket ends what runs on it.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable
from contextlib import AbstractContextManager, suppress
from functools import partial
from typing import Any, ParamSpec, cast

from starlette.types import Receive, Scope
from starlette.types import Send as ASGISend

from contracts.failures import Failure, Forbidden, Overloaded, Unauthenticated, Unavailable
from gateway.answering import Answer
from gateway.answers import encode_json
from gateway.callers import Caller, new_trace_id
from gateway.connections import SOCKETS_PER_ADDRESS_MAX, SOCKETS_PER_CUSTOMER_MAX, Caps, address_of
from gateway.delivery import Delivery, EndReason
from gateway.draining import Draining
from gateway.errors import render_failure
from gateway.execution import Engine, Refused, Selected
from gateway.fair_timers import FairTimer
from gateway.identity import Authenticator
from gateway.live import LiveAnswers
from gateway.operations import Operation
from gateway.origins import origin_allowed
from gateway.rate_limits import RateLimits
from gateway.revocations import Watch
from gateway.streams import LAPSED_S
from gateway.telemetry import OPEN, Transport, count_refusal
from gateway.websocket_protocol import (
    SUBPROTOCOL,
    Action,
    Authenticate,
    Close,
    CloseCode,
    Protocol,
    Renew,
    Send,
    Start,
    Stop,
)
from gateway.writers import Writer, frame_writer_of
from resolvers.principal import Principal

INIT_WAIT_S = 3.0
MESSAGE_BYTES_MAX = 256 * 1024
"""Largest message a client may send; the server (listeners.py) closes with 1009 on a larger one."""

P = ParamSpec("P")
ClientGone = OSError
"""What an ASGI server raises from `send` once the peer is gone (ASGI specification, 2.4)."""


class Sockets:
    """The ASGI application behind WebSockets on `/graphql`."""

    def __init__(
        self,
        engine: Engine,
        authenticator: Authenticator,
        rates: RateLimits,
        draining: Draining,
        *,
        allowed_origins: Iterable[str] = (),
        init_wait_s: float = INIT_WAIT_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.engine = engine
        self.authenticator = authenticator
        self.rates = rates
        self.draining = draining
        self.init_wait_s = init_wait_s
        self.clock = clock
        self.customers = Caps(SOCKETS_PER_CUSTOMER_MAX, "sockets")
        self.addresses = Caps(SOCKETS_PER_ADDRESS_MAX, "sockets")
        self._allowed_origins = frozenset(allowed_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: ASGISend) -> None:
        """Serve one socket until it closes."""
        await receive()  # websocket.connect
        if not origin_allowed(scope, self._allowed_origins):
            await send({"type": "websocket.close", "code": CloseCode.FORBIDDEN, "reason": "Origin not allowed"})
            return
        if SUBPROTOCOL not in scope.get("subprotocols", ()):
            # Accepted first: a browser shows its page the close code of an accepted socket only.
            await send({"type": "websocket.accept"})
            code = CloseCode.SUBPROTOCOL_NOT_ACCEPTABLE
            await send({"type": "websocket.close", "code": code, "reason": "Subprotocol not acceptable"})
            return
        try:
            self.rates.admit(address_of(scope))
            with self.addresses.one(address_of(scope)):
                await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL})
                with OPEN.labels(Transport.WEBSOCKET).track_inprogress():
                    await _Socket(self, receive, send, frame_writer_of(scope)).run()
        except Overloaded:
            await send({"type": "websocket.close", "code": CloseCode.TOO_MANY, "reason": "Too many sockets"})


class _Socket:
    __slots__ = (
        "_closed", "_deliveries", "_fresh_timer", "_operations", "_pending", "_place", "_principal", "_protocol",
        "_receive", "_send", "_sockets", "_timer", "_watch", "_why", "writer",
    )  # fmt: skip

    def __init__(self, sockets: Sockets, receive: Receive, send: ASGISend, writer: Writer) -> None:
        self._sockets = sockets
        self._receive = receive
        self._send = send
        self.writer = writer
        self._protocol = Protocol()
        self._principal: Principal | None = None
        self._operations: dict[str, asyncio.Task[None]] = {}
        self._deliveries: dict[str, Delivery] = {}
        self._timer: asyncio.TimerHandle | FairTimer | None = None
        self._fresh_timer: asyncio.TimerHandle | None = None
        self._place: AbstractContextManager[None] | None = None
        self._watch: Watch | None = None
        self._pending: set[asyncio.Task[None]] = set()
        self._closed = False
        self._why = EndReason.GONE

    async def run(self) -> None:
        """Read messages until the socket closes, then end everything that runs for it."""
        init_timed_out = partial(self._time_is_up, self._protocol.init_timed_out)
        self._timer = FairTimer(self._sockets.init_wait_s, init_timed_out)
        self._sockets.draining.enter(self)
        try:
            while not self._closed:
                message = await self._receive()
                if message["type"] == "websocket.disconnect":
                    return
                text = message.get("text")  # absent in a binary message
                await self._do(self._receive_message(None if text is None else text.encode("utf-8", "replace")))
        except ClientGone:
            return
        finally:
            self._closed = True
            self._sockets.draining.leave(self)
            await self._end()

    def _receive_message(self, data: bytes | None) -> list[Action]:
        """Pay for a message, then have it read; the protocol bounds what strangers send."""
        try:
            if data is not None and self._principal is not None:
                self._sockets.rates.charge_reading(self._principal.customer_id, len(data))
        except Overloaded as failure:
            count_refusal(failure)
            return self._protocol.refused("Too many requests", CloseCode.TOO_MANY)
        return self._protocol.receive(data)

    def drain(self, reconnect_after_ms: int) -> None:
        """Close with when to come back and, where one feed is open and idle, where to go on."""
        self._why = EndReason.DRAINED
        cursors = [delivery.cursor() for delivery in self._deliveries.values()]
        farewell: dict[str, object] = {"reconnectAfterMs": reconnect_after_ms}
        if len(cursors) == 1 and cursors[0] is not None:
            farewell["cursor"] = cursors[0]
        self._spawn(self._do, self._protocol.restarting(encode_json(farewell).decode()))

    async def _do(self, actions: list[Action]) -> None:
        """Do what the protocol says; nothing once the socket is closed."""
        for action in actions:
            if self._closed:
                return
            match action:
                case Send(message):
                    await self._send({"type": "websocket.send", "text": encode_json(message).decode()})
                case Start(id, operation) if self._principal is not None:  # the protocol starts nothing before READY
                    work = self._until_gone(self._operate, id, operation, self._principal)
                    self._operations[id] = asyncio.create_task(work)
                case Stop(id):
                    self._cancel(id)
                case Authenticate(authorization):
                    self._spawn(self._authenticate, authorization)
                case Renew(authorization):
                    self._spawn(self._renew, authorization)
                case Close(code, reason):
                    self._closed = True
                    self._stop_all()
                    await self._send({"type": "websocket.close", "code": int(code), "reason": reason})

    async def _authenticate(self, authorization: str | None) -> None:
        try:
            principal = await self._sockets.authenticator.authenticate(authorization)
            place = self._sockets.customers.one(principal.customer_id)
            place.__enter__()
            self._place = place
        except Overloaded:
            await self._do(self._protocol.refused("Too many sockets", CloseCode.TOO_MANY))
        except Unauthenticated as failure:
            count_refusal(failure)
            self._sockets.engine.auditor.stranger(new_trace_id(), failure)
            await self._do(self._protocol.refused())
        except Unavailable:
            await self._do(self._protocol.refused("Try again later", CloseCode.TRY_AGAIN))
        else:
            self._believe(principal)
            await self._do(self._protocol.authenticated())

    async def _renew(self, authorization: str) -> None:
        try:
            principal = await self._sockets.authenticator.authenticate(authorization)
        except Unauthenticated as failure:
            self._sockets.engine.auditor.stranger(new_trace_id(), failure)
            await self._do(self._protocol.refused())
            return
        except Unavailable:
            return  # the credential in force goes on until it expires
        if self._principal is None or principal.customer_id != self._principal.customer_id:
            await self._do(self._protocol.refused("Another customer's token"))
            return
        self._believe(principal)
        await self._go_on_as(principal)
        await self._do(self._protocol.renewed())

    async def _go_on_as(self, principal: Principal) -> None:
        """Let subscriptions go on where they are; what the new token may not run ends with an error that says why."""
        for id, delivery in list(self._deliveries.items()):
            caller = Caller(principal, Transport.WEBSOCKET, new_trace_id())
            try:
                cast("LiveAnswers", delivery.answers).demand(caller)
            except Forbidden as failure:
                await self._refuse(id, failure)
        self.reconsider()

    def reconsider(self) -> None:
        """End subscriptions that may be run no more; look again when the next sign-in is no longer fresh enough."""
        fresh_until = []
        for id, delivery in list(self._deliveries.items()):
            try:
                until = delivery.answers.reconsider()
                if until is not None:
                    fresh_until.append(until)
            except Forbidden as failure:
                self._spawn(self._refuse, id, failure)
        self._forget_freshness()
        if fresh_until:
            left_s = max(0.0, min(fresh_until) - self._sockets.clock()) + LAPSED_S
            self._fresh_timer = asyncio.get_running_loop().call_later(left_s, self.reconsider)

    def _forget_freshness(self) -> None:
        if self._fresh_timer is not None:
            self._fresh_timer.cancel()
            self._fresh_timer = None

    async def _refuse(self, id: str, failure: Failure) -> None:
        """End a subscription with an error that says why."""
        if (delivery := self._deliveries.get(id)) is not None:
            count_refusal(failure)
            actions = self._protocol.failed(id, [render_failure(failure)])
            delivery.end(EndReason.REFUSED)
            await self._do(actions)

    def _believe(self, principal: Principal) -> None:
        self._principal = principal
        self._watch_no_more()  # the token before it
        self._watch = self._sockets.authenticator.revocations.watch(principal, self._token_revoked)
        self._set_timer(principal.expires_at - self._sockets.clock(), self._token_expired)

    def _token_expired(self) -> list[Action]:
        self._why = EndReason.EXPIRED
        return self._protocol.refused("Token expired")

    def _token_revoked(self) -> None:
        self._why = EndReason.REVOKED
        self._spawn(self._do, self._protocol.refused("Token revoked"))

    def _watch_no_more(self) -> None:
        if self._watch is not None:
            self._watch.close()
            self._watch = None

    async def _operate(self, id: str, operation: Operation, principal: Principal) -> None:
        caller = Caller(principal, Transport.WEBSOCKET, new_trace_id())
        try:
            selected = await self._sockets.engine.select(operation, caller)
            if selected.is_subscription:
                self._deliver(id, selected, caller)
                return
            answer = await self._sockets.engine.execute(selected, caller)
            await self._do(self._protocol.next_answer(id, answer))
            actions = self._protocol.finished(id)
        except Refused as refused:
            actions = self._protocol.failed(id, refused.errors)
        except Failure as failure:
            count_refusal(failure)
            actions = self._protocol.failed(id, [render_failure(failure)])
        self._forget(id)
        await self._do(actions)

    def _deliver(self, id: str, selected: Selected, caller: Caller) -> None:
        """Go on as a delivery: this task ends."""
        answers = self._sockets.engine.live(selected, caller)
        self._forget(id)
        delivery = Delivery(answers, _Outlet(self, id), Transport.WEBSOCKET, partial(self._delivered, id))
        self._deliveries[id] = delivery
        delivery.start()
        self.reconsider()

    def _delivered(self, id: str) -> None:
        del self._deliveries[id]

    def _forget(self, id: str) -> None:
        if self._operations.get(id) is asyncio.current_task():
            del self._operations[id]

    def _cancel(self, id: str) -> None:
        delivery = self._deliveries.get(id)
        if delivery is not None:
            delivery.end(EndReason.STOPPED)
        task = self._operations.pop(id, None)
        if task is not None and task is not asyncio.current_task():
            task.cancel()
            self._pending.add(task)
            task.add_done_callback(self._pending.discard)

    def _stop_all(self) -> None:
        for delivery in list(self._deliveries.values()):
            delivery.end(self._why)
        for id in list(self._operations):
            self._cancel(id)

    async def send_text(self, message: bytes) -> None:
        """Send a message as it is."""
        await self._send({"type": "websocket.send", "text": message.decode()})

    async def finish(self, id: str) -> None:
        """Say that an operation has no further answers."""
        await self._do(self._protocol.finished(id))

    def _spawn(self, work: Callable[P, Coroutine[Any, Any, None]], *args: P.args, **kwargs: P.kwargs) -> None:
        task = asyncio.create_task(self._until_gone(work, *args, **kwargs))
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)

    @staticmethod
    async def _until_gone(work: Callable[P, Coroutine[Any, Any, None]], *args: P.args, **kwargs: P.kwargs) -> None:
        with suppress(ClientGone):
            await work(*args, **kwargs)

    def _set_timer(self, after_s: float, actions: Callable[[], list[Action]]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(max(0.0, after_s), self._time_is_up, actions)

    def _time_is_up(self, actions: Callable[[], list[Action]]) -> None:
        self._spawn(self._do, actions())

    async def _end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._forget_freshness()
        self._watch_no_more()
        for delivery in list(self._deliveries.values()):
            delivery.end(self._why)
        running = {*self._operations.values(), *self._pending}
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)
        if self._place is not None:
            self._place.__exit__(None, None, None)


class _Outlet:
    """Where a subscription's answers go: into `next` messages with its id, spliced around bytes made once."""

    __slots__ = ("_head", "_id", "_socket", "_write", "send_off")

    def __init__(self, socket: _Socket, id: str) -> None:
        self._socket = socket
        self._id = id
        # Not asked of the socket for each message: it is one more object that is in no cache when its turn comes.
        self._write, self.send_off = socket.writer.write, socket.writer.send_off
        self._head = b'{"id":%s,"type":"next","payload":' % encode_json(id)

    def write(self, answer: Answer) -> Coroutine[Any, Any, None] | None:
        """Send one answer."""
        message = b"%s%s}" % (self._head, answer.json)
        return None if self._write(message) else self._socket.send_text(message)

    def finish(self) -> Coroutine[Any, Any, None]:
        """Say that no more come."""
        return self._socket.finish(self._id)
