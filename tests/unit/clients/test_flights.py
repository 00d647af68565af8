"""Reads of one request that overlap are one read."""

import asyncio

from clients.flights import Flights


class Reads:
    """A read that ends when told to."""

    def __init__(self) -> None:
        self.begun = 0
        self.go_on = asyncio.Event()

    async def begin(self) -> int:
        self.begun += 1
        return self.begun

    async def read(self) -> int:
        self.begun += 1
        mine = self.begun
        await self.go_on.wait()
        return mine


async def _begin(flights: Flights, reads: Reads, key: str, count: int = 1) -> list[asyncio.Task[int]]:
    tasks = [asyncio.create_task(flights.share(key, reads.read)) for _ in range(count)]
    await asyncio.sleep(0)
    return tasks


async def test_reads_of_the_same_that_overlap_are_one() -> None:
    """Others, and later ones, are their own."""
    flights, reads = Flights(), Reads()
    tasks = await _begin(flights, reads, "a", 3) + await _begin(flights, reads, "b")
    reads.go_on.set()
    assert await asyncio.gather(*tasks) == [1, 1, 1, 2]
    assert await flights.share("a", reads.read) == 3


async def test_the_reader_may_leave_and_so_may_those_who_wait() -> None:
    """The next one who waits reads anew; nobody is left without an answer."""
    flights, reads = Flights(), Reads()
    reader, leaves, stays, stays_too = await _begin(flights, reads, "a", 4)
    reader.cancel()
    leaves.cancel()
    for _ in range(5):
        await asyncio.sleep(0)
    reads.go_on.set()
    assert await asyncio.gather(*[stays, stays_too]) == [2, 2]


async def test_a_failure_is_everybodys() -> None:
    """And is not remembered."""
    flights = Flights()
    go_on = asyncio.Event()

    async def fail() -> int:
        await go_on.wait()
        raise ValueError

    tasks = [asyncio.create_task(flights.share("a", fail)) for _ in range(3)]
    await asyncio.sleep(0)
    go_on.set()
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(end) for end in ends] == [ValueError] * 3
    assert await flights.share("a", Reads().begin) == 1


async def test_after_a_change_nothing_joins_a_read_from_before() -> None:
    """A mutation parts the reads before it from those after it."""
    flights, reads = Flights(), Reads()
    [before] = await _begin(flights, reads, "a")
    flights.part()
    after, with_it = await _begin(flights, reads, "a", 2)
    reads.go_on.set()
    assert await asyncio.gather(*[before, after, with_it]) == [1, 2, 2]
