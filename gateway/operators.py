"""Who is an operator: the holder of the service token. In the demo, where none is set, who is on this machine.

Outside the demo nobody is without a token: a proxy on this machine would make all the world look like it.
"""

import hmac
from collections.abc import Callable

from starlette.requests import Request

from contracts.settings import LOOPBACK, Settings

IsOperator = Callable[[Request], bool]


def operators(settings: Settings) -> IsOperator:
    """Return how to tell whether a request is an operator's."""
    if settings.service_token:
        expected = f"Bearer {settings.service_token}".encode()
        return lambda request: hmac.compare_digest(request.headers.get("authorization", "").encode(), expected)
    if settings.demo:
        return lambda request: request.client is not None and request.client.host in LOOPBACK
    return lambda _: False
