"""The live feed as resolvers need it; the gateway's hub is behind it."""

from collections.abc import AsyncGenerator
from typing import Protocol

from contracts.feed import FeedItem


class FeedPort(Protocol):
    """Live streams of one gateway."""

    def alerts(self, customer_id: str, after: int | None) -> AsyncGenerator[FeedItem]:
        """Yield the customer's log after a seq (None: from now), in order, once each, and without end."""
        ...

    def account_changes(self, account_id: str) -> AsyncGenerator[None]:
        """Yield each time the account's balance or status may have changed."""
        ...
