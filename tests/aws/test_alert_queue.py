"""Live alerts from the analytics service's outbox over SNS to each gateway's own queue."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from aws.clients import aws_client
from bench.aws_resources import make_alert_table, make_topic
from clients.alert_queue import PREFIX, SEEN, AlertQueue
from contracts.alerts import AnyAlert, LogEntryKind
from contracts.failures import Conflict
from services.analytics.alert_log import SqliteAlertLog, StoredEntry
from services.analytics.alert_relay import HINT_BYTES_MAX, AlertRelay, messages_of
from services.analytics.signals import Signal
from services.analytics.tables import SCHEMA
from services.database import Database
from tests.contract.alert_log_contract import alert_of, entry_of, seqs


@pytest.fixture
async def sns(aws: dict[str, str]) -> AsyncIterator[Any]:
    async with aws_client("sns") as client:
        yield client


@pytest.fixture
async def sqs(aws: dict[str, str]) -> AsyncIterator[Any]:
    async with aws_client("sqs") as client:
        yield client


@pytest.fixture
async def relay(aws: dict[str, str], sns: Any, name: str, tmp_path: Path) -> AsyncIterator[AlertRelay]:
    """A relay with a table and a topic, both called by the test's name."""
    database = Database(tmp_path / "analytics.sqlite3", SCHEMA)
    await database.start()
    async with aws_client("dynamodb") as dynamodb:
        table = await make_alert_table(dynamodb, name)
    relay = AlertRelay(database, Signal(), table, await make_topic(sns, name))
    async with relay.opened():
        yield relay
    await database.stop()


async def test_every_replica_gets_every_entry(relay: AlertRelay, sns: Any, name: str) -> None:
    """Two gateways, each with a queue of its own; entries come in the order relayed, whatever their number."""
    topic = await make_topic(sns, name)
    entries = [entry_of("ada", f"a{seq}", seq) for seq in range(1, 31)]
    received: list[list[int]] = []
    async with aclosing(AlertQueue(topic).entries(-1)) as one, aclosing(AlertQueue(topic).entries(-1)) as other:
        assert [await anext(one), await anext(other)] == [[], []]
        await relay.relay(entries)
        for replica in (one, other):
            got: list[int] = []
            while len(got) < len(entries):
                got += [entry.seq for entry in await anext(replica)]
            received.append(got)
    page = await relay.page("ada", 0, 100)
    assert received == [list(range(1, 31))] * 2
    assert seqs(page.entries) == list(range(1, 31))


async def test_what_is_relayed_again_after_a_crash_changes_nothing(relay: AlertRelay) -> None:
    """Entries find themselves; another entry in their place ends the relay."""
    entries = [entry_of("ada", "a1", 1), entry_of("ben", "b1", 1), entry_of("ada", "a2", 2)]
    await relay.relay(entries[:2])
    await relay.relay(entries)
    with pytest.raises(Conflict):
        await relay.relay([entry_of("ben", "b2", 2), entry_of("ada", "other", 2)])
    assert [seqs((await relay.page(who, 0, 9)).entries) for who in ("ada", "ben")] == [[1, 2], [1, 2]]


def append(connection: sqlite3.Connection, alert: AnyAlert) -> int:
    return SqliteAlertLog(connection).append_if(alert.seq - 1, LogEntryKind.RAISED, "", alert)


async def test_a_relay_goes_on_where_it_was(relay: AlertRelay) -> None:
    """It carries what the log has, in the order of the log, and notes how far."""
    database = relay._database
    for seq in (1, 2):
        put = partial(append, alert=alert_of("ada", f"a{seq}", seq))
        await database.write(put)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await relay.run()
    assert seqs((await relay.page("ada", 0, 9)).entries) == [1, 2]


async def test_what_a_killed_replica_left_is_swept(sns: Any, sqs: Any, name: str) -> None:
    """A queue not seen for long goes with its subscription; one that is alive stays; bad messages are passed over."""
    topic = await make_topic(sns, name)
    for what, seen in (("dead", "0"), ("alive", "9999999999")):
        url = (await sqs.create_queue(QueueName=f"{PREFIX}{name}-{what}", tags={SEEN: seen}))["QueueUrl"]
        arn = (await sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"]))["Attributes"]["QueueArn"]
        await sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    async with aclosing(AlertQueue(topic).entries(-1)) as entries:
        await anext(entries)
        await sns.publish(TopicArn=topic, Message="not an alert")
        await sns.publish(TopicArn=topic, Message=next(messages_of([entry_of("ada", "a1", 1)])))
        received = await anext(entries)
        subscribed = (await sns.list_subscriptions_by_topic(TopicArn=topic))["Subscriptions"]
    left = (await sqs.list_queues(QueueNamePrefix=f"{PREFIX}{name}"))["QueueUrls"]
    assert [entry.seq for entry in received] == [1]
    assert len(subscribed) == 2
    assert [url.rpartition("-")[2] for url in left] == ["alive"]


def test_hints_fit_their_messages() -> None:
    """Many entries go in one message; none is over the bound; what fits none goes by the log alone."""
    small: list[StoredEntry] = [entry_of("ada", "x" * 40_000, seq) for seq in range(1, 9)]
    texts = list(messages_of([*small, entry_of("ada", "x" * HINT_BYTES_MAX, 9)]))
    assert sum(text.count("\n") + 1 for text in texts) == len(small) > len(texts)
    assert max(map(len, texts)) <= HINT_BYTES_MAX
