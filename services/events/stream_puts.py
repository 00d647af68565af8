"""Parcels onto the stream: at most 500 a call, what was refused again, and never two of one key in a call.

PutRecords takes some records and refuses others. A key's next parcel goes only after the one before it was taken, so
its events stay in order however often a shard is full.
"""

import asyncio
import random
from collections import deque
from collections.abc import Iterable
from typing import Any

from aws.clients import translated
from contracts.failures import Overloaded
from services.events.parcels import Parcel

PARCELS_PER_CALL_MAX = 500
CALL_BYTES_MAX = 4 * 1024 * 1024
FRUITLESS_MAX = 5
"""Calls in a row of which nothing was taken before the producer is told to come back later."""
PAUSE_S = 0.05
WHAT = "event stream"

Waiting = dict[str, deque[Parcel]]


async def put_parcels(client: Any, stream: str, parcels: Iterable[Parcel], pause_s: float = PAUSE_S) -> None:
    """Put all parcels; returns once each of them is on the stream.

    Raises:
        Overloaded: a shard takes no more; some parcels may be on the stream: send all again later.
        Unavailable: the same, for another reason.
    """
    waiting: Waiting = {}
    for parcel in parcels:
        waiting.setdefault(parcel.key, deque()).append(parcel)
    fruitless = 0
    while waiting:
        call = _next_call(waiting)
        records = [{"PartitionKey": one.key, "ExplicitHashKey": one.hash_key, "Data": one.data} for one in call]
        with translated(WHAT):
            answer = await client.put_records(StreamName=stream, Records=records)
        taken = [parcel for parcel, one in zip(call, answer["Records"], strict=True) if not one.get("ErrorCode")]
        for parcel in taken:
            waiting[parcel.key].popleft()
            if not waiting[parcel.key]:
                del waiting[parcel.key]
        if len(taken) < len(call):
            fruitless = 0 if taken else fruitless + 1
            if fruitless == FRUITLESS_MAX:
                raise Overloaded("The event stream takes no more now.", retry_after_s=1.0)
            await asyncio.sleep(pause_s * 2**fruitless * random.uniform(0.5, 1.0))  # noqa: S311 - jitter


def _next_call(waiting: Waiting) -> list[Parcel]:
    call: list[Parcel] = []
    size = 0
    for queue in waiting.values():
        parcel = queue[0]
        if call and (len(call) == PARCELS_PER_CALL_MAX or size + len(parcel.data) > CALL_BYTES_MAX):
            break
        call.append(parcel)
        size += len(parcel.data)
    return call
