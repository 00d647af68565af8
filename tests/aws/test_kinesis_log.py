"""The event log on Kinesis: the suite that SQLite passes, and what only a stream can do."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from aws.clients import aws_client
from bench.aws_resources import make_state_table, make_stream
from bench.processes import Belfry, prepare
from contracts.failures import Unavailable
from contracts.ingest import IngestReport, IngestSummary, Verdict
from services.database import Database
from services.events.kinesis_log import KinesisEventLog
from services.events.landing import Arrived, Landing
from services.events.parcels import pack
from services.events.places import SqlitePlaces
from services.events.shard_lanes import ShardLanes
from services.events.store import EventLog, SqliteEventLog
from services.events.tables import SCHEMA
from tests.contract.event_log_contract import EventLogContract, Open, entries, opened, verdicts_of
from tests.unit.services.events.samples import ACCOUNT, NOW, OPENING, payment, raw, screened

HOLD_S = 1.0
Replica = tuple[KinesisEventLog, ShardLanes]
OpenReplica = Callable[[str], AbstractAsyncContextManager[Replica]]


@asynccontextmanager
async def replica(folder: Path, stream: str, owner: str) -> AsyncGenerator[Replica]:
    """A process of the event service, as far as its log goes: one file, one owner."""
    database = Database(folder / f"{owner}.sqlite3", SCHEMA)
    await database.start()
    local = SqliteEventLog(database, lambda: NOW)
    landing = Landing(local, lambda: NOW, 300, HOLD_S)
    places = SqlitePlaces(database)
    log = KinesisEventLog(stream, stream, local, places, landing, owner=owner, batches_max=16, poll_s=0.01, lease_s=0.4)
    async with log.following() as lanes:
        yield log, lanes
    await database.stop()


@pytest.fixture
async def kinesis(aws: dict[str, str], name: str) -> AsyncIterator[Any]:
    """A client, and the table of leases."""
    async with aws_client("dynamodb") as dynamodb, aws_client("kinesis") as client:
        await make_state_table(dynamodb, name)
        yield client


@pytest.fixture
def open_replica(tmp_path: Path, name: str) -> OpenReplica:
    """Open replicas of one stream, each with files of its own."""
    return lambda owner: replica(tmp_path, name, owner)


class TestKinesisEventLog(EventLogContract):
    """`KinesisEventLog` keeps every promise of the port."""

    @pytest.fixture
    async def open_log(self, kinesis: Any, open_replica: OpenReplica, name: str) -> Open:
        """Open a stream of the test's own, of one shard: offsets are then in the order sent."""
        await make_stream(kinesis, name, 1)

        @asynccontextmanager
        async def open_stream() -> AsyncIterator[EventLog]:
            async with open_replica("one") as (log, lanes):
                await lanes.leading.wait()
                yield log

        return open_stream


async def test_what_arrives_before_what_it_names_waits_for_it(
    kinesis: Any, open_replica: OpenReplica, name: str
) -> None:
    """Across shards a holder may come after the account: nothing is refused, each account stays in order."""
    await make_stream(kinesis, name, 4)
    accounts = [f"acc-{number}" for number in range(20)]
    opening = [raw("account.opened", ACCOUNT | {"accountId": one}, id=f"open-{one}") for one in accounts]
    paying = [payment(id=f"{one}-{n}", accountId=one, transactionId=f"{one}-{n}") for n in range(3) for one in accounts]
    async with open_replica("one") as (log, lanes):
        await lanes.leading.wait()
        answers = await log.append_batch([screened(one) for one in [OPENING[0], *opening, *paying]])
        page = await log.read(0, 1000)
    assert set(verdicts_of(answers)) == {Verdict.ACCEPTED}
    read = [entry.event.id for entry in entries.decode_lines(page.lines)]
    for one in accounts:
        own = [event for event in read if event == f"open-{one}" or event.startswith(f"{one}-")]
        assert own == [f"open-{one}", *(f"{one}-{n}" for n in range(3))]


async def test_a_lost_log_is_made_anew_from_the_stream(kinesis: Any, open_replica: OpenReplica, name: str) -> None:
    """A writer without files reads the stream from its start and takes over where the other ended."""
    await make_stream(kinesis, name, 2)
    async with open_replica("one") as (log, lanes):
        await lanes.leading.wait()
        await (await opened(log)).append_batch([screened(payment())])
    async with open_replica("two") as (log, lanes):
        await lanes.leading.wait()
        answer = await log.append_batch([screened(payment()), screened(payment(id="p-2", transactionId="tx-2"))])
        last = await log.last_offset()
    assert verdicts_of(answer) == [Verdict.DUPLICATE, Verdict.ACCEPTED]
    assert last == len(OPENING) + 2


