"""How the gateway listens: uvicorn, its connections bounded by http_connections.py and socket_connections.py.

Measured (research: io): websockets-sansio and httptools cost least, permessage-deflate triples a socket's memory. What
uvicorn itself would log is text, and anybody could fill a disk with it: only its errors are logged, the rest counted.
"""

import ssl
from collections.abc import Sequence
from typing import Any

import uvicorn
import uvloop
from starlette.types import ASGIApp

from gateway.http_connections import BoundedHttpProtocol
from gateway.socket_connections import BoundedSocketProtocol
from gateway.websocket import MESSAGE_BYTES_MAX

TLS_HANDSHAKE_S_MAX = 10.0
KEEP_ALIVE_S = 75
"""Idle time of a connection between requests; longer than a load balancer's usual 60."""
WS_PING_S = 25.0
WS_PONG_WAIT_S = 20.0
CONNECTIONS_MAX = 20_000
SHUTDOWN_S_MAX = 5


class Loop(uvloop.Loop):
    """uvloop with a bound on how long a TLS handshake may take; by default a silent client has a minute."""

    async def create_server(self, *args: Any, **kwargs: Any) -> Any:
        """Start listening."""
        if kwargs.get("ssl") is not None:
            kwargs["ssl_handshake_timeout"] = TLS_HANDSHAKE_S_MAX
        return await super().create_server(*args, **kwargs)


def server_config(
    app: ASGIApp, *, host: str, port: int, tls: ssl.SSLContext | None = None, trusted_proxies: Sequence[str] = ()
) -> uvicorn.Config:
    """Return how the gateway is served: over HTTPS only where `tls` is given.

    What `trusted_proxies` (addresses or networks) say of a client's address and scheme is believed.
    """
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="gateway.listeners:Loop",
        http=BoundedHttpProtocol,
        ws=BoundedSocketProtocol,
        ws_max_size=MESSAGE_BYTES_MAX,
        ws_ping_interval=WS_PING_S,
        ws_ping_timeout=WS_PONG_WAIT_S,
        ws_per_message_deflate=False,
        lifespan="on",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=list(trusted_proxies),
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=SHUTDOWN_S_MAX,
        limit_concurrency=CONNECTIONS_MAX,
        backlog=1024,
        ssl_context_factory=None if tls is None else lambda _, __: tls,
    )
