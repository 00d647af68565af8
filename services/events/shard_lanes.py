"""The shards of a stream, read by the one process that has the lease: a lane a shard, each in order, all at once.

    lease free, or silent for LEASE_S ──take──▶ leading, a commit every CHECKPOINT_S ──another committed──▶ not leading

The lease and how far each shard is read are one value of keyed state, committed on the condition that nobody else has:
a process that was thought dead finds out at its next commit. A shard that was split or merged is read to its end before
its children are begun.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any

import msgspec
import structlog

from aws.clients import translated
from contracts.failures import Conflict, Failure
from services.events.landing import Arrived
from services.events.metrics import STREAM_BEHIND
from services.keyed_state import KeyedState, Versioned

LEASE_S = 10.0
CHECKPOINT_S = 1.0
POLL_S = 0.2
"""Kinesis answers five reads a second and shard."""
RETRY_S = 0.5
RECORDS_PER_READ_MAX = 2000
SHARDS_EVERY_S = 10.0
ENDED = "ENDED"

_log = structlog.get_logger(__name__)


class Lease(msgspec.Struct):
    """Who reads the stream (nobody: empty), and the last sequence number landed of each shard."""

    owner: str = ""
    places: dict[str, str] = {}


class ShardLanes:
    """Follows all shards of a stream into `land` while it has the lease. `run` goes on for ever."""

    def __init__(
        self,
        client: Any,
        stream: str,
        state: KeyedState,
        land: Callable[[Sequence[Arrived]], Awaitable[None]],
        *,
        owner: str,
        lease_s: float = LEASE_S,
        poll_s: float = POLL_S,
        shards_every_s: float = SHARDS_EVERY_S,
    ) -> None:
        self._client = client
        self._stream = stream
        self._state = state
        self._land = land
        self._owner = owner
        self._lease_s = lease_s
        self._poll_s = poll_s
        self._shards_every_s = shards_every_s
        self._key = f"stream:{stream}"
        self._places: dict[str, str] = {}
        self._version = 0
        self._ended = asyncio.Event()
        self.leading = asyncio.Event()

    async def run(self, *, from_the_start: bool) -> None:
        """Wait for the lease, follow the shards, begin again when it is lost.

        `from_the_start`: what was read before is not here (the local log is empty), so all the stream has is read.
        """
        while True:
            try:
                await self._take(from_the_start=from_the_start)
                from_the_start = False
                _log.info("stream taken", stream=self._stream, shards=len(self._places))
                await self._lead()
            except Conflict:
                _log.warning("stream lost to another writer", stream=self._stream)
            except Failure as failure:
                _log.error("stream away", stream=self._stream, code=failure.reason, detail=failure.detail)
            finally:
                self.leading.clear()
            await asyncio.sleep(RETRY_S)

    async def release(self) -> None:
        """Note how far the shards are read and let the next writer begin at once."""
        if self._version:
            await self._commit("")

    async def _take(self, *, from_the_start: bool) -> None:
        seen = await self._state.load(self._key)
        while _lease(seen).owner not in {"", self._owner}:
            await asyncio.sleep(self._lease_s)
            before, seen = seen, await self._state.load(self._key)
            if seen.version == before.version:
                break
        self._places = {} if from_the_start else _lease(seen).places
        self._version = seen.version
        await self._commit(self._owner)

    async def _commit(self, owner: str) -> None:
        value = msgspec.json.encode(Lease(owner, self._places))
        self._version = await self._state.commit_if(self._key, self._version, value)

    async def _lead(self) -> None:
        self.leading.set()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._checkpoint())
                tasks.create_task(self._open_lanes(tasks))
        except* Failure as failures:
            raise failures.exceptions[0] from failures

    async def _checkpoint(self) -> None:
        while True:
            await asyncio.sleep(min(CHECKPOINT_S, self._lease_s / 4))
            async with asyncio.timeout(self._lease_s / 2):
                await self._commit(self._owner)

    async def _open_lanes(self, tasks: asyncio.TaskGroup) -> None:
        """Begin a lane for each shard whose parents are read to their end; look for new ones now and then."""
        begun: set[str] = set()
        while True:
            self._ended.clear()
            shards = await self._shards()
            ids: set[str] = {shard["ShardId"] for shard in shards}
            for shard in shards:
                name = shard["ShardId"]
                parents = ids & {shard.get("ParentShardId"), shard.get("AdjacentParentShardId")}
                is_ready = all(self._places.get(parent) == ENDED for parent in parents)
                if is_ready and name not in begun and self._places.get(name) != ENDED:
                    begun.add(name)
                    tasks.create_task(self._lane(name))
            try:
                await asyncio.wait_for(self._ended.wait(), self._shards_every_s)
            except TimeoutError:
                continue

    async def _shards(self) -> list[dict[str, Any]]:
        shards: list[dict[str, Any]] = []
        asked: dict[str, Any] = {"StreamName": self._stream}
        while True:
            with translated("event stream"):
                answer = await self._client.list_shards(**asked)
            shards += answer["Shards"]
            if not answer.get("NextToken"):
                return shards
            asked = {"NextToken": answer["NextToken"]}

    async def _lane(self, shard: str) -> None:
        async with aclosing(self._pages(shard)) as pages:
            async for records in pages:
                await self._land([Arrived(one["Data"], _seconds(one)) for one in records])
                self._places[shard] = records[-1]["SequenceNumber"]
        self._places[shard] = ENDED
        self._ended.set()

    async def _pages(self, shard: str) -> AsyncGenerator[list[dict[str, Any]]]:
        iterator = await self._iterator(shard)
        while iterator:
            started_at = time.monotonic()
            try:
                with translated("event stream"):
                    answer = await self._client.get_records(ShardIterator=iterator, Limit=RECORDS_PER_READ_MAX)
            except Failure as failure:
                _log.warning("shard away", shard=shard, code=failure.reason, detail=failure.detail)
                await asyncio.sleep(RETRY_S)
                iterator = await self._iterator(shard)  # it may have expired: they live for five minutes
                continue
            STREAM_BEHIND.labels(shard).set(answer.get("MillisBehindLatest", 0) / 1000)
            if answer["Records"]:
                yield answer["Records"]
            iterator = answer.get("NextShardIterator")
            await asyncio.sleep(max(0.0, self._poll_s - (time.monotonic() - started_at)))

    async def _iterator(self, shard: str) -> str:
        place = self._places.get(shard)
        asked = {"StreamName": self._stream, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
        if place is not None:
            asked |= {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": place}
        with translated("event stream"):
            answer = await self._client.get_shard_iterator(**asked)
        iterator: str = answer["ShardIterator"]
        return iterator


def _lease(seen: Versioned) -> Lease:
    return msgspec.json.decode(seen.value, type=Lease) if seen.version else Lease()


def _seconds(record: dict[str, Any]) -> float:
    arrived_at = record.get("ApproximateArrivalTimestamp")
    return float(arrived_at.timestamp()) if arrived_at is not None else time.time()
