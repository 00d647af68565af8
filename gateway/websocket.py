"""The socket loop around websocket_protocol: it reads, runs operations, keeps time, and does what the protocol says.

One task reads; each operation has a task; a timer ends the socket when the token expires, a watch when it is revoked.
The server's own pings (listeners.py) find dead peers. Whatever ends the socket ends its tasks with it.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable
from contextlib import AsyncExitStack, ExitStack, aclosing, suppress
from typing import Any, ParamSpec
from urllib.parse import urlsplit

from starlette.types import Receive, Scope
from starlette.types import Send as ASGISend

from contracts.failures import Failure, Overloaded, Unauthenticated, Unavailable
from gateway.answers import encode_json
from gateway.callers import Caller, new_trace_id
from gateway.connections import SOCKETS_PER_ADDRESS_MAX, SOCKETS_PER_CUSTOMER_MAX, Caps, address_of
from gateway.errors import render_failure
from gateway.execution import Engine, Refused
from gateway.identity import Authenticator
from gateway.operations import Operation
from gateway.rate_limits import RateLimits
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
        *,
        allowed_origins: Iterable[str] = (),
        init_wait_s: float = INIT_WAIT_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.engine = engine
        self.authenticator = authenticator
        self._rates = rates
        self.init_wait_s = init_wait_s
        self.clock = clock
        self.customers = Caps(SOCKETS_PER_CUSTOMER_MAX, "sockets")
        self.addresses = Caps(SOCKETS_PER_ADDRESS_MAX, "sockets")
        self._allowed_origins = frozenset(allowed_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: ASGISend) -> None:
        """Serve one socket until it closes."""
        await receive()  # websocket.connect
        if not self._origin_allowed(scope):
            await send({"type": "websocket.close", "code": CloseCode.FORBIDDEN, "reason": "Origin not allowed"})
            return
        if SUBPROTOCOL not in scope.get("subprotocols", ()):
            # Accepted first: a browser shows its page the close code of an accepted socket only.
            await send({"type": "websocket.accept"})
            code = CloseCode.SUBPROTOCOL_NOT_ACCEPTABLE
            await send({"type": "websocket.close", "code": code, "reason": "Subprotocol not acceptable"})
            return
        try:
            self._rates.admit(address_of(scope))
            with self.addresses.one(address_of(scope)):
                await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL})
                with OPEN.labels(Transport.WEBSOCKET).track_inprogress():
                    await _Socket(self, receive, send).run()
        except Overloaded:
            await send({"type": "websocket.close", "code": CloseCode.TOO_MANY, "reason": "Too many sockets"})

    def _origin_allowed(self, scope: Scope) -> bool:
        """Say whether a browser page may connect: of this host, or of the list. Apps send no Origin."""
        headers = dict(scope["headers"])
        origin = headers.get(b"origin", b"").decode("latin-1")
        if not origin or origin in self._allowed_origins:
            return True
        host: bytes = headers.get(b"host", b"")
        try:
            page = urlsplit(origin)
        except ValueError:
            return False
        # Over TLS a page without it is not of this host: whoever is in between could have written it.
        guarded = scope["scheme"] != "wss" or page.scheme == "https"
        return bool(guarded and page.netloc == host.decode("latin-1"))


class _Socket:
    def __init__(self, sockets: Sockets, receive: Receive, send: ASGISend) -> None:
        self._sockets = sockets
        self._receive = receive
        self._send = send
        self._protocol = Protocol()
        self._principal: Principal | None = None
        self._operations: dict[str, asyncio.Task[None]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._resources = AsyncExitStack()
        self._watching = ExitStack()
        self._pending: set[asyncio.Task[None]] = set()
        self._closed = False

    async def run(self) -> None:
        """Read messages until the socket closes, then end everything that runs for it."""
        self._set_timer(self._sockets.init_wait_s, self._protocol.init_timed_out)
        try:
            while not self._closed:
                message = await self._receive()
                if message["type"] == "websocket.disconnect":
                    return
                text = message.get("text")  # absent in a binary message
                await self._do(self._protocol.receive(None if text is None else text.encode("utf-8", "replace")))
        except ClientGone:
            return
        finally:
            self._closed = True
            await self._end()

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
                    for id in list(self._operations):
                        self._cancel(id)
                    await self._send({"type": "websocket.close", "code": int(code), "reason": reason})

    async def _authenticate(self, authorization: str | None) -> None:
        try:
            principal = await self._sockets.authenticator.authenticate(authorization)
            self._resources.enter_context(self._sockets.customers.one(principal.customer_id))
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
        await self._do(self._protocol.renewed())

    def _believe(self, principal: Principal) -> None:
        self._principal = principal
        self._watching.close()  # of the token before it
        revoked = self._watching.enter_context(self._sockets.authenticator.revocations.watching(principal))
        revoked.add_done_callback(self._token_revoked)
        self._set_timer(principal.expires_at - self._sockets.clock(), lambda: self._protocol.refused("Token expired"))

    def _token_revoked(self, revoked: "asyncio.Future[None]") -> None:
        if not revoked.cancelled():
            self._spawn(self._do, self._protocol.refused("Token revoked"))

    async def _operate(self, id: str, operation: Operation, principal: Principal) -> None:
        caller = Caller(principal, Transport.WEBSOCKET, new_trace_id())
        try:
            selected = await self._sockets.engine.select(operation, caller)
            if selected.is_subscription:
                async with aclosing(self._sockets.engine.subscribe(selected, caller)) as answers:
                    async for answer in answers:
                        await self._do(self._protocol.next_answer(id, answer))
            else:
                answer = await self._sockets.engine.execute(selected, caller)
                await self._do(self._protocol.next_answer(id, answer))
            actions = self._protocol.finished(id)
        except Refused as refused:
            actions = self._protocol.failed(id, refused.errors)
        except Failure as failure:
            count_refusal(failure)
            actions = self._protocol.failed(id, [render_failure(failure)])
        if self._operations.get(id) is asyncio.current_task():
            del self._operations[id]
        await self._do(actions)

    def _cancel(self, id: str) -> None:
        task = self._operations.pop(id, None)
        if task is not None and task is not asyncio.current_task():
            task.cancel()
            self._pending.add(task)
            task.add_done_callback(self._pending.discard)

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
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(max(0.0, after_s), lambda: self._spawn(self._do, actions()))

    async def _end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._watching.close()
        running = {*self._operations.values(), *self._pending}
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)
        await self._resources.aclose()
