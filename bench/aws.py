"""The AWS adapters against the emulator, on this machine with it: `make bench-aws`.

    events   batches put as parcels, read back by the lanes, appended, answered: until every verdict is there
    alerts   entries of 500 customers into the DynamoDB table on condition, then onto the topic
    queue    CPU of a gateway for each alert it takes from its queue, packed as they are relayed and one a message

The emulator shares the cores: rates are floors. CPU is this process's alone.
"""

import argparse
import asyncio
import os
import random
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import msgspec
import uvloop

from aws.clients import aws_client
from bench.aws_resources import make_alert_table, make_state_table, make_stream, make_topic
from bench.emulated_aws import emulated_aws
from bench.ingest import booking, reference_events
from bench.machine import describe_machine
from clients.alert_queue import AlertQueue
from contracts.alerts import AlertLogEntry, LargeTransactionAlert, LogEntryKind
from contracts.ingest import Verdict
from contracts.money import Money
from contracts.vocabulary import AlertSeverity, AlertState
from services.analytics.alert_log import StoredEntry
from services.analytics.alert_relay import AlertRelay
from services.analytics.signals import Signal
from services.analytics.tables import SCHEMA as ALERT_SCHEMA
from services.database import Database
from services.events.kinesis_log import KinesisEventLog
from services.events.landing import Landing
from services.events.places import SqlitePlaces
from services.events.screening import Screened, screen
from services.events.store import SqliteEventLog
from services.events.tables import SCHEMA, tune_writer
from services.events.times import utc_now

SHARDS = 8
BATCH_EVENTS = 1000
BATCHES_AT_ONCE = 8
CUSTOMERS = 500
RELAYED_AT_ONCE = 500
AT = "2026-03-01T12:00:00Z"
LATEST = "2099-01-01T00:00:00.000000Z"


async def measure(events: int, alerts: int, calls: str) -> None:
    """Run all three and print their figures."""
    name = f"bench-{uuid.uuid4().hex[:8]}"
    with tempfile.TemporaryDirectory() as folder:
        await measure_events(Path(folder), name, events, calls)
        await measure_alerts(Path(folder), name, alerts, calls)


async def measure_events(folder: Path, name: str, count: int, calls: str) -> None:
    """Print how many events a second go through the stream, and what one costs this process."""
    chance = random.Random(7)
    records = [_screened(booking(number, chance, alerting=False)) for number in range(count)]
    batches = [records[start : start + BATCH_EVENTS] for start in range(0, count, BATCH_EVENTS)]
    async with _streamed(folder, name, calls) as log:
        references = [_screened(event) for event in reference_events()]
        for start in range(0, len(references), BATCH_EVENTS):
            await log.append_batch(references[start : start + BATCH_EVENTS])
        places = asyncio.Semaphore(BATCHES_AT_ONCE)

        async def send(batch: list[Screened]) -> Counter[Verdict]:
            async with places:
                verdicts = await log.append_batch(batch)
            return Counter(verdict.verdict for verdict in verdicts)

        started_at, cpu_at = time.perf_counter(), time.process_time()
        verdicts = sum(await asyncio.gather(*map(send, batches)), Counter[Verdict]())
        wall_s, cpu_s = time.perf_counter() - started_at, time.process_time() - cpu_at
    assert verdicts == {Verdict.ACCEPTED: count}, verdicts
    print(
        f"events    {count:,} put, read back, appended and answered: {count / wall_s:,.0f}/s,"
        f" {cpu_s / count * 1e6:.0f} µs CPU an event (target 9,722/s)"
    )


