"""Relay's global ids, as the app knows things by: in GraphQL, and in what is pushed to it.

Not a secret and not signed: what an id may be used for is decided by its reader, every time.
"""

from binascii import b2a_base64

_FILLING = ("", "\0\0", "\0")
"""What makes the length of a text a multiple of three, by the rest it leaves."""
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def encode_node_id(kind: str, id: str) -> str:
    """Return the global id of the `kind` with this id: `base64url("Account:…")` without padding."""
    return url_safe(f"{kind}:{id}".encode())


def encode_texts(texts: list[str]) -> list[str]:
    """Return the global ids of many `kind:id`: as `encode_node_id` of each, in a third of the time."""
    joined = "".join([text + _FILLING[len(text) % 3] for text in texts])
    if not joined.isascii():
        return [url_safe(text.encode()) for text in texts]
    # Each begins where a group of three bytes begins: so the text of all is the texts of each, one after another.
    encoded, found, start = url_safe(joined.encode()), [], 0
    for text in texts:
        size = len(text)
        found.append(encoded[start : start + (4 * size + 2) // 3])
        start += (size + 2) // 3 * 4
    return found


def url_safe(data: bytes) -> str:
    """Return base64url without padding (RFC 4648, 5)."""
    # Not base64's own function: it takes twice as long, and an answer has hundreds of ids and cursors.
    return str(b2a_base64(data, newline=False).translate(_URL_SAFE, b"="), "ascii")
