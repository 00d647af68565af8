"""What a live feed hands to its subscriber, before GraphQL gives it a shape."""

from enum import StrEnum
from typing import Any

import msgspec

from contracts.alerts import AlertLogEntry


class FeedGapReason(StrEnum):
    """Why the feed does not continue right after the cursor it was given."""

    EXPIRED = "EXPIRED"
    SLOW_CONSUMER = "SLOW_CONSUMER"
    UNKNOWN = "UNKNOWN"


class EntryDelivered(msgspec.Struct, frozen=True):
    """The next entry of the customer's alert log; `shared` holds what all who get this very hint make of it once."""

    entry: AlertLogEntry
    shared: dict[bytes, Any] = msgspec.field(default_factory=dict)


class CaughtUp(msgspec.Struct, frozen=True):
    """What was stored up to `seq` is delivered; what follows is live."""

    seq: int


class Gap(msgspec.Struct, frozen=True):
    """Entries before `seq` + 1 are not delivered on this stream; it goes on after `seq`."""

    seq: int
    reason: FeedGapReason
    resumes_at: str | None = None


FeedItem = EntryDelivered | CaughtUp | Gap


class AccountChange(msgspec.Struct, frozen=True, rename="camel"):
    """A hint that an account's balance or status changed, at an offset of the event log."""

    offset: int
    account_id: str
