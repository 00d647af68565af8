"""Reading Relay's global ids (contracts/node_ids.py): an id names its type wherever it turns up.

What an id may be used for is decided by `access`, every time.
"""

from base64 import urlsafe_b64decode
from binascii import Error as Base64Error

from contracts.failures import NotFound
from contracts.node_ids import encode_node_id

__all__ = ["decode_id_of", "decode_node_id", "encode_node_id", "ids_of"]

NODE_ID_CHARACTERS_MAX = 256


def decode_node_id(text: str) -> tuple[str, str]:
    """Return kind and id.

    Raises:
        NotFound: it is not a global id; nothing can have it, so it is like one that does not exist.
    """
    if not text.isascii() or len(text) > NODE_ID_CHARACTERS_MAX:
        raise _unknown()
    try:
        kind, colon, id = urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode().partition(":")
    except (Base64Error, UnicodeDecodeError, ValueError):
        raise _unknown() from None
    if not colon or not id or encode_node_id(kind, id) != text.rstrip("="):
        raise _unknown()
    return kind, id


def decode_id_of(kind: str, text: str) -> str:
    """Return the id of a global id that must be of `kind`.

    Raises:
        NotFound: it is none, or of another kind.
    """
    found, id = decode_node_id(text)
    if found != kind:
        raise _unknown()
    return id


def ids_of(kind: str, texts: list[str]) -> list[str]:
    """Return the ids of those global ids that are of `kind`, in order, each once."""
    found: dict[str, None] = {}
    for text in texts:
        try:
            found[decode_id_of(kind, text)] = None
        except NotFound:
            continue
    return list(found)


def _unknown() -> NotFound:
    return NotFound("There is nothing with this id.")
