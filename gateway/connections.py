"""How many streams and sockets are open, by customer and by address, and the bounds on that."""

from collections import Counter
from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network

from starlette.types import Scope

from contracts.failures import Overloaded

SOCKETS_PER_CUSTOMER_MAX = 20
"""A customer's phones and browsers, and their reconnects."""
STREAMS_PER_CUSTOMER_MAX = 20
SOCKETS_PER_ADDRESS_MAX = 2_000
"""Many customers share an address behind a carrier's NAT."""
STREAMS_PER_ADDRESS_MAX = 2_000
RETRY_AFTER_S = 5.0


def address_of(scope: Scope) -> str:
    """Return the address a request or socket came from, as limits count it: of IPv6 the network of one subscriber."""
    client = scope.get("client")
    if not client:
        return "unknown"
    host = str(client[0])
    return _subscriber(host) if ":" in host else host


@lru_cache(maxsize=16_384)
def _subscriber(host: str) -> str:
    """Return the /64 of an IPv6 address: whoever has one address there has all of them (RFC 6177)."""
    try:
        address = IPv6Address(host)
    except ValueError:
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Network((int(address), 64), strict=False))


class Caps:
    """Counts what is open under a key and refuses one more than `most`."""

    def __init__(self, most: int, what: str) -> None:
        self._most = most
        self._what = what
        self._open: Counter[str] = Counter()

    @property
    def total(self) -> int:
        """How many are open under all keys."""
        return self._open.total()

    def one(self, key: str) -> "Place":
        """Count one open for as long as the context lasts; entering it raises Overloaded where there are too many."""
        return Place(self, key)

    def enter(self, key: str) -> None:
        """Count one open.

        Raises:
            Overloaded: there are as many as may be; may be retried after some of them ended.
        """
        if self._open[key] >= self._most:
            raise Overloaded(
                f"Too many {self._what} are open.", code="TOO_MANY_CONNECTIONS", retry_after_s=RETRY_AFTER_S
            )
        self._open[key] += 1

    def leave(self, key: str) -> None:
        """Count one that was open as ended."""
        self._open[key] -= 1
        if not self._open[key]:
            del self._open[key]


class Place:
    """One that is open, of which there are ten thousand: a generator would take four times the memory."""

    __slots__ = ("_caps", "_key")

    def __init__(self, caps: Caps, key: str) -> None:
        self._caps = caps
        self._key = key

    def __enter__(self) -> None:
        self._caps.enter(self._key)

    def __exit__(self, *_: object) -> None:
        self._caps.leave(self._key)
