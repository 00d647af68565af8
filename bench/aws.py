"""The AWS adapters against the emulator, on this machine with it: `make bench-aws`.

    events   batches put as parcels, read back by the lanes, appended, answered: until every verdict is there
    alerts   entries of 500 customers into the DynamoDB table on condition, then onto the topic
    safe     commands answered once they are in the DynamoDB table
    queue    CPU of a gateway for each alert it takes from its queue, packed as they are relayed and one a message
    pushes   notifications to phones that SNS is told of for the first time, and to the same phones again

The emulator shares the cores: rates are floors. CPU is this process's alone.
"""

import argparse
import asyncio
import os
import random
import sqlite3
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, asynccontextmanager
from functools import partial
from hashlib import sha256
from pathlib import Path

import msgspec
import uvloop

from aws.clients import aws_client
from bench.aws_resources import make_alert_table, make_decision_table, make_state_table, make_stream, make_topic
from bench.emulated_aws import emulated_aws
from bench.ingest import booking, reference_events
from bench.machine import describe_machine
from clients.alert_queue import AlertQueue
from contracts.accounts import PushToken
from contracts.alerts import AlertLogEntry, LargeTransactionAlert, LogEntryKind
from contracts.ingest import Verdict
from contracts.money import Money
from contracts.vocabulary import AlertKind, AlertSeverity, AlertState, NotificationChannel, PushPlatform
from services.accounts.tables import DECIDED
from services.accounts.tables import SCHEMA as ACCOUNT_SCHEMA
from services.analytics.alert_log import StoredEntry
from services.analytics.alert_relay import AlertRelay
from services.analytics.handing_over import AT_ONCE_MAX
from services.analytics.notifications import Notification
from services.analytics.signals import Signal
from services.analytics.sns_push import ATTEMPTS_MAX, SnsPush
from services.analytics.tables import SCHEMA as ALERT_SCHEMA
from services.database import Database
from services.decision_table import open_decision_table
from services.decisions import Decisions
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
DECISIONS = 2000
DECISIONS_AT_ONCE = 64
AT = "2026-03-01T12:00:00Z"
LATEST = "2099-01-01T00:00:00.000000Z"


async def measure(events: int, alerts: int, pushes: int, calls: str) -> None:
    """Run all five and print their figures."""
    name = f"bench-{uuid.uuid4().hex[:8]}"
    with tempfile.TemporaryDirectory() as folder:
        await measure_events(Path(folder), name, events, calls)
        await measure_alerts(Path(folder), name, alerts, calls)
        await measure_decisions(Path(folder), name, DECISIONS, calls)
        await measure_pushes(Path(folder), name, pushes)


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


async def measure_decisions(folder: Path, name: str, count: int, calls: str) -> None:
    """Print what a command costs whose decision is safe before it is answered, many at once and one by one."""
    async with aws_client("dynamodb") as dynamodb:
        await make_decision_table(dynamodb, f"{name}-decisions")
    database = Database(folder / "accounts.sqlite3", ACCOUNT_SCHEMA)
    await database.start()
    decisions = Decisions(
        database, DECIDED, partial(open_decision_table, f"{name}-decisions", "accounts", calls), answer_s=60
    )
    figures = []
    async with decisions.carrying():
        for at_once in (DECISIONS_AT_ONCE, 1):
            waiting = iter([f"card-{at_once}-{number}" for number in range(count if at_once > 1 else count // 10)])

            async def work(waiting: Iterator[str] = waiting) -> int:
                done = 0
                for card in waiting:
                    await decisions.write(partial(_freeze, card))
                    done += 1
                return done

            started_at, cpu_at = time.perf_counter(), time.process_time()
            done = sum(await asyncio.gather(*(work() for _ in range(at_once))))
            wall_s, cpu_s = time.perf_counter() - started_at, time.process_time() - cpu_at
            figures.append(f"{at_once} at once {done / wall_s:,.0f}/s, {cpu_s / done * 1e3:.2f} ms CPU each")
    await database.stop()
    print(f"safe      {'; '.join(figures)}")


def _freeze(card: str, connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO frozen_cards VALUES (?)", (card,))


async def _cost(received: AsyncGenerator[list[AlertLogEntry]], count: int) -> float:
    """Return the milliseconds of CPU each of `count` alerts costs to receive."""
    taken, cpu_at = 0, time.process_time()
    while taken < count:
        taken += len(await anext(received))
    return (time.process_time() - cpu_at) / taken * 1e3


class _Phones:
    """Each customer has one phone."""

    async def push_tokens_of(self, customer_id: str) -> list[PushToken]:
        token = sha256(customer_id.encode()).hexdigest()
        return [PushToken(f"phone-of-{customer_id}", customer_id, PushPlatform.APNS, token)]

    async def forget_push_token(self, token: PushToken) -> None:
        raise AssertionError(f"the emulator disabled {token.device_id}")


async def measure_pushes(folder: Path, name: str, count: int) -> None:
    """Print how many notifications a second are pushed, as many at once as the service does, and what one costs."""
    database = Database(folder / "pushes.sqlite3", ALERT_SCHEMA)
    await database.start()
    async with aws_client("sns", attempts_max=ATTEMPTS_MAX) as sns:
        made = await sns.create_platform_application(Name=name, Platform="APNS", Attributes={})
        applications = {PushPlatform.APNS: made["PlatformApplicationArn"]}
        push = SnsPush(sns, database, _Phones(), applications, age_s_max=86_400, clock=utc_now)
        figures = []
        for alert in ("first", "second"):
            waiting = iter([_notification(f"c{number}", f"{alert}-{number}") for number in range(count)])

            async def work(waiting: Iterator[Notification] = waiting) -> None:
                for notification in waiting:
                    await push.hand_over(notification)

            started_at, cpu_at = time.perf_counter(), time.process_time()
            await asyncio.gather(*(work() for _ in range(AT_ONCE_MAX)))
            wall_s, cpu_s = time.perf_counter() - started_at, time.process_time() - cpu_at
            figures.append(f"{count / wall_s:,.0f}/s, {cpu_s / count * 1e3:.2f} ms CPU")
    await database.stop()
    print(f"pushes    {figures[0]} to a phone for the first time; {figures[1]} to one that SNS knows")


def _notification(customer_id: str, alert_id: str) -> Notification:
    return Notification(
        f"{alert_id}:PUSH", NotificationChannel.PUSH, customer_id, alert_id, alert_id, AlertKind.LOGIN,
        AlertSeverity.HIGH, "A new device signed in", utc_now().isoformat(),
    )  # fmt: skip


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
    parser.add_argument("--pushes", type=int, default=2_000)
    parser.add_argument("--calls", choices=("signed", "client"), default="signed", help="how hot calls are made")
    arguments = parser.parse_args()
    print(describe_machine())
    with tempfile.TemporaryDirectory() as folder, emulated_aws(Path(folder)) as found:
        os.environ.update(found)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(measure(arguments.events, arguments.alerts, arguments.pushes, arguments.calls))


if __name__ == "__main__":
    main()
