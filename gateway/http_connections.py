"""uvicorn's HTTP connection with the bounds it does not have by itself.

    head      at most HEADER_BYTES_MAX and HEADERS_MAX, within HEADER_S_MAX, naming one host: else 408, 431 or 400
    body      may take BODY_S_MAX, and as long as the answer does; what nobody reads any more is cut off
    pipeline  at most PIPELINED_MAX requests wait behind the one being answered
    answer    a client that takes nothing of it for WRITE_S_MAX is cut off

Trailers are ignored: they would count as headers that no proxy in front has seen. So is an upgrade to anything but a
WebSocket (RFC 9110, 7.8), but not the body that comes with it: Java's client offers h2c with its first request. The
size and duration of a body that is read are bounded where it is read, in http.py.

A request and its answer are an `Exchange` (exchanges.py), which is the extension CHUNKS of its scope, too.
"""

import asyncio
from enum import Enum
from functools import partial
from typing import cast
from urllib.parse import unquote

import httptools
from starlette.types import Scope
from uvicorn.protocols.http.flow_control import service_unavailable
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.exchanges import Exchange
from gateway.fair_timers import FairTimer
from gateway.gates import Gate, Line
from gateway.telemetry import CUT, Cut
from gateway.writers import CHUNKS

HEADER_BYTES_MAX = 32 * 1024
"""Request line and headers of one request."""
HEADERS_MAX = 100
"""Headers of one request; the WebSocket handshake would stop at 128."""
UPGRADE_LINE_BYTES_MAX = 8_000
"""One header of a WebSocket handshake."""
BODY_HEADERS = frozenset({b"content-length", b"transfer-encoding"})
"""What a WebSocket handshake must not have."""
HEADER_S_MAX = 10.0
"""From the connection, or the first byte of a request, to the end of its headers."""
BODY_S_MAX = 15.0
"""From the end of the headers: longer than http.py waits for a body, so that its answer comes first."""
REQUEST_BYTES_MAX = 8 * 1024 * 1024
"""Bytes of a request taken off the wire, whether or not anybody wants them."""
PIPELINED_MAX = 16
WRITE_S_MAX = 30.0

_REASONS = {400: b"Bad Request", 408: b"Request Timeout", 431: b"Request Header Fields Too Large"}


class _Phase(Enum):
    IDLE = "between requests"
    HEAD = "in a head"
    BODY = "in a body"
    UPGRADED = "another protocol's"


class _RefusedHead(Exception):
    """Raised in a callback of the parser, which then stops parsing: the connection is over."""


