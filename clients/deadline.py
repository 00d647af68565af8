"""How long a request may still take, handed from the edge through every downstream call."""

import time
from dataclasses import dataclass

from contracts.failures import TimedOut

HEADER = "X-Request-Timeout-Ms"
"""Tells a service how many milliseconds its caller still waits; it shrinks from hop to hop."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """A point on the monotonic clock (`time.monotonic`, seconds) after which no answer is of use."""

    expires_at: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """Return the deadline that lies `seconds` from now."""
        return cls(time.monotonic() + seconds)

    def remaining(self) -> float:
        """Return the seconds left; negative once it has passed."""
        return self.expires_at - time.monotonic()

    def require(self) -> float:
        """Return the seconds left.

        Raises:
            TimedOut: none are left; may be retried when idempotent.
        """
        left = self.remaining()
        if left <= 0:
            raise TimedOut("The request took too long.")
        return left
