"""What may be asked of a service: method, path, what comes back, and how much it matters. Made once, at import.

Nothing here does I/O. Everything above the wire that treats calls differently (retries, hedges, shedding, keeping)
decides by the route of a call and never by its text.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Generic, NamedTuple, TypeVar
from urllib.parse import quote

from msgspec.json import Decoder

from clients.deadline import Deadline
from clients.transport import Request

T = TypeVar("T")
Query = list[tuple[str, str]]

_plain = re.compile(r"[A-Za-z0-9._~-]*").fullmatch


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

    def target(self, query: Sequence[tuple[str, str]] = (), segment: str = "") -> str:
        """Return path and query as they go on the wire, every value percent-encoded: no id can name another path."""
        return target(self.path.replace("{}", _encoded(segment)) if segment else self.path, query)


def reads(path: str, decoder: Decoder[T], priority: Priority, *, keeps: bool = False) -> Route[T]:
    """Return the route of a read."""
    return Route("GET", path, decoder, priority, repeatable=True, keeps=keeps)


def target(path: str, query: Sequence[tuple[str, str]]) -> str:
    """Return path and query as they go on the wire, every value percent-encoded."""
    return f"{path}?{'&'.join([f'{name}={_encoded(value)}' for name, value in query])}" if query else path


def repeated(name: str, values: list[str]) -> Query:
    """Return a query parameter given once for each value."""
    return [(name, value) for value in values]


class Call(NamedTuple):
    """What a request is one of: its route, whose it is (empty: nobody's in particular) and until when it matters."""

    route: Route[Any]
    deadline: Deadline
    customer_id: str = ""


def call_of(request: Request) -> Call:
    """Return the call a request belongs to, from its `call` extension."""
    call: Call = request.extensions["call"]
    return call


def _encoded(value: str) -> str:
    return value if _plain(value) else quote(value, safe="")