class BoundedHttpProtocol(HttpToolsProtocol):
    """One connection; the times are its class's, so that tests need not wait for them."""

    header_s_max = HEADER_S_MAX
    body_s_max = BODY_S_MAX
    write_s_max = WRITE_S_MAX
    _phase = _Phase.IDLE
    _received = 0
    _chunk = 0
    _refusal = 400
    _timer: FairTimer | None = None
    _timed: _Phase | None = None
    _write_timer: asyncio.TimerHandle | None = None
    _idle_since = 0.0
    _taken_over: Exchange | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Give the first request its time."""
        super().connection_made(transport)
        self.pipeline = Line()  # type: ignore[assignment]
        self.flow._is_writable_event = Gate(is_open=True)  # type: ignore[assignment]  # noqa: SLF001 (uvicorn's: a deque)
        self._give_time(_Phase.HEAD, self.header_s_max)

    def data_received(self, data: bytes) -> None:
        """Count what arrives, and give what is unfinished its time."""
        self._chunk = len(data)
        self._received += self._chunk
        self._parse(data)
        if self._phase is _Phase.UPGRADED or self.transport.is_closing():
            return
        if self._phase is _Phase.IDLE and self._answering:
            self._stop_timer()
        elif self._phase is _Phase.BODY:
            self._bound(_Phase.BODY, self.body_s_max, REQUEST_BYTES_MAX)
        else:  # in a head, or line ends between requests, which are one too few
            self._bound(_Phase.HEAD, self.header_s_max, HEADER_BYTES_MAX)

    def _parse(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self.send_400_response("")
        except httptools.HttpParserUpgrade as upgrade:
            if self._should_upgrade():
                self.handle_websocket_upgrade()
            else:
                self._parse_without_upgrade(data[upgrade.args[0] :])

    def _parse_without_upgrade(self, rest: bytes) -> None:
        """Read the head anew without the upgrade: the parser would take the body for the other protocol's."""
        head = b"%s %s HTTP/1.1\r\n" % (self.parser.get_method(), self.url)
        kept = [b"%s: %s\r\n" % header for header in self.headers if header[0] != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's own is made
        self._parse(head + b"".join(kept) + b"\r\n" + rest)

    def on_message_begin(self) -> None:
        """Begin to count a head."""
        self._phase, self._received = _Phase.HEAD, self._chunk
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Refuse a head that is not as it must be; what is accepted starts being answered."""
        self._phase = _Phase.BODY
        hosts = len([name for name, _ in self.headers if name == b"host"])
        if hosts != 1 and (hosts or self.parser.get_http_version() != "1.0"):  # RFC 9112, 3.2
            self._refuse_head(400)
        if len(self.headers) > HEADERS_MAX or (self._received > HEADER_BYTES_MAX and self._is_large()):
            self._refuse_head(431)
        if len(self.pipeline) >= PIPELINED_MAX:
            self._refuse_head(400)
        if self.parser.should_upgrade():
            self._check_upgrade()
            return
        self._begin()

    def _begin(self) -> None:
        """Have the application answer a request whose head is whole, after those before it."""
        parser, scope, before = self.parser, self.scope, self._exchange
        url, version = httptools.parse_url(self.url), parser.get_http_version()
        path = url.path.decode("ascii")
        scope["method"], scope["http_version"] = parser.get_method().decode("ascii"), version
        scope["path"] = self.root_path + (unquote(path) if "%" in path else path)
        scope["raw_path"] = self.root_path.encode("ascii") + url.path
        scope["query_string"] = url.query or b""
        exchange = Exchange(
            self.transport,
            self.flow,
            cast("Scope", scope),
            self,
            keep_alive=version != "1.0" and parser.should_keep_alive(),
            owes_continue=self.expect_100_continue,
        )
        scope["extensions"] = {CHUNKS: exchange}  # type: ignore[dict-item]
        self.headers = []  # for the trailers; the request has its own
        self.cycle = exchange  # type: ignore[assignment]
        most = self.limit_concurrency
        crowded = most is not None and max(len(self.connections), len(self.tasks)) >= most
        app = service_unavailable if crowded else self.app
        if before is None or before.response_complete:
            self._start_asgi_task(self.cycle, app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, app))

    def on_body(self, body: bytes) -> None:
        """Take a part of the body, where its request is still being answered."""
        exchange = self._exchange
        if exchange is not None and not exchange.response_complete and not self.parser.should_upgrade():
            exchange.arrive(body)

    def _check_upgrade(self) -> None:
        """Refuse a handshake that the WebSocket protocol would leave without an answer, or that comes too early."""
        method = self.parser.get_method()
        self.scope["method"] = method.decode("ascii")
        if method == b"CONNECT":
            self._refuse_head(400)
        if not self._should_upgrade():
            return
        if self._answering or any(name in BODY_HEADERS for name, _ in self.headers):
            self._refuse_head(400)
        if any(len(name) + len(value) > UPGRADE_LINE_BYTES_MAX for name, value in self.headers):
            self._refuse_head(431)

    def on_message_complete(self) -> None:
        """The next bytes begin another head, or another protocol."""
        if self.parser.should_upgrade():
            return
        self._phase, self._received = _Phase.IDLE, 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Answer the next request; cut off a client that the connection is closed to, should it not take the answer."""
        self._taken_over = None
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            if self.transport.get_write_buffer_size():
                self._give_time_to_write()
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            self._rest()

    def _rest(self) -> None:
        """Give the connection its idle time: by one timer that is set again when it rings, not one a request."""
        self._idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._ring_after(self.timeout_keep_alive)

    def _ring_after(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def handle_websocket_upgrade(self) -> None:
        """Leave the connection to the WebSocket protocol."""
        self._stop_timer()
        self._unset_keepalive_if_required()
        self._phase = _Phase.UPGRADED
        super().handle_websocket_upgrade()

    def pause_writing(self) -> None:
        """The client takes less than it is sent: give it time."""
        super().pause_writing()
        self._give_time_to_write()

    def resume_writing(self) -> None:
        """It took what there was."""
        super().resume_writing()
        self._stop_write_timer()

    def timeout_keep_alive_handler(self) -> None:
        """Nothing was asked for long: close; cut off who has not even taken the last answer."""
        self.timeout_keep_alive_task = None
        if self._answering or self._timer is not None:
            return  # it rests again after this answer, or runs out of another time
        left_s = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left_s > 0:
            self._ring_after(left_s)
            return
        if self.transport.get_write_buffer_size():
            self._cut(Cut.SLOW_READER)
        super().timeout_keep_alive_handler()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timers; a stream that was taken over ends."""
        self._stop_timer()
        self._stop_write_timer()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)
        if self._taken_over is not None:
            self._taken_over.end()

    def take_over(self, exchange: Exchange) -> None:
        """Remember who goes on without its application, and let go of what only that needed."""
        self._taken_over = exchange
        if self._exchange is exchange:
            self.scope = {}  # type: ignore[typeddict-item]

    def send_400_response(self, msg: str) -> None:
        """Answer what the parser could not read, or a callback refused."""
        del msg  # uvicorn's text
        self._refuse(self._refusal)

    @property
    def _exchange(self) -> Exchange | None:
        """The request that came last."""
        return cast("Exchange | None", self.cycle)

    @property
    def _answering(self) -> bool:
        exchange = self._exchange
        return exchange is not None and not exchange.response_complete

    def _is_large(self) -> bool:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers) > HEADER_BYTES_MAX

    def _refuse_head(self, status: int) -> None:
        self._refusal = status
        raise _RefusedHead

    def _bound(self, phase: _Phase, seconds: float, most: int) -> None:
        if self._timed is not phase:
            self._give_time(phase, seconds)
        if self._received > most:
            if phase is _Phase.HEAD:
                self._refuse(431)
            else:
                self._cut(Cut.LARGE_BODY)

    def _give_time(self, phase: _Phase, seconds: float) -> None:
        self._stop_timer()
        self._timed = phase
        self._timer = FairTimer(seconds, partial(self._time_is_up, phase, seconds))

    def _time_is_up(self, phase: _Phase, seconds: float) -> None:
        if self._answering and (phase is _Phase.HEAD or self.cycle.response_started):
            self._give_time(phase, seconds)  # its own bounds end it; what the client began meanwhile can wait
        elif phase is _Phase.HEAD:
            self._refuse(408)
        else:
            self._cut(Cut.SLOW_BODY)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = self._timed = None

    def _give_time_to_write(self) -> None:
        self._stop_write_timer()
        self._write_timer = self.loop.call_later(self.write_s_max, self._cut, Cut.SLOW_READER)

    def _stop_write_timer(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def _cut(self, why: Cut) -> None:
        CUT[why].inc()
        self.transport.abort()

    def _refuse(self, status: int) -> None:
        self._stop_timer()
        if self.transport.is_closing():
            return
        CUT[Cut.SLOW_HEAD if status == 408 else Cut.BAD_HEAD].inc()
        if self._answering:
            if self.cycle.response_started:
                self.transport.abort()  # a second answer in the middle of the first would be read as part of it
                return
            self.cycle.disconnected = True  # whatever the application makes of it is not sent
        head = b"HTTP/1.1 %d %s\r\n" % (status, _REASONS[status])
        self.transport.write(head + b"content-length: 0\r\nconnection: close\r\n\r\n")
        self.transport.close()
        self._give_time_to_write()
