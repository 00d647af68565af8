"""The event log on Kinesis: an append goes through the stream, and is answered once it came out of it.

    append_batch ──parcels──▶ Kinesis ──shards──▶ landing ──▶ own log ──▶ verdicts, readers

The stream is what is durable and survives this machine; the local log gives offsets, duplicates and history, and is
made anew from the stream where it is lost. So the port's promises are kept by one writer of the stream at a time, which
has the lease (`shard_lanes.py`).
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import msgspec

from aws.clients import aws_client, hot_client
from contracts.failures import Failure, Overloaded, Unavailable
from contracts.ingest import RecordVerdict
from services.events.landing import Landing
from services.events.log_pages import LogPage, LogState
from services.events.parcels import Parcel, pack
from services.events.places import Places
from services.events.screening import Record, Screened
from services.events.shard_lanes import LEASE_S, POLL_S, ShardLanes
from services.events.store import EventLog
from services.events.stream_puts import put_parcels
from services.keyed_state import DynamoKeyedState
from services.tasks import running

VERDICTS_S_MAX = 20.0
"""How long a producer waits for what it sent to come out of the stream."""
RETRY_AFTER_S = 1.0


class KinesisEventLog:
    """`EventLog` through a stream; `local` is the log that `landing` appends to."""

    def __init__(
        self,
        stream: str,
        state_table: str,
        local: EventLog,
        places: Places,
        landing: Landing,
        *,
        owner: str,
        batches_max: int,
        poll_s: float = POLL_S,
        lease_s: float = LEASE_S,
        calls: str = "signed",
    ) -> None:
        """`calls`: see `aws.clients.hot_client`."""
        self._stream = stream
        self._state_table = state_table
        self._local = local
        self._places = places
        self._landing = landing
        self._owner = owner
        self._batches_max = batches_max
        self._poll_s = poll_s
        self._lease_s = lease_s
        self._calls = calls
        self._client: Any = None
        self._lanes: ShardLanes | None = None
        self._appends: set[asyncio.Task[list[RecordVerdict]]] = set()

    @asynccontextmanager
    async def following(self) -> AsyncGenerator[ShardLanes]:
        """Open the clients and follow the stream for as long as the block runs; give the lease back at its end."""
        made = hot_client("kinesis", self._calls)
        async with made as kinesis, aws_client("dynamodb", connections=4) as dynamodb:
            state = DynamoKeyedState(dynamodb, self._state_table)
            lanes = ShardLanes(
                kinesis, self._stream, state, self._places, self._landing.land,
                owner=self._owner, poll_s=self._poll_s, lease_s=self._lease_s,
            )  # fmt: skip
            self._client, self._lanes = kinesis, lanes
            try:
                async with running({"follow the event stream": lanes.run()}, "stream not followed"):
                    yield lanes
            finally:
                self._lanes = None
                with suppress(Failure):  # it expires by itself
                    await lanes.release()

    @property
    def leads(self) -> bool:
        """Whether this process is the writer of the stream's log."""
        return self._lanes is not None and self._lanes.leads

    @property
    def healthy(self) -> bool:
        """Whether this process is the writer, reaches all of the stream, and lands what it reads."""
        return self._lanes is not None and self._lanes.healthy and self._landing.healthy

    async def append_batch(
        self, records: Sequence[Record], first_index: int = 0, replays: int | None = None
    ) -> list[RecordVerdict]:
        """See `EventLog`. Unavailable may also mean that it is on the stream: sent again it is a duplicate."""
        if not self.leads:
            raise Unavailable("This is not the log's writer now.", code="NOT_LEADING", retry_after_s=RETRY_AFTER_S)
        if len(self._appends) >= self._batches_max:
            raise Overloaded("Too many batches are on their way.", retry_after_s=RETRY_AFTER_S)
        task = asyncio.create_task(self._append(records, first_index, replays))
        self._appends.add(task)
        task.add_done_callback(self._appends.discard)
        return await asyncio.shield(task)

    async def read(self, after: int, limit: int) -> LogPage:
        """See `EventLog`."""
        return await self._local.read(after, limit)

    async def last_offset(self) -> int:
        """See `EventLog`."""
        return await self._local.last_offset()

    async def state(self) -> LogState:
        """See `EventLog`."""
        return await self._local.state()

    def appended(self) -> asyncio.Event:
        """See `EventLog`."""
        return self._local.appended()

    async def _append(self, records: Sequence[Record], first_index: int, replays: int | None) -> list[RecordVerdict]:
        found: dict[int, RecordVerdict] = {}
        refused = [place for place, record in enumerate(records) if not isinstance(record, Screened)]
        if refused:
            verdicts = await self._local.append_batch([records[place] for place in refused])
            found.update(zip(refused, verdicts, strict=True))
        sendable = [(place, record) for place, record in enumerate(records) if isinstance(record, Screened)]
        for parcel, answer in await self._sent(pack(sendable), dict(sendable), replays):
            found.update(zip(parcel.places, answer, strict=True))
        return [msgspec.structs.replace(found[place], index=first_index + place) for place in range(len(records))]

    async def _sent(
        self, parcels: list[Parcel], records: dict[int, Screened], replays: int | None
    ) -> list[tuple[Parcel, list[RecordVerdict]]]:
        waits = [self._landing.expect(one, [records[place] for place in one.places], replays) for one in parcels]
        try:
            async with asyncio.timeout(VERDICTS_S_MAX):
                await put_parcels(self._client, self._stream, parcels)
                return [(parcel, await wait) for parcel, wait in zip(parcels, waits, strict=True)]
        except TimeoutError as error:
            message = "The events are on the stream, but what became of them is not known yet."
            raise Unavailable(message, code="VERDICT_LATE", retry_after_s=RETRY_AFTER_S) from error
        finally:
            for wait in waits:
                wait.cancel()