async def test_there_is_one_writer_at_a_time(kinesis: Any, open_replica: OpenReplica, name: str) -> None:
    """The second waits and says so to producers; it leads once the first has given up the lease."""
    await make_stream(kinesis, name, 1)
    async with AsyncExitStack() as first, open_replica("two") as (second, second_lanes):
        _, lanes = await first.enter_async_context(open_replica("one"))
        await asyncio.wait([asyncio.create_task(one.leading.wait()) for one in (lanes, second_lanes)], timeout=2)
        leads = [lanes.leading.is_set(), second_lanes.leading.is_set()]
        await first.aclose()
        await second_lanes.leading.wait()
        answer = await second.append_batch([screened(OPENING[0])])
    assert sorted(leads) == [False, True]
    assert verdicts_of(answer) == [Verdict.ACCEPTED]


async def test_who_does_not_lead_says_so(kinesis: Any, open_replica: OpenReplica, name: str) -> None:
    """A process without the lease puts nothing on the stream."""
    await make_stream(kinesis, name, 1)
    async with open_replica("one") as (_, lanes):
        await lanes.leading.wait()
        async with open_replica("two") as (second, _):
            with pytest.raises(Unavailable) as refused:
                await second.append_batch([screened(OPENING[0])])
    assert refused.value.reason == "NOT_LEADING"


async def test_a_split_shard_is_read_to_its_end_before_its_children(
    kinesis: Any, open_replica: OpenReplica, name: str
) -> None:
    """Resharding under way loses nothing and keeps each account's order."""
    await make_stream(kinesis, name, 1)
    async with open_replica("one") as (log, lanes):
        await lanes.leading.wait()
        await opened(log)
        shard = (await kinesis.list_shards(StreamName=name))["Shards"][0]
        await kinesis.split_shard(StreamName=name, ShardToSplit=shard["ShardId"], NewStartingHashKey=str(2**127))
        batch = [screened(payment(id=f"p-{n}", transactionId=f"tx-{n}")) for n in range(50)]
        answers = await asyncio.wait_for(log.append_batch(batch), 10)
        page = await log.read(len(OPENING), 100)
    assert set(verdicts_of(answers)) == {Verdict.ACCEPTED}
    assert [entry.event.id for entry in entries.decode_lines(page.lines)] == [f"p-{n}" for n in range(50)]


async def test_processes_take_over_from_each_other_when_killed(kinesis: Any, name: str, tmp_path: Path) -> None:
    """Each reads on its own disk what the other wrote meanwhile; nothing is missing, twice or out of order."""
    await make_stream(kinesis, name, 2)
    settings = {"BELFRY_EVENT_STREAM": name, "BELFRY_STATE_TABLE": name}
    one, two = prepare(tmp_path / "one", settings), prepare(tmp_path / "two", settings)
    batch = [payment(id=f"p-{n}", transactionId=f"tx-{n}") for n in range(30)]
    try:
        await one.start("events")
        first = await post(one, [*OPENING, *batch[:10]])
        one.kill("events")
        await two.start("events")
        second = await post(two, batch[:20])
        two.kill("events")
        await one.start("events")
        third = await post(one, batch)
        async with one.session() as session, session.get(f"{one.urls['events']}/events/stream?limit=100") as answer:
            read = [entry.event.id for entry in entries.decode_lines(await answer.read())]
    finally:
        one.stop()
        two.stop()
    assert [(each.accepted, each.duplicates) for each in (first, second, third)] == [(13, 0), (10, 10), (10, 20)]
    assert read[len(OPENING) :] == [f"p-{n}" for n in range(30)]


async def post(belfry: Belfry, records: list[bytes]) -> IngestSummary:
    """Send a batch; return what became of it."""
    headers = {"Content-Type": "application/cloudevents-batch+json"}
    url, body = f"{belfry.urls['events']}/events", b"[" + b",".join(records) + b"]"
    async with belfry.session() as session, session.post(url, data=body, headers=headers) as answer:
        return msgspec.json.decode(await answer.read(), type=IngestReport).summary


async def test_bytes_of_somebody_else_do_not_stop_their_shard(
    kinesis: Any, open_replica: OpenReplica, name: str
) -> None:
    """What is no parcel is a dead letter; what comes after it lands."""
    await make_stream(kinesis, name, 1)
    async with open_replica("one") as (log, lanes):
        await lanes.leading.wait()
        await kinesis.put_record(StreamName=name, PartitionKey="x", Data=b"not ours")
        answer = await log.append_batch([screened(OPENING[0])])
    assert verdicts_of(answer) == [Verdict.ACCEPTED]


async def test_a_poisonous_record_is_set_aside_alone(tmp_path: Path) -> None:
    """Where one record breaks the store, halving finds it: the others are appended, it is refused."""
    database = Database(tmp_path / "events.sqlite3", SCHEMA)
    await database.start()
    local = SqliteEventLog(database, lambda: NOW)
    await opened(local)
    batch = [screened(payment(id=f"p-{n}", transactionId=f"tx-{n}")) for n in range(6)]
    batch[3] = msgspec.structs.replace(batch[3], event=None)  # nothing can be made of bytes alone
    landing = Landing(local, lambda: NOW, 300)
    (parcel,) = pack(list(enumerate(map(screened, [payment()]))))
    verdicts = landing.expect(parcel, batch, None)
    await landing.land([Arrived(parcel.data, 0.0)])
    await database.stop()
    assert [verdict.reason for verdict in verdicts.result()] == [None] * 3 + ["POISON"] + [None] * 2
