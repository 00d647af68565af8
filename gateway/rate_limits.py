"""How much a customer and an address may ask for: token buckets, a full minute's worth each, refilled steadily.

Customers pay by cost, so that asking for a thousand things in one request is charged like a thousand requests;
addresses pay one a request, before anything of it is believed. Pure but for the clock it is given.
"""

from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache

import msgspec

from contracts.failures import Overloaded

WINDOW_S = 60.0
BUCKETS_MAX = 100_000
"""Customers or addresses remembered; the least recently seen is forgotten, which is in its favour."""
CHARGE_MIN = 1
BYTES_FREE = 16 * 1024
"""Of a body or message; what apps send is far smaller."""
BYTES_PER_COST = 64
"""Beyond that: JSON must be read whether or not anything in it then runs."""


class Standing(msgspec.Struct, frozen=True):
    """What is left of a minute's worth, in the unit the bucket is named for."""

    unit: bytes
    limit: int
    remaining: int
    reset_s: int

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Return the `RateLimit` fields (draft-ietf-httpapi-ratelimit-headers-10)."""
        left = b'"%s";r=%d;t=%d' % (self.unit, self.remaining, self.reset_s)
        return [_policy(self.unit, self.limit), (b"ratelimit", left)]


@lru_cache(maxsize=64)
def _policy(unit: bytes, limit: int) -> tuple[bytes, bytes]:
    return b"ratelimit-policy", b'"%s";q=%d;w=%d' % (unit, limit, WINDOW_S)


class RateLimited(Overloaded):
    """The bucket is empty; `retry_after_s` says when it holds enough again."""

    code = "RATE_LIMITED"

    def __init__(self, standing: Standing, retry_after_s: float) -> None:
        super().__init__("Too many requests.", retry_after_s=retry_after_s)
        self.standing = standing


class Buckets:
    """One token bucket for each key."""

    def __init__(self, per_minute: int, unit: bytes, clock: Callable[[], float]) -> None:
        self._unit = unit
        self._capacity = per_minute
        self._refill = per_minute / WINDOW_S
        self._clock = clock
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str, cost: int) -> float:
        """Take `cost` out of a bucket and return what is left; a full bucket admits anything and goes into debt for it.

        Raises:
            RateLimited: it does not hold enough now.
        """
        now, capacity, levels = self._clock(), self._capacity, self._levels
        kept = levels.get(key)
        level: float = capacity
        if kept is not None:
            refilled = kept[0] + (now - kept[1]) * self._refill
            if refilled < capacity:
                level = refilled
        if cost < CHARGE_MIN:  # noqa: PLR1730 (twice a request: `max` would be a fifth of all this)
            cost = CHARGE_MIN
        is_enough = level >= cost or level >= capacity
        left = level - cost if is_enough else level
        levels[key] = (left, now)
        levels.move_to_end(key)
        if len(levels) > BUCKETS_MAX:
            levels.popitem(last=False)
        if is_enough:
            return left
        raise RateLimited(self.standing(level), (min(cost, capacity) - level) / self._refill)

    def standing(self, level: float) -> Standing:
        """Say what a level means to whom it is told."""
        reset_s = int((self._capacity - level) / self._refill) + 1
        return Standing(self._unit, self._capacity, int(level) if level > 0 else 0, reset_s)


class RateLimits:
    """The buckets of customers and of addresses."""

    def __init__(
        self, *, customer_cost_per_minute: int, address_requests_per_minute: int, clock: Callable[[], float]
    ) -> None:
        self._customers = Buckets(customer_cost_per_minute, b"cost", clock)
        self._addresses = Buckets(address_requests_per_minute, b"requests", clock)

    def admit(self, address: str) -> None:
        """Count a request or a socket of an address, before authentication.

        Raises:
            RateLimited: too many; may be retried later.
        """
        self._addresses.take(address, CHARGE_MIN)

    def charge_reading(self, customer_id: str, size: int) -> None:
        """Charge a body or message of `size` bytes to its customer, before it is read.

        Raises:
            RateLimited: the customer's minute is used up; may be retried later.
        """
        if size > BYTES_FREE:
            self._customers.take(customer_id, size // BYTES_PER_COST)

    def charge(self, customer_id: str, cost: int) -> Standing:
        """Charge an operation to its customer, before execution.

        Raises:
            RateLimited: the customer's minute is used up; may be retried later.
        """
        return self._customers.standing(self._customers.take(customer_id, cost))
