"""Where one subscriber stands in its customer's alert log; a pure state machine: no socket, no clock, no await.

    sent     the last seq handed over; the next one handed over is always sent + 1
    queue    live entries waiting, at most `QUEUE_MAX`: hints, in whatever order they came
    stale    the log must be read after `sent`: at the start, after a hole, an overflow or a re-attached stream

Rules: a hint at or below `sent` is dropped (a repeat); a hint at `sent` + 1 is handed over; a hint beyond it is a hole,
which the log fills. A queue at its bound is emptied and says `overflowed`: the subscriber is told and reads on at its
own pace. So nothing is lost, repeated or out of order whatever the hints do.
"""

from collections import deque

from contracts.alerts import AlertLogEntry

QUEUE_MAX = 256
"""Most live entries that wait for one subscriber."""


class FeedPosition:
    """The position of one subscriber; `offer` is called by the hub, the rest by the subscriber."""

    def __init__(self) -> None:
        self.sent = 0
        self.stale = True
        self.overflowed = False
        self._queue: deque[AlertLogEntry] = deque()

    def start_after(self, seq: int) -> None:
        """Begin, or go on, right after a seq; the log is still to be read."""
        self.sent = seq

    def offer(self, entry: AlertLogEntry) -> None:
        """Take a live hint; never blocks and never grows past the bound."""
        if self.stale or entry.seq <= self.sent:
            return  # a repeat, or the log is about to be read and has it
        if len(self._queue) >= QUEUE_MAX:
            self._queue.clear()
            self.overflowed = self.stale = True
            return
        self._queue.append(entry)

    def doubt(self) -> None:
        """Note that hints may have been missed."""
        self.stale = True

    def admit(self, entry: AlertLogEntry) -> bool:
        """Say whether an entry, of a hint or of the log, is the next one; if so it counts as handed over."""
        if entry.seq != self.sent + 1:
            return False
        self.sent = entry.seq
        return True

    def next_live(self) -> AlertLogEntry | None:
        """Return the next entry to hand over from the queue, or None: then wait, or read the log when `stale`."""
        while self._queue and not self.stale:
            entry = self._queue.popleft()
            if self.admit(entry):
                return entry
            if entry.seq > self.sent:
                self.stale = True
        return None
