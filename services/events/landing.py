"""What arrives from the stream is appended to this service's log: the place where duplicates and strangers are found.

An event may arrive before the one it refers to, when they came through different shards. So what names an unknown
account or customer is tried again until it has been here for `hold_s`; then it is a dead letter for good. Appending is
idempotent: a parcel that arrives twice, as it may, changes nothing.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import msgspec

from contracts.ingest import RecordVerdict, Verdict
from services.events.parcels import BadParcel, Parcel, unpack
from services.events.screening import Record, Refused, Screened, screen
from services.events.store import EventLog
from services.events.times import canonical_moment
from services.isolating import Patience

APPEND_RECORDS_MAX = 2000
HOLD_S = 2.0
HOLD_PAUSE_S = 0.05
AWAITED = frozenset({"UNKNOWN_ACCOUNT", "UNKNOWN_CUSTOMER", "UNKNOWN_TRANSACTION"})
"""Refusals that the arrival of another event may lift."""


class Arrived(msgspec.Struct, frozen=True, gc=False):
    """A record of the stream and when Kinesis took it, in seconds since 1970."""

    data: bytes
    at_s: float


class Expected(msgspec.Struct):
    """A parcel on its way: the records its sender has screened already, and who waits for their verdicts."""

    records: list[Screened]
    replays: int | None
    verdicts: asyncio.Future[list[RecordVerdict]]


class Landing:
    """Appends arrived parcels to `log` and tells who waits for them."""

    def __init__(self, log: EventLog, clock: Callable[[], datetime], future_s: int, hold_s: float = HOLD_S) -> None:
        self._log = log
        self._clock = clock
        self._future = timedelta(seconds=future_s)
        self._hold_s = hold_s
        self._expected: dict[bytes, Expected] = {}
        self._patience = Patience()

    @property
    def healthy(self) -> bool:
        """Whether the log takes what arrives, or failed only just now."""
        return self._patience.healthy

    def expect(
        self, parcel: Parcel, records: list[Screened], replays: int | None
    ) -> asyncio.Future[list[RecordVerdict]]:
        """Return the verdicts to come of a parcel that is about to be put; cancel it to expect it no more."""
        verdicts: asyncio.Future[list[RecordVerdict]] = asyncio.get_running_loop().create_future()
        self._expected[parcel.token] = Expected(records, replays, verdicts)
        verdicts.add_done_callback(lambda _: self._expected.pop(parcel.token, None))
        return verdicts

    async def land(self, arrived: Sequence[Arrived]) -> None:
        """Append parcels in order; returns once all of them are durable here."""
        batch: list[Record] = []
        waiting: list[tuple[Expected, int]] = []
        for one in arrived:
            records, expected = self._opened(one.data)
            if expected is not None and expected.replays is not None:
                settle(expected, await self._appended(records, expected.replays))
                continue
            if expected is not None:
                waiting.append((expected, len(batch)))
            batch += records
        verdicts: list[RecordVerdict] = []
        for start in range(0, len(batch), APPEND_RECORDS_MAX):
            some = batch[start : start + APPEND_RECORDS_MAX]
            verdicts += await self._held(some, await self._appended(some), arrived[-1].at_s + self._hold_s)
        for expected, start in waiting:
            settle(expected, verdicts[start : start + len(expected.records)])

    def _opened(self, data: bytes) -> tuple[Sequence[Record], Expected | None]:
        try:
            token, lines = unpack(data)
        except BadParcel:
            return [Refused(data[:1024], "MALFORMED_PARCEL", "The stream had a record that is no parcel.")], None
        expected = self._expected.get(token)
        if expected is not None:
            return expected.records, expected
        latest = canonical_moment(self._clock() + self._future)
        return [screen(line, latest) for line in lines], None

    async def _appended(self, records: Sequence[Record], replays: int | None = None) -> list[RecordVerdict]:
        """Append records, however long the log takes for it."""
        return await self._patience.patiently(lambda: self._log.append_batch(records, 0, replays))

    async def _held(
        self, records: Sequence[Record], verdicts: list[RecordVerdict], until_s: float
    ) -> list[RecordVerdict]:
        held = [place for place, verdict in enumerate(verdicts) if verdict.reason in AWAITED]
        while held and time.time() < until_s:
            await asyncio.sleep(HOLD_PAUSE_S)
            again = await self._appended([records[place] for place in held])
            for place, verdict in zip(held, again, strict=True):
                if verdict.verdict is Verdict.ACCEPTED:  # its dead letter is settled: sent again, and now a duplicate
                    await self._appended([records[place]], verdicts[place].dead_letter_id)
                verdicts[place] = verdict
            held = [place for place in held if verdicts[place].reason in AWAITED]
        return verdicts


def settle(expected: Expected, verdicts: list[RecordVerdict]) -> None:
    """Hand verdicts to who waits, if anybody still does."""
    if not expected.verdicts.done():
        expected.verdicts.set_result(verdicts)
