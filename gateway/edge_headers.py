"""What surrounds every request: allowed hosts, request ids and CORS going in, security headers going out.

It is the edge of the process as well: what nobody expected to fail is answered here.
"""

import re
from collections.abc import Awaitable, Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from contracts.hosts import HEALTH, host_name
from gateway.answers import SECURITY_HEADERS, RawHeaders, send_json
from gateway.callers import new_trace_id
from gateway.errors import internal_error

REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")
HSTS = (b"strict-transport-security", b"max-age=63072000; includeSubDomains")
"""Over TLS only (RFC 6797, 7.2): for two years a browser speaks nothing else to this host."""
SECURITY_NAMES = frozenset(name for name, _ in SECURITY_HEADERS)
PREFLIGHT_KEPT_S = 600
CORS_REQUEST_HEADERS = b"Authorization, Content-Type, Last-Event-ID, X-Request-ID, GraphQL-Require-Preflight"
CORS_ANSWER_HEADERS = b"X-Request-ID, Retry-After, RateLimit, RateLimit-Policy"


class EdgeHeaders:
    """ASGI middleware around the whole gateway."""

    def __init__(self, app: ASGIApp, *, allowed_hosts: Iterable[str], allowed_origins: Iterable[str]) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in allowed_hosts)
        self._origins = frozenset(origin.encode() for origin in allowed_origins)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Let the request through, or answer it here when it is a preflight or for another host."""
        if scope["type"] == "lifespan":
            return self._app(scope, receive, send)
        headers = dict(scope["headers"])
        # A load balancer asks for health under the address of this process, which is no name it is known by.
        allowed = host_name(headers.get(b"host", b"")) in self._hosts or scope["path"].startswith(HEALTH)
        if scope["type"] == "websocket":
            del headers  # a socket would keep them as long as it is open
            if allowed:
                return self._app(scope, receive, send)
            return send({"type": "websocket.close", "code": 4403, "reason": "Host not allowed"})
        request_id = _request_id(headers.get(b"x-request-id"))
        scope.setdefault("state", {})["request_id"] = request_id
        given = [(b"x-request-id", request_id.encode())]
        if self._origins:
            given += self._cors(headers.get(b"origin"))
        if scope["scheme"] == "https":
            given.append(HSTS)
        sender = _Sender(send, given)
        if not allowed:
            error = {"message": "This host is not served here.", "extensions": {"code": "HOST_NOT_ALLOWED"}}
            return send_json(sender, 421, {"errors": [error]})
        if scope["method"] == "OPTIONS" and b"access-control-request-method" in headers:
            return self._preflight(sender)
        return self._answer(scope, receive, sender)

    async def _answer(self, scope: Scope, receive: Receive, sender: "_Sender") -> None:
        try:
            await self._app(scope, receive, sender)
        except Exception as error:
            # Whatever reaches here is our fault, and its text stays inside.
            rendered = internal_error(error, scope["state"]["request_id"])
            if not sender.has_begun:
                await send_json(sender, 500, {"errors": [rendered]})
            raise  # the server ends a connection whose answer is not whole

    def _cors(self, origin: bytes | None) -> RawHeaders:
        if origin not in self._origins or origin is None:
            return [(b"vary", b"Origin")]
        return [
            (b"vary", b"Origin"),
            (b"access-control-allow-origin", origin),
            (b"access-control-expose-headers", CORS_ANSWER_HEADERS),
        ]

    @staticmethod
    async def _preflight(send: Send) -> None:
        headers = [
            (b"access-control-allow-methods", b"GET, POST"),
            (b"access-control-allow-headers", CORS_REQUEST_HEADERS),
            (b"access-control-max-age", b"%d" % PREFLIGHT_KEPT_S),
        ]
        await send({"type": "http.response.start", "status": 204, "headers": headers})
        await send({"type": "http.response.body", "body": b""})


class _Sender:
    """Adds the headers of every answer to the one passing through; what it brings itself stays."""

    def __init__(self, send: Send, headers: RawHeaders) -> None:
        self._send = send
        self._headers = headers
        self.has_begun = False

    def __call__(self, message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            self.has_begun = True
            given = message.get("headers", ())
            missing = SECURITY_HEADERS
            for name, _ in given:
                if name in SECURITY_NAMES:
                    names = {name for name, _ in given}
                    missing = [header for header in SECURITY_HEADERS if header[0] not in names]
                    break
            message = {**message, "headers": [*given, *missing, *self._headers]}
        return self._send(message)


def _request_id(given: bytes | None) -> str:
    return given.decode() if given is not None and REQUEST_ID.fullmatch(given) else new_trace_id()
