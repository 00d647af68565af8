"""A stream, a table of leases and processes that die or hang, as AWS documents them: what shard lanes are tried on.

Kinesis: a key's records go to the open shard of its hash; a shard that is split or merged takes no more and ends with
no next iterator; its children have higher sequence numbers; iterators live for five minutes; a read may be empty though
there is more, and may be refused. DynamoDB: a write may hold though its answer is lost.
"""

import asyncio
import random
from typing import Any
from zlib import crc32

import msgspec
from botocore.exceptions import ClientError

from contracts.failures import Conflict, Unavailable
from services.keyed_state import Versioned

HASHES = 2**16
ITERATOR_S = 300.0
CALL_S = 0.01


class Shard(msgspec.Struct):
    """A shard: the hashes it takes, where it came from, what it has."""

    name: str
    start: int
    end: int
    parents: tuple[str, ...] = ()
    records: list[tuple[int, bytes]] = []
    is_open: bool = True


class Stream:
    """The shards; `put`, `split` and `merge` are the world's doing, the others what a client asks."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.shards = [Shard("shard-0", 0, HASHES)]
        self._sequence = 0
        self.faults = 0.0

    def put(self, key: str, data: bytes) -> None:
        """Add a record."""
        place = crc32(key.encode()) % HASHES
        shard = next(one for one in self.shards if one.is_open and one.start <= place < one.end)
        self._sequence += 1
        shard.records.append((self._sequence, data))

    def split(self, number: int) -> None:
        """Split one of the open shards in the middle."""
        shard = self._open(number)
        if shard.end - shard.start > 1:
            middle = (shard.start + shard.end) // 2
            self._replace([shard], [(shard.start, middle), (middle, shard.end)])

    def merge(self, number: int) -> None:
        """Merge one of the open shards with the one after it."""
        shard = self._open(number)
        after = next((one for one in self.shards if one.is_open and one.start == shard.end), None)
        if after is not None:
            self._replace([shard, after], [(shard.start, after.end)])

    def _open(self, number: int) -> Shard:
        shards = [one for one in self.shards if one.is_open]
        return shards[number % len(shards)]

    def _replace(self, parents: list[Shard], ranges: list[tuple[int, int]]) -> None:
        for parent in parents:
            parent.is_open = False
        for start, end in ranges:
            names = tuple(parent.name for parent in parents)
            self.shards.append(Shard(f"shard-{len(self.shards)}", start, end, names))

    def read(self, iterator: tuple[str, int, float]) -> dict[str, Any]:
        """Answer GetRecords."""
        name, after, made_at = iterator
        if _now() - made_at > ITERATOR_S:
            raise ClientError({"Error": {"Code": "ExpiredIteratorException"}}, "GetRecords")
        if self.chance.random() < self.faults:
            raise ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, "GetRecords")
        shard = next(one for one in self.shards if one.name == name)
        waiting = [record for record in shard.records if record[0] > after]
        some = waiting[: self.chance.randint(0, 3)]
        last = some[-1][0] if some else after
        ended = not shard.is_open and len(some) == len(waiting)
        return {
            "Records": [{"SequenceNumber": str(sequence), "Data": data} for sequence, data in some],
            "NextShardIterator": None if ended else (name, last, _now()),
            "MillisBehindLatest": 0,
        }


class Leases:
    """Keyed state of everybody; `faults` is the share of commits whose answer is lost."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._values: dict[str, Versioned] = {}
        self.faults = 0.0

    def load(self, key: str) -> Versioned:
        """See `KeyedState`."""
        return self._values.get(key, Versioned(0, b""))

    def commit_if(self, key: str, version: int, value: bytes) -> int:
        """See `KeyedState`."""
        if self.load(key).version != version:
            raise Conflict("no", code="VERSION_MOVED_ON")
        self._values[key] = Versioned(version + 1, value)
        if self._chance.random() < self.faults:
            raise Unavailable("The answer is lost.")
        return version + 1


class Process:
    """What one process has of the world; it may be cut off from the stream or from the table, and calls wait then."""

    def __init__(self, stream: Stream, leases: Leases) -> None:
        self._stream = stream
        self._leases = leases
        self.reaches_stream, self.reaches_table = asyncio.Event(), asyncio.Event()
        self.reaches_stream.set()
        self.reaches_table.set()

    async def list_shards(self, **_: Any) -> dict[str, Any]:
        """Answer ListShards."""
        await self.reaches_stream.wait()
        names = ("ParentShardId", "AdjacentParentShardId")
        return {
            "Shards": [
                {"ShardId": one.name, **dict(zip(names, one.parents, strict=False))} for one in self._stream.shards
            ]
        }

    async def get_shard_iterator(self, *, ShardId: str, StartingSequenceNumber: str = "0", **_: Any) -> dict[str, Any]:  # noqa: N803 - AWS's names
        """Answer GetShardIterator."""
        await self.reaches_stream.wait()
        return {"ShardIterator": (ShardId, int(StartingSequenceNumber), _now())}

    async def get_records(self, *, ShardIterator: Any, **_: Any) -> dict[str, Any]:  # noqa: N803 - AWS's names
        """Answer GetRecords."""
        await self.reaches_stream.wait()
        await asyncio.sleep(CALL_S)
        answer = self._stream.read(ShardIterator)
        await self.reaches_stream.wait()
        return answer

    async def load(self, key: str) -> Versioned:
        """See `KeyedState`."""
        await self.reaches_table.wait()
        await asyncio.sleep(CALL_S)
        return self._leases.load(key)

    async def commit_if(self, key: str, version: int, value: bytes) -> int:
        """See `KeyedState`."""
        await self.reaches_table.wait()
        await asyncio.sleep(CALL_S)
        committed = self._leases.commit_if(key, version, value)
        await self.reaches_table.wait()
        return committed


def _now() -> float:
    return asyncio.get_running_loop().time()
