"""What is kept by key between events: accounts, cards, customers, and each account's spending by category and day.

Mutable on purpose: values live in the memory of the one writer, which marks what it changed (`keyed_state.py`).
"""

from bisect import bisect_left, insort

import msgspec

from contracts.vocabulary import AccountKind
from services.analytics.baselines import Spread, spread_of
from services.analytics.instants import MINUTE_US

DEVICES_MAX = 100
"""Devices remembered for a customer; the oldest is forgotten first."""
RECENT_PAYMENTS_MAX = 64
"""Card payments remembered for a card."""
RECENT_US = 60 * MINUTE_US
"""How far back, in event time, a card's payments are remembered."""
DAYS_MAX = 40
"""Days with spending kept for a category of an account."""
OBSERVATIONS_MAX = 30
"""Latest closed days with spending that a baseline is made of."""


class AccountState(msgspec.Struct, omit_defaults=True):
    """An account as alerts need it. Days before `open_day` are closed; `heard_us` is the log's clock at its last event.

    `balance` is the running booked balance in minor units, None until known, as of event time `balance_us`.
    """

    currency: str
    kind: AccountKind = AccountKind.CURRENT
    display_name: str = ""
    holders: list[str] = []
    open_day: int = 0
    heard_us: int = 0
    balance: int | None = None
    balance_us: int = 0


class CardPayment(msgspec.Struct, frozen=True, array_like=True, order=True, gc=False):
    """A card payment in a card's recent past; `minor` is positive."""

    at_us: int
    transaction_id: str
    minor: int


class CardState(msgspec.Struct, omit_defaults=True):
    """A card and its recent payments in event time; `cardholder` is empty until the card was issued."""

    cardholder: str = ""
    recent: list[CardPayment] = []

    def remember(self, payment: CardPayment) -> None:
        """Add a payment and forget those out of reach of the newest."""
        insort(self.recent, payment)
        oldest_us = self.recent[-1].at_us - RECENT_US
        stale = sum(1 for each in self.recent if each.at_us < oldest_us)
        del self.recent[: max(stale, len(self.recent) - RECENT_PAYMENTS_MAX)]


class CustomerState(msgspec.Struct, omit_defaults=True):
    """A customer's residency country and the devices registered or seen."""

    residency: str = ""
    devices: list[str] = []

    def remember_device(self, device_id: str) -> bool:
        """Add a device; say whether it was unknown."""
        if device_id in self.devices:
            return False
        self.devices.append(device_id)
        del self.devices[:-DEVICES_MAX]
        return True


class CategoryState(msgspec.Struct, omit_defaults=True):
    """Spending by day, in minor units, of one category of an account; `spread` is over the days before `folded_day`."""

    days: list[int] = []
    totals: list[int] = []
    folded_day: int = -1
    spread: Spread | None = None

    def add(self, day: int, minor: int) -> int:
        """Add to a day's total and return it. A correction of a folded day has the spread computed anew."""
        if day < self.folded_day:
            self.folded_day = -1
        at = bisect_left(self.days, day)
        if at < len(self.days) and self.days[at] == day:
            self.totals[at] += minor
            return self.totals[at]
        self.days.insert(at, day)
        self.totals.insert(at, minor)
        if len(self.days) > DAYS_MAX:
            del self.days[0], self.totals[0]
        return minor

    def spread_under(self, total: int, open_day: int) -> Spread | None:
        """Fold the closed days, those before `open_day`, and return their spread, to hold a day's total against.

        None without a closed day with spending, and where more than half of them had as much: such a total is not above
        the median, and most are known so without making the spread.
        """
        if self.folded_day != open_day:
            closed = self._closed(open_day)
            if 2 * sum([each >= total for each in closed]) > len(closed):
                return None
            self.spread, self.folded_day = spread_of(closed), open_day
        return self.spread

    def _closed(self, open_day: int) -> list[int]:
        closed = self.totals[: bisect_left(self.days, open_day)]
        return [total for total in closed if total > 0][-OBSERVATIONS_MAX:]


def category_key(account_id: str, category: str) -> str:
    """Return the key of an account's category; ids hold no space."""
    return account_id + " " + category  # formatting an enum takes three times as long
