"""Who is an operator: the holder of the service token; where none is set, who is on this machine."""

import hmac

from starlette.requests import Request

from contracts.settings import LOOPBACK


def is_operator(request: Request, token: str) -> bool:
    """Say whether the request is an operator's."""
    if token:
        expected = f"Bearer {token}".encode()
        return hmac.compare_digest(request.headers.get("authorization", "").encode(), expected)
    return request.client is not None and request.client.host in LOOPBACK
