"""The alert feed from a queue: each gateway has an SQS queue of its own on the topic, for as long as it runs.

    topic ──raw──▶ queue of this replica ──long poll──▶ entries ──▶ the feed ; deleted in batches

It is a hint as the HTTP stream is: an empty list tells its consumer each time it is attached (again), so that it can
read the log for what it may have missed. A replica that was killed leaves its queue: the next one to start sweeps what
was not seen for a while.
"""

import asyncio
import random
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, suppress
from typing import Any
from uuid import uuid4

import msgspec
import structlog

from aws.clients import aws_client, translated
from contracts.alerts import AlertLogEntry
from contracts.failures import Failure

PREFIX = "belfry-alerts-"
POLL_S = 20
"""How long SQS keeps a poll of an empty queue open."""
MESSAGES_PER_POLL_MAX = 10
KEPT_S = 300
"""A hint older than this is of no use: whoever missed it reads the log."""
SEEN_EVERY_S = 300.0
ABANDONED_S = 1200.0
BACKOFF_S_MIN = 0.1
BACKOFF_S_MAX = 5.0
SEEN = "belfry:seen"
POLICY = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"sns.amazonaws.com"},'
    '"Action":"sqs:SendMessage","Resource":"*","Condition":{"ArnEquals":{"aws:SourceArn":"%s"}}}]}'
)

_entries = msgspec.json.Decoder(AlertLogEntry)
_log = structlog.get_logger(__name__)


class _Attached(msgspec.Struct):
    """The queue of this replica and its subscription."""

    url: str
    arn: str
    subscription: str


class AlertQueue:
    """An endless reader of live alerts from the topic with this ARN; it has one consumer."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._seen_at = 0.0
        self._sqs: Any = None
        self._sns: Any = None

    async def entries(self, after: int) -> AsyncGenerator[list[AlertLogEntry]]:  # noqa: ARG002 - always from now
        """Yield entries as they come, and `[]` each time the queue is attached (again). Its end removes the queue."""
        backoff_s = BACKOFF_S_MIN
        async with AsyncExitStack() as clients:
            self._sqs = await clients.enter_async_context(aws_client("sqs", connections=4, read_timeout_s=POLL_S + 5))
            self._sns = await clients.enter_async_context(aws_client("sns", connections=2))
            while True:
                attached: _Attached | None = None
                try:
                    attached = await self._attach()
                    yield []
                    while True:
                        batch = await self._receive(attached)
                        backoff_s = BACKOFF_S_MIN
                        if batch:
                            yield batch
                except Failure as failure:
                    _log.warning("alert queue away", code=failure.reason, detail=failure.detail)
                finally:
                    if attached is not None:
                        await self._detach(attached)
                await asyncio.sleep(backoff_s * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, nothing secret
                backoff_s = min(backoff_s * 2, BACKOFF_S_MAX)

    async def _attach(self) -> _Attached:
        with translated("alert queue"):
            await self._sweep()
            made = await self._sqs.create_queue(
                QueueName=f"{PREFIX}{uuid4().hex}",
                Attributes={
                    "MessageRetentionPeriod": str(KEPT_S),
                    "VisibilityTimeout": "30",
                    "SqsManagedSseEnabled": "true",
                    "Policy": POLICY % self._topic,
                },
                tags={SEEN: _now()},
            )
            url = made["QueueUrl"]
            asked = await self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
            arn = asked["Attributes"]["QueueArn"]
            subscribed = await self._sns.subscribe(
                TopicArn=self._topic, Protocol="sqs", Endpoint=arn, ReturnSubscriptionArn=True,
                Attributes={"RawMessageDelivery": "true"},
            )  # fmt: skip
        self._seen_at = time.monotonic()
        return _Attached(url, arn, subscribed["SubscriptionArn"])

    async def _receive(self, attached: _Attached) -> list[AlertLogEntry]:
        with translated("alert queue"):
            answer = await self._sqs.receive_message(
                QueueUrl=attached.url, MaxNumberOfMessages=MESSAGES_PER_POLL_MAX, WaitTimeSeconds=POLL_S
            )
            messages = answer.get("Messages", [])
            if messages:
                done = [
                    {"Id": str(place), "ReceiptHandle": message["ReceiptHandle"]}
                    for place, message in enumerate(messages)
                ]
                # Removed before they are handed over: what is lost between is in the log.
                await self._sqs.delete_message_batch(QueueUrl=attached.url, Entries=done)
            if time.monotonic() - self._seen_at > SEEN_EVERY_S:
                self._seen_at = time.monotonic()
                await self._sqs.tag_queue(QueueUrl=attached.url, Tags={SEEN: _now()})
        return [entry for message in messages for entry in _read(message["Body"])]

    async def _detach(self, attached: _Attached) -> None:
        with suppress(Failure), translated("alert queue"):
            await self._sns.unsubscribe(SubscriptionArn=attached.subscription)
            await self._sqs.delete_queue(QueueUrl=attached.url)

    async def _sweep(self) -> None:
        """Remove the queues of replicas that are gone, with their subscriptions."""
        found = await self._sqs.list_queues(QueueNamePrefix=PREFIX, MaxResults=1000)
        gone: set[str] = set()
        for url in found.get("QueueUrls", []):
            tags = (await self._sqs.list_queue_tags(QueueUrl=url)).get("Tags", {})
            if time.time() - float(tags.get(SEEN, 0)) > ABANDONED_S:
                await self._sqs.delete_queue(QueueUrl=url)
                gone.add(url.rpartition("/")[2])
        if not gone:
            return
        pages = self._sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=self._topic)
        async for page in pages:
            for one in page["Subscriptions"]:
                if one["Endpoint"].rpartition(":")[2] in gone:
                    await self._sns.unsubscribe(SubscriptionArn=one["SubscriptionArn"])
        _log.info("abandoned alert queues removed", count=len(gone))


def _read(body: str) -> list[AlertLogEntry]:
    try:
        return _entries.decode_lines(body)
    except msgspec.DecodeError as error:  # deployed apart: the log has it, and its reader will say so
        _log.error("live alert not readable", error=type(error).__name__)
        return []


def _now() -> str:
    return str(int(time.time()))
