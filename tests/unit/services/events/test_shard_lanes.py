"""Two processes and one stream, in virtual time: whatever dies, hangs, is split or lost, one writes at a time."""

import asyncio
import random
from collections.abc import Sequence

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from services.events.landing import Arrived
from services.events.shard_lanes import LEASE_S, Lease, ShardLanes
from tests.examples import examples
from tests.unit.services.events.streams import CALL_S, ITERATOR_S, Leases, Process, Stream
from tests.virtual_time import VirtualTimeLoop, run_in_virtual_time

NAMES = ("one", "two")
SETTLED_S = 60.0
LANDING_S = 0.3


class Replica:
    """One process on its disk, which holds a log without duplicates and places; it may be started again."""

    def __init__(self, name: str, stream: Stream, leases: Leases, landed: list[str]) -> None:
        self.name = name
        self.log: list[bytes] = []
        self.places: dict[str, str] = {}
        self._world = (stream, leases)
        self._landed = landed
        self.start()

    def start(self) -> None:
        """Start a process."""
        self.process = process = Process(*self._world)
        self.lanes = ShardLanes(
            process, "s", process, self, self._land, owner=self.name, poll_s=0.5, shards_every_s=1.0
        )
        self.task = asyncio.create_task(self.lanes.run())

    async def load(self) -> dict[str, str]:
        """See `Places`."""
        return dict(self.places)

    async def keep(self, shard: str, place: str) -> None:
        """See `Places`."""
        self.places[shard] = place

    async def _land(self, arrived: Sequence[Arrived]) -> None:
        self._landed.append(self.name)
        owner = msgspec.json.decode(self._world[1].load("stream:s").value, type=Lease).owner
        assert owner == self.name, "two processes write at the same time"
        await asyncio.sleep(LANDING_S)
        known = set(self.log)
        self.log += [one.data for one in arrived if one.data not in known]

    async def kill(self) -> None:
        """End the process where it is; its disk stays."""
        self.task.cancel()
        await asyncio.wait([self.task])


