"""How long a request may still take, handed from the edge through every downstream call.

An errand is the deadline of one customer's request together with what its downstream calls share: reads in flight,
and which parts of the answer were kept from earlier.
"""

import time
from collections.abc import Callable
from typing import NamedTuple, Self

import msgspec

from clients.flights import Flights
from contracts.failures import TimedOut

Clock = Callable[[], float]
"""Seconds of a monotonic clock."""


class Deadline(msgspec.Struct, frozen=True):
    """A point on a monotonic clock (seconds) after which no answer is of use."""

    expires_at: float
    clock: Clock = time.monotonic

    @classmethod
    def after(cls, seconds: float, clock: Clock = time.monotonic) -> Self:
        """Return the deadline that lies `seconds` from now."""
        return cls(clock() + seconds, clock)

    def remaining(self) -> float:
        """Return the seconds left; negative once it has passed."""
        return self.expires_at - self.clock()

    def require(self) -> float:
        """Return the seconds left.

        Raises:
            TimedOut: none are left; may be retried when idempotent.
        """
        left = self.expires_at - self.clock()
        if left <= 0:
            raise TimedOut("The request took too long.")
        return left


class Aged(NamedTuple):
    """A part of an answer that is not from now: where it stands in the answer, and how many seconds old it is."""

    path: tuple[str | int, ...]
    age_s: float


class Errand(Deadline, frozen=True):
    """The deadline of one customer's request. Answers are shared within it and kept for its customer, never beyond."""

    customer_id: str = ""
    flights: Flights = msgspec.field(default_factory=Flights)
    aged: list[Aged] = msgspec.field(default_factory=list)
    path: tuple[str | int, ...] = ()

    @classmethod
    def of(cls, customer_id: str, seconds: float, clock: Clock = time.monotonic) -> Self:
        """Return the errand of a request that may take `seconds` from now."""
        return cls(clock() + seconds, clock, customer_id)

    def at(self, path: list[str | int]) -> Self:
        """Return the same errand as one field of the answer runs it."""
        return type(self)(self.expires_at, self.clock, self.customer_id, self.flights, self.aged, tuple(path))

    def found_aged(self, age_s: float) -> None:
        """Note that what this field shows was kept from earlier."""
        self.aged.append(Aged(self.path, age_s))
