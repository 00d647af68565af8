"""Where one subscriber stands in its customer's alert log; a pure state machine: no socket, no clock, no await.

    sent     the last seq handed over; the next one handed over is always sent + 1
    stored   what was read from the log and not yet handed over
    live     hints waiting behind it, in whatever order they came; at most `QUEUE_MAX`, and `QUEUE_BYTES_MAX`
    hungry   the log must be read after `sent`: at the start, after a hole, an overflow or a re-attached stream

Rules: a hint at or below `sent` is dropped (a repeat); a hint at `sent` + 1 is handed over; a hint beyond it is a hole,
which the log fills. A queue at its bound is emptied: the subscriber is told of a gap and reads on at its own pace. So
nothing is lost, repeated or out of order whatever the hints do. The first item after what was stored is `CaughtUp`,
and so is the first one after a gap.
"""

import msgspec

from contracts.alerts import AlertLogPage
from contracts.feed import CaughtUp, EntryDelivered, FeedGapReason, FeedItem, Gap

QUEUE_MAX = 256
"""Most live entries that wait for one subscriber."""
QUEUE_BYTES_MAX = 256 * 1024
"""Most bytes they have together, as JSON."""

_measure = msgspec.json.Encoder()


class FeedPosition:
    """The position of one subscriber; `offer` and `doubt` are called by the hub, the rest by the subscriber."""

    __slots__ = ("_announce", "_live", "_live_bytes", "_overflowed", "_replaying", "_stored", "hungry", "more", "sent")

    def __init__(self) -> None:
        self.sent = 0
        self.hungry = True
        self.more = True
        """Whether `take` may have more; False only where it has not until the next `offer` or `doubt`."""
        self._announce = True
        self._replaying = True
        self._overflowed = False
        # Lists, as an empty deque takes 760 bytes and there are ten thousand of these; they are short.
        self._stored: list[FeedItem] = []
        self._live: list[EntryDelivered] = []
        self._live_bytes = 0

    def start_after(self, page: AlertLogPage, seq: int | None) -> None:
        """Begin after a seq with the first page read; None: at the end of the log, which the page tells."""
        if seq is None:
            self.sent = page.last_seq
            self._catch_up()
        elif seq > page.last_seq:
            self.sent = page.last_seq
            self._stored.append(Gap(page.last_seq, FeedGapReason.UNKNOWN))
            self._catch_up()
        else:
            self.sent = seq
            self.take_page(page)

    def begin_read(self) -> None:
        """Note that the log is being read: hints from here on are kept."""
        self.hungry = False
        self._replaying = self.more = True

    def take_page(self, page: AlertLogPage) -> None:
        """Take what the log has after `sent`."""
        if page.first_seq > self.sent + 1:
            kept_since = page.entries[0].at if page.entries else None
            self._stored.append(Gap(page.first_seq - 1, FeedGapReason.EXPIRED, kept_since))
            self._announce = True
        self._stored += map(EntryDelivered, page.entries)
        if page.entries and page.entries[-1].seq < page.last_seq:
            self.hungry = True
        elif self._announce:
            self._catch_up()

    def offer(self, hint: EntryDelivered) -> None:
        """Take a live hint; never blocks and never grows past the bounds."""
        if self.hungry or hint.entry.seq <= self.sent:
            return  # a repeat, or the log is about to be read and has it
        if self._live:
            # Measured only where hints pile up: a phone that keeps pace takes each before the next comes.
            self._live_bytes += len(_measure.encode(hint.entry))
            if len(self._live) >= QUEUE_MAX or self._live_bytes > QUEUE_BYTES_MAX:
                self._empty()
                self._overflowed = self.hungry = self.more = True
                return
        self._live.append(hint)
        self.more = True

    def doubt(self) -> None:
        """Note that hints may have been missed."""
        self.hungry = self.more = True

    def take(self) -> FeedItem | None:
        """Return the next item to hand over, or None: then wait, or read the log when `hungry`."""
        while self._stored:
            item = self._stored.pop(0)
            if isinstance(item, CaughtUp):
                return CaughtUp(self.sent)
            if isinstance(item, Gap):
                self.sent = item.seq
                return self._announced(item)
            if self._admit(item):
                return item
        if self._overflowed:
            self._overflowed = False
            self._announce = True
            return self._announced(Gap(self.sent, FeedGapReason.SLOW_CONSUMER))
        while self._live and not self.hungry:
            hint = self._live.pop(0)
            if self._admit(hint):
                if not self._live:
                    self._live_bytes = 0
                    self.more = False
                return hint
            if hint.entry.seq > self.sent:
                self.hungry = True
        self._replaying = False
        return None

    def _announced(self, gap: Gap) -> Gap:
        """Return a gap that is handed over."""
        return gap

    def _admit(self, item: EntryDelivered) -> bool:
        """Say whether an entry, of a hint or of the log, is the next one; if so it counts as handed over."""
        if item.entry.seq != self.sent + 1:
            return False
        self.sent = item.entry.seq
        return True

    def _catch_up(self) -> None:
        self._announce = False
        self._stored.append(CaughtUp(self.sent))

    def _empty(self) -> None:
        self._live = []
        self._live_bytes = 0
