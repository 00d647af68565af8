"""The live feed as resolvers need it, and live events as the gateway takes them; the gateway's hub is behind both.

Nothing here waits but `fill`: whoever delivers takes what is ready, and sleeps without a task until `wake` is called.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Protocol, Self

from contracts.feed import FeedItem

Shared = dict[bytes, Any]
"""What is made of one event once for all who get it, by a key that says for whom it may be the same."""


SendOff = Callable[[], None]
Wake = Callable[[], SendOff | None]
"""Hands over what is ready and returns what then sends it, where there is something to send.

Its caller calls that at once, but may first wake others: what a wave of them is handed is made in one go, then sent.
"""


def nobody() -> None:
    """Wake no one."""


class FeedItems(Protocol):
    """One subscriber's place in its customer's alert log."""

    wake: Wake

    sent: int
    """The seq up to which everything was taken."""

    more: bool
    """Whether `take` may have more; False only where it has not until it is woken."""

    @property
    def ended(self) -> bool:
        """Whether nothing comes any more once nothing is left to take."""
        ...

    @property
    def hungry(self) -> bool:
        """Whether `fill` must be awaited before `take` has more."""
        ...

    def take(self) -> FeedItem | None:
        """Return the next item, or None where there is none yet."""
        ...

    async def fill(self) -> None:
        """Read what is missing from the log."""
        ...

    def close(self) -> None:
        """Listen no longer; repeating it is harmless."""
        ...


class AccountWatch(Protocol):
    """Whether an account may have changed since it was last read; any number of changes are one."""

    wake: Wake
    changed: bool

    @property
    def ended(self) -> bool:
        """Whether it can change no more."""
        ...

    def close(self) -> None:
        """Watch no longer; repeating it is harmless."""
        ...


class FeedPort(Protocol):
    """Live streams of one gateway."""

    async def alerts(self, customer_id: str, after: int | None) -> FeedItems:
        """Begin the customer's log after a seq (None: from now): in order, each entry once, and without end."""
        ...

    def account_changes(self, account_id: str) -> AccountWatch:
        """Begin watching an account's balance and status."""
        ...


class LiveEvents(ABC):
    """The events of one subscription. graphql-core may also iterate it."""

    __slots__ = ()

    wake: Wake

    more: bool
    """Whether `take` may have more; False only where it has not until it is woken, and the source has not ended."""

    @property
    @abstractmethod
    def ended(self) -> bool:
        """Whether nothing comes any more, once nothing is left to take."""

    @property
    @abstractmethod
    def hungry(self) -> bool:
        """Whether `fill` must be awaited before `take` has more."""

    @abstractmethod
    def take(self) -> Any | None:
        """Return the next occurrence, or None where there is none yet."""

    @abstractmethod
    def event(self, occurrence: Any) -> Any:
        """Return what an occurrence is to GraphQL."""

    def shared(self, occurrence: Any) -> Shared | None:  # noqa: ARG002 - for those who override it
        """Return where all who get this occurrence keep what they can share; None: nothing is shared."""
        return None

    @abstractmethod
    async def fill(self) -> None:
        """Wait for what is missing."""

    @abstractmethod
    def close(self) -> None:
        """End it; repeating it is harmless."""

    def cursor(self) -> str | None:
        """Return what resumes it after all that was taken; None where nothing does."""
        return None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        bell = asyncio.Event()
        self.wake = bell.set
        while (occurrence := self.take()) is None:
            if self.ended:
                raise StopAsyncIteration
            await (self.fill() if self.hungry else bell.wait())
            bell.clear()
        return self.event(occurrence)

    async def aclose(self) -> None:
        """End it, as generators do."""
        self.close()
