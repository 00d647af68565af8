"""The shards of a stream, read by the one process that has the lease: a lane a shard, each in order, all at once.

    lease free, or silent for LEASE_S ──take──▶ leading, renewed each second ──taken, or not renewed──▶ waiting

The lease is a value of keyed state, committed on the condition that nobody else has. Who leads counts from the start of
its last renewal, who waits from when it saw that one: so a process that slept too long stops before another begins. A
shard that was split or merged is read to its end before its children are begun.
"""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from typing import Any

import msgspec
import structlog

from aws.clients import translated
from contracts.failures import Conflict, Failure, Overloaded, Unavailable
from services.events.landing import Arrived
from services.events.metrics import STREAM_BEHIND
from services.events.places import Places
from services.isolating import HEALTHY_WITHIN_S, Patience
from services.keyed_state import KeyedState, Versioned

LEASE_S = 10.0
RENEW_S = 1.0
POLL_S = 0.2
"""Kinesis answers five reads a second and shard."""
RETRY_S = 0.5
RETRY_S_MAX = 5.0
RECORDS_PER_READ_MAX = 2000
SHARDS_EVERY_S = 10.0
ENDED = "ENDED"

_log = structlog.get_logger(__name__)


class Lease(msgspec.Struct):
    """Who reads the stream; nobody: empty."""

    owner: str = ""


