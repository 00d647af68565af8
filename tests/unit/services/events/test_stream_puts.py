"""Parcels onto a stream that refuses some: a stream in memory, as AWS documents PutRecords."""

import asyncio
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.failures import Overloaded
from services.events.parcels import BadParcel, Parcel, bucket_of, pack, unpack
from services.events.stream_puts import put_parcels
from tests.examples import examples
from tests.unit.services.events.samples import payment, screened


class Stream:
    """Takes records in the order given, but refuses each with some probability."""

    def __init__(self, refusing: float, seed: int = 0) -> None:
        self._refusing = refusing
        self._random = random.Random(seed)  # noqa: S311 - nothing secret
        self.taken: list[tuple[str, bytes]] = []
        self.calls: list[int] = []

    async def put_records(self, StreamName: str, Records: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: ARG002, N803 - the names of AWS
        self.calls.append(len(Records))
        answers: list[dict[str, str]] = []
        for record in Records:
            refused = self._random.random() < self._refusing
            answers.append({"ErrorCode": "ProvisionedThroughputExceededException"} if refused else {"ShardId": "s"})
            if not refused:
                self.taken.append((record["PartitionKey"], record["Data"]))
        return {"Records": answers}


def parcels_of(count: int, keys: int) -> list[Parcel]:
    return [Parcel(f"k{number % keys}", "0", b"", b"%d" % number, []) for number in range(count)]


@examples(20)
@given(st.integers(0, 60), st.integers(1, 7), st.floats(0, 0.6), st.integers(0, 99))
def test_refusals_lose_nothing_and_keep_each_keys_order(count: int, keys: int, refusing: float, seed: int) -> None:
    """Whatever is refused is put again, once, and never after its successor."""
    stream = Stream(refusing, seed)
    parcels = parcels_of(count, keys)
    try:
        asyncio.run(put_parcels(stream, "events", parcels, pause_s=0))
    except Overloaded:
        assert len(stream.taken) < count
    for key in {parcel.key for parcel in parcels}:
        sent = [parcel.data for parcel in parcels if parcel.key == key]
        got = [data for name, data in stream.taken if name == key]
        assert got == sent[: len(got)]


async def test_a_stream_that_takes_nothing_is_overloaded() -> None:
    """The producer is told to come back after a few fruitless calls, not kept waiting."""
    stream = Stream(1.0)
    with pytest.raises(Overloaded) as refused:
        await put_parcels(stream, "events", parcels_of(3, 3), pause_s=0)
    assert (len(stream.calls), refused.value.retry_after_s) == (5, 1.0)


async def test_a_call_has_at_most_five_hundred_records() -> None:
    """AWS takes no more at once."""
    stream = Stream(0)
    await put_parcels(stream, "events", parcels_of(1200, 1200))
    assert stream.calls == [500, 500, 200]


def test_a_parcel_is_read_back_as_it_was_packed() -> None:
    """Events of one account are in one parcel, in order, and its sender knows it by its token."""
    records = [screened(payment(id=f"p-{n}", transactionId=f"t-{n}", accountId=f"acc-{n % 3}")) for n in range(9)]
    parcels = pack(list(enumerate(records)))
    for parcel in parcels:
        token, lines = unpack(parcel.data)
        assert (token, lines) == (parcel.token, [records[place].raw for place in parcel.places])
        assert len({bucket_of(records[place]) for place in parcel.places}) == 1
    assert sorted(place for parcel in parcels for place in parcel.places) == list(range(9))


@pytest.mark.parametrize("data", [b"", b"short\n", b"x" * 40])
def test_other_bytes_are_no_parcel(data: bytes) -> None:
    """What somebody else wrote on the stream is told from a parcel."""
    with pytest.raises(BadParcel):
        unpack(data)