@asynccontextmanager
async def _streamed(folder: Path, name: str, calls: str) -> AsyncGenerator[KinesisEventLog]:
    async with aws_client("dynamodb") as dynamodb, aws_client("kinesis") as kinesis:
        await make_state_table(dynamodb, name)
        await make_stream(kinesis, name, SHARDS)
    database = Database(folder / "events.sqlite3", SCHEMA)
    await database.start()
    await database.write(tune_writer)
    local = SqliteEventLog(database, utc_now)
    landing = Landing(local, utc_now, 300)
    places = SqlitePlaces(database)
    log = KinesisEventLog(name, name, local, places, landing, owner=name, batches_max=64, calls=calls)
    async with log.following() as lanes:
        await lanes.leading.wait()
        yield log
    await database.stop()


async def measure_alerts(folder: Path, name: str, count: int, calls: str) -> None:
    """Print how many alerts a second are stored and hinted at, and what taking one from the queue costs."""
    entries = [_entry(f"c{number % CUSTOMERS}", number // CUSTOMERS + 1) for number in range(count)]
    database = Database(folder / "analytics.sqlite3", ALERT_SCHEMA)
    await database.start()
    async with aws_client("dynamodb") as dynamodb, aws_client("sns") as sns:
        table, topic = await make_alert_table(dynamodb, f"{name}-alerts"), await make_topic(sns, name)
        relay = AlertRelay(database, Signal(), table, topic, calls)
        async with relay.opened(), aclosing(AlertQueue(topic).entries(-1)) as received:
            await anext(received)
            started_at, cpu_at = time.perf_counter(), time.process_time()
            for start in range(0, count, RELAYED_AT_ONCE):
                await relay.relay(entries[start : start + RELAYED_AT_ONCE])
            wall_s, cpu_s = time.perf_counter() - started_at, time.process_time() - cpu_at
            print(
                f"alerts    {count:,} stored and hinted at: {count / wall_s:,.0f}/s,"
                f" {cpu_s / count * 1e3:.2f} ms CPU an alert (target 1,000/s)"
            )
            packed = await _cost(received, count)
            singles = [msgspec.json.encode(entry).decode() for entry in entries[:1000]]
            for start in range(0, len(singles), 10):
                some = [{"Id": str(n), "Message": text} for n, text in enumerate(singles[start : start + 10])]
                await sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=some)
            single = await _cost(received, len(singles))
    await database.stop()
    print(f"queue     {packed:.3f} ms CPU an alert packed, {single:.3f} ms one a message (target 0.2 ms)")


async def _cost(received: AsyncGenerator[list[AlertLogEntry]], count: int) -> float:
    """Return the milliseconds of CPU each of `count` alerts costs to receive."""
    taken, cpu_at = 0, time.process_time()
    while taken < count:
        taken += len(await anext(received))
    return (time.process_time() - cpu_at) / taken * 1e3


def _screened(event: object) -> Screened:
    record = screen(msgspec.json.encode(event), LATEST)
    assert isinstance(record, Screened)
    return record


def _entry(customer_id: str, seq: int) -> StoredEntry:
    money = Money("4200.00", "EUR")
    alert = LargeTransactionAlert(
        id=uuid.uuid4().hex, customer_id=customer_id, seq=seq, severity=AlertSeverity.INFO,
        state=AlertState.NEW, title="A large payment", body="4,200.00 € to Piano House.", occurred_at=AT, raised_at=AT,
        rule_id="bank-large", rule_version=1, reasons=[], account_id="a1", transaction_id=uuid.uuid4().hex,
        amount=money, threshold=money,
    )  # fmt: skip
    return StoredEntry(seq, customer_id, seq, LogEntryKind.RAISED, AT, msgspec.Raw(msgspec.json.encode(alert)))


def main() -> None:
    """Read the arguments, start the emulator, measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--alerts", type=int, default=5_000)
    parser.add_argument("--calls", choices=("signed", "client"), default="signed", help="how hot calls are made")
    arguments = parser.parse_args()
    print(describe_machine())
    with tempfile.TemporaryDirectory() as folder, emulated_aws(Path(folder)) as found:
        os.environ.update(found)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(measure(arguments.events, arguments.alerts, arguments.calls))


if __name__ == "__main__":
    main()
