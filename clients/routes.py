"""What may be asked of a service: method, path, what comes back, and how much it matters. Made once, at import.

Nothing here does I/O. Everything above the wire that treats calls differently (retries, hedges, shedding, keeping)
decides by the route of a call and never by its text.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Generic, TypeVar
from urllib.parse import quote

from msgspec.json import Decoder

T = TypeVar("T")
Query = list[tuple[str, str]]
Parameters = Sequence[tuple[str, str | list[str]]]
"""A query whose parameters may be given a list: once for each value, not at all for none."""

_find_reserved = re.compile(r"[^A-Za-z0-9._~-]").search  # RFC 3986, 2.3: anything else is encoded


class Priority(IntEnum):
    """Who goes first when not everything can be done."""

    FRAUD = 0
    """Alerts and what a customer does about them: acknowledging, answering, freezing a card."""
    BALANCES = 1
    """Accounts, balances, transactions, cards, and who may see them."""
    INSIGHTS = 2
    """Spending, cash flow, recurring payments, forecast, previews of rules."""


@dataclass(frozen=True, slots=True, eq=False)
class Route(Generic[T]):
    """One kind of call. `repeatable`: sending it twice does what sending it once does; `keeps`: see kept.py.

    `path` may hold one `{}` for a segment.
    """

    method: str
    path: str
    decoder: Decoder[T]
    priority: Priority
    repeatable: bool
    keeps: bool = False

    def target(self, query: Parameters = (), segment: str = "") -> str:
        """Return path and query as they go on the wire, every value percent-encoded: no id can name another path."""
        return target(self.path.replace("{}", _encoded(segment)) if segment else self.path, query)


def reads(path: str, decoder: Decoder[T], priority: Priority, *, keeps: bool = False) -> Route[T]:
    """Return the route of a read."""
    return Route("GET", path, decoder, priority, repeatable=True, keeps=keeps)


def target(path: str, query: Parameters) -> str:
    """Return path and query as they go on the wire, every value percent-encoded."""
    text, mark = path, "?"
    for name, value in query:
        if isinstance(value, str):
            encoded = _encoded(value)
        elif value:
            encoded = f"&{name}=".join(map(_encoded, value) if _find_reserved("".join(value)) else value)
        else:
            continue
        text, mark = f"{text}{mark}{name}={encoded}", "&"
    return text


def _encoded(value: str) -> str:
    return quote(value, safe="") if _find_reserved(value) else value