class ShardLanes:
    """Follows all shards of a stream into `land` while it has the lease. `run` goes on for ever."""

    def __init__(
        self,
        client: Any,
        stream: str,
        state: KeyedState,
        places: Places,
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
        self._kept = places
        self._land = land
        self._owner = owner
        self._lease_s = lease_s
        self._poll_s = poll_s
        self._shards_every_s = shards_every_s
        self._key = f"stream:{stream}"
        self._places: dict[str, str] = {}
        self._version: int | None = None  # None: what became of the last commit is not known
        self._renewed_at = float("-inf")
        self._failing: dict[str, float] = {}
        self._patience = Patience()
        self._ended = asyncio.Event()
        self.leading = asyncio.Event()

    @property
    def leads(self) -> bool:
        """Whether nobody else can have the lease."""
        return self.leading.is_set() and _now() - self._renewed_at < self._lease_s

    @property
    def healthy(self) -> bool:
        """Whether it leads, and neither a shard nor the file of places has been out of reach for long."""
        shards_answer = all(_now() - since < HEALTHY_WITHIN_S for since in self._failing.values())
        return self.leads and shards_answer and self._patience.healthy

    async def run(self) -> None:
        """Wait for the lease, follow the shards, begin again when it is lost."""
        while True:
            try:
                await self._take()
                self._places = await self._kept.load()
                _log.info("stream taken", stream=self._stream, shards=len(self._places))
                await self._follow()
            except Conflict:
                _log.warning("stream lost to another writer", stream=self._stream)
            except Failure as failure:
                _log.error("stream away", stream=self._stream, code=failure.reason, detail=failure.detail)
            finally:
                self.leading.clear()
                self._failing.clear()
            await asyncio.sleep(RETRY_S)

    async def release(self) -> None:
        """Let the next writer begin at once."""
        if self._version:
            await self._commit("")

    async def _take(self) -> None:
        seen = await self._state.load(self._key)
        while _owner_of(seen) not in {"", self._owner}:
            await asyncio.sleep(self._lease_s)
            before, seen = seen, await self._state.load(self._key)
            if seen.version == before.version:
                break
        self._version = seen.version
        await self._commit(self._owner)

    async def _commit(self, owner: str) -> None:
        """Have the lease say an owner.

        Raises:
            Conflict: somebody else has it.
            Overloaded, Unavailable: it may say so, or not.
        """
        started_at, version = _now(), self._version
        if version is None:
            seen = await self._state.load(self._key)
            if _owner_of(seen) != self._owner:
                raise Conflict("The lease is another's.")
            version = seen.version
        self._version = None
        self._version = await self._state.commit_if(self._key, version, msgspec.json.encode(Lease(owner)))
        self._renewed_at = started_at

    async def _follow(self) -> None:
        # A task of its own: cancelled as one of its lanes fails, a task group would tell of the failure alone, and this
        # would go on for ever (CPython before 3.13).
        leading = asyncio.create_task(self._lead())
        try:
            await asyncio.wait([leading])
        finally:
            leading.cancel()
            await asyncio.gather(leading, return_exceptions=True)
        leading.result()

    async def _lead(self) -> None:
        self.leading.set()
        failed = None
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._renew())
                tasks.create_task(self._open_lanes(tasks))
        except* Failure as failures:
            failed = failures
        if failed is not None:  # raised up there, CPython before 3.11.4 would make a group of it
            raise failed.exceptions[0] from failed

    async def _renew(self) -> None:
        """Keep the lease; a store that is away for a moment costs nothing, as long as the lease is not over."""
        while True:
            await asyncio.sleep(min(RENEW_S, self._lease_s / 4))
            try:
                async with asyncio.timeout(self._lease_s / 4):
                    await self._commit(self._owner)
            except (Unavailable, Overloaded, TimeoutError) as failure:
                if not self.leads:
                    raise Unavailable("The lease could not be renewed.", code="LEASE_NOT_RENEWED") from failure
                _log.warning("lease not renewed yet", stream=self._stream, error=type(failure).__name__)

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
            with suppress(TimeoutError):
                async with asyncio.timeout(self._shards_every_s):
                    await self._ended.wait()

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
                if not self.leads:
                    raise Conflict("The lease is over.")
                await self._land([Arrived(one["Data"], _seconds(one)) for one in records])
                await self._keep(shard, records[-1]["SequenceNumber"])
        await self._keep(shard, ENDED)
        self._failing.pop(shard, None)
        STREAM_BEHIND.labels(shard).set(0)
        self._ended.set()

    async def _keep(self, shard: str, place: str) -> None:
        await self._patience.patiently(lambda: self._kept.keep(shard, place))
        self._places[shard] = place

    async def _pages(self, shard: str) -> AsyncGenerator[list[dict[str, Any]]]:
        iterator = await self._iterator(shard)
        retry_s = RETRY_S
        while iterator:
            started_at = _now()
            try:
                with translated("event stream"):
                    answer = await self._client.get_records(ShardIterator=iterator, Limit=RECORDS_PER_READ_MAX)
            except Failure as failure:
                _log.warning("shard away", shard=shard, code=failure.reason, detail=failure.detail)
                self._failing.setdefault(shard, started_at)
                await asyncio.sleep(retry_s * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, nothing secret
                retry_s = min(retry_s * 2, RETRY_S_MAX)
                iterator = await self._iterator(shard)  # it may have expired: they live for five minutes
                continue
            retry_s = RETRY_S
            self._failing.pop(shard, None)
            STREAM_BEHIND.labels(shard).set(answer.get("MillisBehindLatest", 0) / 1000)
            if answer["Records"]:
                yield answer["Records"]
            iterator = answer.get("NextShardIterator")
            await asyncio.sleep(max(0.0, self._poll_s - (_now() - started_at)))

    async def _iterator(self, shard: str) -> str:
        place = self._places.get(shard)
        asked = {"StreamName": self._stream, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
        if place is not None:
            asked |= {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": place}
        with translated("event stream"):
            answer = await self._client.get_shard_iterator(**asked)
        iterator: str = answer["ShardIterator"]
        return iterator


def _owner_of(seen: Versioned) -> str:
    return msgspec.json.decode(seen.value, type=Lease).owner if seen.version else ""


def _now() -> float:
    return asyncio.get_running_loop().time()


def _seconds(record: dict[str, Any]) -> float:
    arrived_at = record.get("ApproximateArrivalTimestamp")
    return float(arrived_at.timestamp()) if arrived_at is not None else time.time()
