"""When windows close. Pure.

Days are the windows of baselines, and multiples of days (aligned to the epoch) those of BELOW rules. An account's day
closes

    by event time:  once an event of the account lies `lateness` after the day's end
    by wall clock:  once the clock does, and nothing of the account came for `lateness`: the stream is quiet

The wall clock that decides is the log's (`acceptedAt`), and a window closed by a tick of the consumer's own clock is
one that the next event's `acceptedAt` would close anyway. So what closes before what is a property of the log alone:
it is the same after a crash, and however the log is cut into batches.
"""

from collections.abc import Iterator

from services.analytics.instants import SECOND_US, day_of
from services.analytics.states import AccountState

WINDOWS_AT_ONCE_MAX = 31
"""Windows of one rule and account that one closing looks at; a longer silence says nothing more."""
TICK_MARGIN_S = 5
"""How long a tick stays behind the clock: an event accepted before it may still be on its way."""


def open_day_by_event(account: AccountState, occurred_us: int, lateness_us: int) -> int:
    """Return the first open day after an event at `occurred_us`."""
    return max(account.open_day, day_of(occurred_us - lateness_us))


def open_day_by_clock(account: AccountState, now_us: int, lateness_us: int) -> int:
    """Return the first open day when the clock shows `now_us`; nothing closes before the account was ever heard of."""
    if not account.open_day or now_us - account.heard_us < lateness_us:
        return account.open_day
    return max(account.open_day, day_of(now_us - lateness_us))


def closed_windows(old_open_day: int, new_open_day: int, window_days: int) -> Iterator[range]:
    """Yield the windows, as days, that end after `old_open_day` and by `new_open_day`; the latest ones of too many."""
    if not old_open_day:
        return
    last = new_open_day // window_days
    first = max(old_open_day // window_days, last - WINDOWS_AT_ONCE_MAX)
    for number in range(first, last):
        yield range(number * window_days, (number + 1) * window_days)


def late_by_s(account: AccountState, occurred_us: int, day_us: int) -> int:
    """Return the seconds an event lies before the oldest open day, 0 when its day is open."""
    return max(0, -(-(account.open_day * day_us - occurred_us) // SECOND_US))
