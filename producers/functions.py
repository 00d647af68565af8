"""Lambda functions that take events from a queue or a stream to the event service.

What the service has decided is done, also where it refused: it keeps dead letters itself. What it could not take now
is named in the answer (`batchItemFailures`), and AWS hands that over again: from a stream everything from there on, so
that an account's events stay in order; from a queue those messages. A record or a message holds one event; taking one
twice is harmless. A refusal of the whole request is raised: it counts as an error of this version and rolls it back.
"""

import asyncio
import base64
import os
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

import structlog

from aws.secrets import fill
from contracts.failures import Failure
from contracts.ingest import Verdict
from contracts.settings import read_settings, service_url
from contracts.tls import service_client_tls
from producers.event_client import EventClient

CHUNK_EVENTS_MAX = 250
CHUNK_BYTES_MAX = 1024 * 1024
PATIENCE_S = 2.0
"""With the time of a last request well below the function's timeout (30 s, deploy/functions.yaml)."""
TIMEOUT_S = 10.0
NOTHING = b"null"
"""What an empty record is sent as: it is refused and kept as a dead letter, where an empty line would be lost."""

_log = structlog.get_logger(__name__)


class Item(NamedTuple):
    """One event as it was handed over, under the name that AWS knows it by."""

    name: str
    line: bytes


def from_stream(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - what Lambda calls with
    """Take a batch of a shard of Kinesis, in order."""
    return stream_answer(_runner().run(_take(records_of(event))))


def from_queue(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - what Lambda calls with
    """Take messages of SQS."""
    return queue_answer(_runner().run(_take(messages_of(event))))


def records_of(event: dict[str, Any]) -> list[Item]:
    """Return the events of a batch of Kinesis, by sequence number."""
    records = (record["kinesis"] for record in event["Records"])
    return [Item(record["sequenceNumber"], _line(base64.b64decode(record["data"]))) for record in records]


def messages_of(event: dict[str, Any]) -> list[Item]:
    """Return the events of a batch of SQS, by message id."""
    return [Item(message["messageId"], _line(message["body"].encode(errors="replace"))) for message in event["Records"]]


def stream_answer(left: Sequence[Item]) -> dict[str, Any]:
    """Say where the shard is to go on: the batch is handed over again from the first record named."""
    return queue_answer(left[:1])


def queue_answer(left: Sequence[Item]) -> dict[str, Any]:
    """Say which messages are to be handed over again; all others are deleted."""
    return {"batchItemFailures": [{"itemIdentifier": item.name} for item in left]}


async def take(client: EventClient, items: Sequence[Item]) -> Sequence[Item]:
    """Send events in order; return those that could not be taken now.

    Raises:
        Failure: the service refuses to be asked at all.
    """
    done = 0
    for chunk in _chunks(items):
        try:
            answer = await client.post([item.line for item in chunk], resent=True)
        except Failure as failure:
            if not failure.retryable:
                raise
            _log.warning("events not taken", code=failure.reason, detail=failure.detail, left=len(items) - done)
            break
        refused = sum(verdict.verdict in {Verdict.REJECTED, Verdict.CONFLICT} for verdict in answer.verdicts)
        if refused:
            _log.error("events refused", count=refused)
        done += len(chunk)
    return items[done:]


async def _take(items: Sequence[Item]) -> Sequence[Item]:
    return await take(await _client(), items)


def _chunks(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    start = size = 0
    for place, item in enumerate(items):
        if place > start and (place - start >= CHUNK_EVENTS_MAX or size + len(item.line) > CHUNK_BYTES_MAX):
            yield items[start:place]
            start, size = place, 0
        size += len(item.line) + 1
    if start < len(items):
        yield items[start:]


def _line(data: bytes) -> bytes:
    """Return an event as one line: in JSON a line break is never part of a value."""
    return data.replace(b"\n", b" ").strip() or NOTHING


@cache
def _runner() -> asyncio.Runner:
    """Return the one loop of the process, so that its connections are warm from one invocation to the next."""
    return asyncio.Runner()


_clients: list[EventClient] = []


async def _client() -> EventClient:
    if not _clients:
        settings = await fill(read_settings(os.environ))
        tls = service_client_tls(settings)
        url = service_url(settings, "events")
        _clients.append(
            EventClient(url, token=settings.service_token, tls=tls, patience_s=PATIENCE_S, timeout_s=TIMEOUT_S)
        )
    return _clients[0]
