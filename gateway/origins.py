"""Which pages of a browser may open a WebSocket: browsers keep no origin from trying."""

from collections.abc import Container
from urllib.parse import urlsplit

from starlette.types import Scope


def origin_allowed(scope: Scope, allowed: Container[str]) -> bool:
    """Say whether a browser page may connect: of this host, or of those allowed. Apps send no Origin."""
    headers = dict(scope["headers"])
    origin = headers.get(b"origin", b"").decode("latin-1")
    if not origin or origin in allowed:
        return True
    host: bytes = headers.get(b"host", b"")
    try:
        page = urlsplit(origin)
    except ValueError:
        return False
    # Over TLS a page without it is not of this host: whoever is in between could have written it.
    guarded = scope["scheme"] != "wss" or page.scheme == "https"
    return bool(guarded and page.netloc == host.decode("latin-1"))
