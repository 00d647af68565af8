"""Relay's global ids, as the app knows things by: in GraphQL, and in what is pushed to it.

Not a secret and not signed: what an id may be used for is decided by its reader, every time.
"""

from binascii import b2a_base64
from collections.abc import Iterable

URL_SAFE = bytes.maketrans(b"+/", b"-_")
"""What base64url writes instead (RFC 4648, 5)."""
FILLING = b"=\n"
"""What ends `b2a_base64` and is left out."""


def encode_node_id(kind: str, id: str) -> str:
    """Return the global id of the `kind` with this id: `base64url("Account:…")` without padding."""
    return url_safe(f"{kind}:{id}".encode())


def encode_node_ids(kind: str, ids: Iterable[str]) -> list[str]:
    """Return the global ids of several of one kind."""
    # In one text, a line each: most of what an id takes are calls, and every alert of every answer is recorded.
    lines = b"".join([b2a_base64(f"{kind}:{id}".encode()) for id in ids])
    return lines.replace(b"=", b"").translate(URL_SAFE).decode().split()


def url_safe(data: bytes) -> str:
    """Return base64url without padding (RFC 4648, 5)."""
    # Not base64's own function: it takes twice as long, and an answer has hundreds of ids and cursors. Nor does
    # `translate` delete the filling: it makes a table of 256 entries for that, each time.
    return b2a_base64(data).rstrip(FILLING).translate(URL_SAFE).decode()
