"""How the gateway listens: uvicorn with the bounds it does not have by itself.

Headers: at most `HEADER_BYTES_MAX`, within `HEADER_S_MAX`; slower or larger ones are closed with 408 or 431. The rest
is measured (research: io): websockets-sansio and httptools cost least, permessage-deflate triples a socket's memory.
"""

import asyncio
import ssl
from typing import Any

import uvicorn
import uvloop
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.websocket import MESSAGE_BYTES_MAX

HEADER_BYTES_MAX = 32 * 1024
"""Request line and headers of one request."""
HEADER_S_MAX = 10.0
"""From the connection, or the first byte of a request, to the end of its headers."""
TLS_HANDSHAKE_S_MAX = 10.0
KEEP_ALIVE_S = 75
"""Idle time of a connection between requests; longer than a load balancer's usual 60."""
WS_PING_S = 25.0
WS_PONG_WAIT_S = 20.0
WS_QUEUE_MAX = 16
"""Messages of one socket read ahead of what is handled."""
CONNECTIONS_MAX = 20_000
SHUTDOWN_S_MAX = 5

_REFUSALS = {408: b"Request Timeout", 431: b"Request Header Fields Too Large"}


class Loop(uvloop.Loop):
    """uvloop with a bound on how long a TLS handshake may take; by default a silent client has a minute."""

    async def create_server(self, *args: Any, **kwargs: Any) -> Any:
        """Start listening."""
        if kwargs.get("ssl") is not None:
            kwargs["ssl_handshake_timeout"] = TLS_HANDSHAKE_S_MAX
        return await super().create_server(*args, **kwargs)


class BoundedHttpProtocol(HttpToolsProtocol):
    """uvicorn's protocol with a bound on the size and the duration of a request's head."""

    _head_timer: asyncio.TimerHandle | None = None
    _head_bytes = 0
    _in_head = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Give the first request its time."""
        super().connection_made(transport)
        self._start_head_timer()

    def data_received(self, data: bytes) -> None:
        """Count what arrives before the headers are complete."""
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_timer is None:
                self._start_head_timer()
        super().data_received(data)
        if self._in_head and self._head_bytes > HEADER_BYTES_MAX:
            self._refuse(431)

    def on_headers_complete(self) -> None:
        """The head is read: what follows is bounded by http.py."""
        self._stop_head_timer()
        self._in_head = False
        super().on_headers_complete()

    def on_message_begin(self) -> None:
        """Start counting the next head."""
        self._in_head = True
        super().on_message_begin()

    def on_message_complete(self) -> None:
        """The next bytes begin another head."""
        super().on_message_complete()
        self._in_head = True
        self._head_bytes = 0

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer."""
        self._stop_head_timer()
        super().connection_lost(exc)

    def _start_head_timer(self) -> None:
        self._head_timer = self.loop.call_later(HEADER_S_MAX, self._refuse, 408)

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _refuse(self, status: int) -> None:
        self._stop_head_timer()
        if self.transport.is_closing():
            return
        head = b"HTTP/1.1 %d %s\r\n" % (status, _REFUSALS[status])
        self.transport.write(head + b"content-length: 0\r\nconnection: close\r\n\r\n")
        self.transport.close()


def server_config(app: ASGIApp, *, host: str, port: int, tls: ssl.SSLContext | None = None) -> uvicorn.Config:
    """Return how the gateway is served: over HTTPS only where `tls` is given."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="gateway.listeners:Loop",
        http=BoundedHttpProtocol,
        ws="websockets-sansio",
        ws_max_size=MESSAGE_BYTES_MAX,
        ws_max_queue=WS_QUEUE_MAX,
        ws_ping_interval=WS_PING_S,
        ws_ping_timeout=WS_PONG_WAIT_S,
        ws_per_message_deflate=False,
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=SHUTDOWN_S_MAX,
        limit_concurrency=CONNECTIONS_MAX,
        backlog=1024,
        ssl_context_factory=None if tls is None else lambda _, __: tls,
    )
