"""From records to verdicts: screened here, appended by the log, in the order sent.

A single event or a batch is answered whole; an NDJSON stream of any length by a `StreamRun`.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from contracts.ingest import IngestReport, IngestSummary, RecordVerdict, Verdict
from services.events import metrics
from services.events.screening import Record, screen
from services.events.store import EventLog
from services.events.times import canonical_moment

BATCH_RECORDS_MAX = 1000
"""Most records of one write job."""
SLICE_RECORDS = 200
"""Records screened before the event loop gets its turn: about 4 ms."""


class Tally:
    """Counts of the verdicts of one request."""

    def __init__(self) -> None:
        self._counts: Counter[Verdict] = Counter()

    def add(self, verdicts: Sequence[RecordVerdict]) -> None:
        """Count a batch."""
        self._counts.update([verdict.verdict for verdict in verdicts])

    def summary(self, offset: int) -> IngestSummary:
        """Sum up, with the log's last offset."""
        counts = self._counts
        return IngestSummary(
            accepted=counts[Verdict.ACCEPTED],
            duplicates=counts[Verdict.DUPLICATE],
            conflicts=counts[Verdict.CONFLICT],
            rejected=counts[Verdict.REJECTED],
            offset=offset,
        )


class Ingest:
    """The way into the log; `future_s` is how far ahead of the clock an event's time may be, in seconds."""

    def __init__(self, log: EventLog, clock: Callable[[], datetime], future_s: int) -> None:
        self._log = log
        self._clock = clock
        self._future = timedelta(seconds=future_s)

    async def screened(self, raws: Sequence[bytes]) -> list[Record]:
        """Screen records against the clock of now, other requests having their turn in between."""
        latest = canonical_moment(self._clock() + self._future)
        records = [screen(raw, latest) for raw in raws[:SLICE_RECORDS]]
        for start in range(SLICE_RECORDS, len(raws), SLICE_RECORDS):
            await asyncio.sleep(0)
            records += [screen(raw, latest) for raw in raws[start : start + SLICE_RECORDS]]
        return records

    async def append(
        self, records: Sequence[Record], first_index: int = 0, replays: int | None = None
    ) -> list[RecordVerdict]:
        """Append one batch and count what became of it.

        Raises:
            Overloaded, Unavailable: nothing of the batch is stored; may be retried.
        """
        started_at = time.perf_counter()
        verdicts = await self._log.append_batch(records, first_index, replays)
        metrics.BATCH_SECONDS.observe(time.perf_counter() - started_at)
        metrics.count(verdicts)
        return verdicts

    async def report(self, raws: Sequence[bytes]) -> IngestReport:
        """Append the records of one message and answer all verdicts at once.

        Raises:
            Overloaded, Unavailable: the first records may be stored; send all again, duplicates are recognised.
        """
        tally = Tally()
        verdicts: list[RecordVerdict] = []
        for start in range(0, len(raws), BATCH_RECORDS_MAX):
            some = await self.append(await self.screened(raws[start : start + BATCH_RECORDS_MAX]), start)
            tally.add(some)
            verdicts += some
        return IngestReport(await self.summary(tally), verdicts)

    async def summary(self, tally: Tally) -> IngestSummary:
        """Sum up a request whose batches are all durable."""
        offset = await self._log.last_offset()
        metrics.LOG_OFFSET.set(offset)
        return tally.summary(offset)