class World:
    """Does what a story says and keeps what was put, by key in order."""

    def __init__(self, seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311 - drawn, to be told again
        self.stream, self.leases = Stream(chance), Leases(chance)
        self.landed: list[str] = []
        self.replicas = [Replica(name, self.stream, self.leases, self.landed) for name in NAMES]
        self.sent: dict[str, list[bytes]] = {}

    async def step(self, action: str, number: int) -> None:
        """Do one thing."""
        await getattr(self, f"_{action}")(self.replicas[number % len(self.replicas)], number)
        await asyncio.sleep(0.05)
        assert not any(one.task.done() for one in self.replicas), "a process ended by itself"

    async def _put(self, _: Replica, number: int) -> None:
        for place in range(number % 12 + 1):
            self.put(f"account-{place % 3}")

    async def _split(self, _: Replica, number: int) -> None:
        self.stream.split(number)

    async def _merge(self, _: Replica, number: int) -> None:
        self.stream.merge(number)

    async def _cut_from_table(self, replica: Replica, _: int) -> None:
        replica.process.reaches_table.clear()

    async def _cut_from_stream(self, replica: Replica, _: int) -> None:
        replica.process.reaches_stream.clear()

    async def _heal(self, replica: Replica, _: int) -> None:
        replica.process.reaches_table.set()
        replica.process.reaches_stream.set()

    async def _kill(self, replica: Replica, number: int) -> None:
        await asyncio.sleep(number % 10 / 10)
        await replica.kill()
        replica.start()

    async def _faults(self, _: Replica, number: int) -> None:
        self.stream.faults = self.leases.faults = number % 4 / 8

    async def _stop_everything(self, _: Replica, number: int) -> None:
        loop().jump(number % 20)

    async def _wait(self, _: Replica, number: int) -> None:
        await asyncio.sleep(number % 20 / 2)

    def put(self, key: str) -> None:
        """Put the next record of a key."""
        records = self.sent.setdefault(key, [])
        data = f"{key} {len(records)}".encode()
        records.append(data)
        self.stream.put(key, data)

    async def leader(self) -> Replica:
        """Wait until one leads; return it."""
        for _ in range(1000):
            found = [replica for replica in self.replicas if replica.lanes.leads]
            if found:
                (one,) = found
                return one
            await asyncio.sleep(0.1)
        raise AssertionError("nobody leads")

    async def settle(self) -> Replica:
        """Let all trouble be over; return who leads then."""
        self.stream.faults = self.leases.faults = 0.0
        for replica in self.replicas:
            replica.process.reaches_table.set()
            replica.process.reaches_stream.set()
        await asyncio.sleep(SETTLED_S)
        assert not any(one.task.done() for one in self.replicas), "a process ended by itself"
        leader = await self.leader()
        assert leader.lanes.healthy
        await self.end()
        return leader

    async def end(self) -> None:
        """End all processes."""
        for replica in self.replicas:
            await replica.kill()


def loop() -> VirtualTimeLoop:
    """Return the loop that runs."""
    running = asyncio.get_running_loop()
    assert isinstance(running, VirtualTimeLoop)
    return running


ACTIONS = st.sampled_from(
    [
        *["put"] * 4, *["split", "merge"] * 2, *["wait"] * 3, *["kill"] * 2, "heal", "faults",
        "cut_from_table", "cut_from_stream", "stop_everything",
    ]
)  # fmt: skip


@given(story=st.lists(st.tuples(ACTIONS, st.integers(0, 1000)), min_size=10, max_size=40), seed=st.integers(0, 2**32))
@examples(40)
def test_the_leaders_log_has_every_record_in_its_accounts_order(story: list[tuple[str, int]], seed: int) -> None:
    """Whoever led meanwhile and however often: nothing is missing, nothing twice, and never do two write at a time."""

    async def play() -> tuple[list[bytes], dict[str, list[bytes]]]:
        world = World(seed)
        for action, number in story:
            await world.step(action, number)
        return (await world.settle()).log, world.sent

    log, sent = run_in_virtual_time(play())
    for key, records in sent.items():
        assert [data for data in log if data.startswith(key.encode() + b" ")] == records
    assert len(log) == sum(map(len, sent.values()))


def test_one_that_was_away_reads_what_another_wrote_meanwhile() -> None:
    """It leads and dies, another takes over and dies: back again its log gets what the other had read."""

    async def play() -> list[bytes]:
        world = World(0)
        first, second = await world.leader(), None
        for replica in world.replicas:
            second = replica if replica is not first else second
        assert second is not None
        world.put("a")
        await asyncio.sleep(5)
        await first.kill()
        world.put("b")
        assert await world.leader() is second
        await asyncio.sleep(5)
        await second.kill()
        first.start()
        await asyncio.sleep(3 * LEASE_S)
        await first.kill()
        assert set(world.landed) == {"one", "two"}
        return first.log

    assert run_in_virtual_time(play()) == [b"a 0", b"b 0"]


def test_what_was_read_and_not_landed_when_the_process_died_is_read_again() -> None:
    """A place is noted only after what it stands for is durable."""

    async def play() -> list[bytes]:
        world = World(0)
        leader = await world.leader()
        world.put("a")
        for _ in range(100):
            if not world.landed:
                await asyncio.sleep(LANDING_S / 4)
        await leader.kill()
        assert (world.landed, leader.log) == ([leader.name], [])
        leader.start()
        await asyncio.sleep(5)
        await world.end()
        return leader.log

    assert run_in_virtual_time(play()) == [b"a 0"]


def test_a_parent_is_read_to_its_end_before_its_children() -> None:
    """Also by a process that finds all of them at its start, with much to read in the parent."""

    async def play() -> list[bytes]:
        world = World(0)
        for _ in range(30):
            world.put("a")
        world.stream.split(0)
        world.put("a")
        leader = await world.leader()
        await asyncio.sleep(60)
        await world.end()
        return leader.log

    assert run_in_virtual_time(play()) == [f"a {number}".encode() for number in range(31)]


def test_one_that_slept_longer_than_its_lease_writes_nothing_more() -> None:
    """Its machine was stopped with records read and not yet landed; awake it sees that its time is over."""

    async def play() -> list[str]:
        world = World(0)
        leader = await world.leader()
        await asyncio.sleep(1)
        leader.process.reaches_stream.clear()
        await asyncio.sleep(1)
        world.put("a")
        loop().jump(2 * LEASE_S)
        leader.process.reaches_stream.set()
        world.landed.clear()
        await asyncio.sleep(0)
        await asyncio.sleep(CALL_S)
        late = list(world.landed)
        await world.end()
        return late

    assert run_in_virtual_time(play()) == []


def test_nobody_takes_a_lease_that_is_not_over() -> None:
    """The leader cannot reach the table; it reads on to the end of its lease, and only then another begins."""

    async def play() -> tuple[float, float]:
        world = World(0)
        leader = await world.leader()
        leader.process.reaches_table.clear()
        cut_at = loop().time()
        for _ in range(1000):
            if leader.lanes.leads:
                await asyncio.sleep(0.05)
        ended_at = loop().time()
        other = await world.leader()
        assert other is not leader
        taken_at = loop().time()
        await world.end()
        return ended_at - cut_at, taken_at - ended_at

    led_s, between_s = run_in_virtual_time(play())
    assert LEASE_S - 2 < led_s <= LEASE_S + 0.1
    assert 0 <= between_s < LEASE_S + 2


def test_a_table_that_is_away_for_a_moment_stops_nothing() -> None:
    """Answers are lost, though what was written holds: the leader leads on all the time, and nobody else begins."""

    async def play() -> tuple[set[bool], set[str]]:
        world = World(0)
        leader = await world.leader()
        world.leases.faults, led = 1.0, set()
        for _ in range(int(LEASE_S / 2 / 0.1)):
            await asyncio.sleep(0.1)
            led.add(leader.lanes.leads)
        world.leases.faults = 0.0
        world.put("a")
        for _ in range(int(3 * LEASE_S / 0.1)):
            await asyncio.sleep(0.1)
            led.add(leader.lanes.leads)
        await world.end()
        return led, set(world.landed) - {leader.name}

    assert run_in_virtual_time(play()) == ({True}, set())


def test_a_stream_that_is_away_for_minutes_is_told_and_read_on() -> None:
    """Throttled for longer than an iterator lives: readiness says so; then everything is read."""

    async def play() -> tuple[bool, bool, list[bytes]]:
        world = World(0)
        leader = await world.leader()
        world.stream.faults = 1.0
        await asyncio.sleep(ITERATOR_S + 10)
        world.put("a")
        told = leader.lanes.healthy
        world.stream.faults = 0.0
        await asyncio.sleep(20)
        healthy = leader.lanes.healthy
        await world.end()
        return told, healthy, leader.log

    assert run_in_virtual_time(play()) == (False, True, [b"a 0"])
