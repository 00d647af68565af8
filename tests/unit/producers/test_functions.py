"""The intake functions, driven as AWS documents an event source mapping: no emulator does all of that.

Kinesis (ReportBatchItemFailures): a batch is handed over again from the lowest sequence number named. SQS: the messages
named are handed over again, in any order with others; those not named are deleted.
"""

import json
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.failures import Unauthenticated
from contracts.settings import Settings
from producers.event_client import EventClient
from producers.functions import Item, queue_answer, stream_answer, take
from services.events.app import create_app
from tests.examples import examples

BATCH = 700
"""Three chunks."""


class Faulty(httpx.AsyncBaseTransport):
    """The way to the event service, on which some requests are lost, and some answers."""

    def __init__(self, inner: httpx.AsyncBaseTransport, faults: Sequence[str]) -> None:
        self._inner = inner
        self._faults = list(faults)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        fault = self._faults.pop(0) if self._faults else ""
        if fault == "request":
            raise httpx.ConnectError("lost")
        answer = await self._inner.handle_async_request(request)
        if fault == "answer":
            raise httpx.ReadTimeout("lost")
        return answer


@asynccontextmanager
async def event_service(folder: Path, faults: Sequence[str], **client: Any) -> AsyncIterator[tuple[EventClient, Any]]:
    app = create_app(Settings(data_dir=folder))
    inner = httpx.ASGITransport(app=cast("Any", app))
    async with (
        app.lifespan(),
        EventClient("http://events", transport=Faulty(inner, faults), patience_s=-1, **client) as given_client,
        httpx.AsyncClient(transport=inner, base_url="http://events") as reader,
    ):
        yield given_client, reader


def item(place: int) -> Item:
    data = {
        "customerId": f"c{place}", "givenName": "A", "familyName": "B", "locale": "de-DE",
        "timeZone": "Europe/Berlin", "residencyCountry": "DE",
    }  # fmt: skip
    event = {
        "specversion": "1.0", "type": "belfry.customer.registered.v1", "source": "/bank", "id": str(place),
        "time": "2026-01-01T00:00:00Z", "data": data,
    }  # fmt: skip
    return Item(str(place), json.dumps(event).encode())


ITEMS = [item(place) for place in range(BATCH)]
NAMES = [one.name for one in ITEMS]
faults = st.lists(st.sampled_from(["", "request", "answer"]), max_size=8)


def named(answer: dict[str, Any]) -> list[str]:
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


async def log_of(reader: httpx.AsyncClient) -> list[str]:
    answer = await reader.get("/events/stream", params={"limit": 10_000})
    return [json.loads(line)["event"]["id"] for line in answer.content.splitlines()]


@given(faults=faults)
@examples(5)
async def test_a_shard_is_taken_whole_and_in_order(faults: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever was lost on the way, each event is in the log once, in the order of the shard."""
    async with event_service(tmp_path_factory.mktemp("events"), faults) as (client, reader):
        start, failures = 0, NAMES
        for _ in range(len(faults) + 1):
            failures = named(stream_answer(await take(client, ITEMS[start:])))
            assert len(failures) <= 1
            if not failures:
                break
            start = NAMES.index(failures[0])
        assert not failures
        assert await log_of(reader) == NAMES


@given(faults=faults, seed=st.integers(0, 9))
@examples(5)
async def test_a_queue_is_emptied(faults: list[str], seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever was lost, each message is in the log once; what was not named is never handed over again."""
    chance = random.Random(seed)  # noqa: S311 - nothing secret
    async with event_service(tmp_path_factory.mktemp("events"), faults) as (client, reader):
        left = list(ITEMS)
        for _ in range(len(faults) + 1):
            failures = set(named(queue_answer(await take(client, left))))
            left = [one for one in left if one.name in failures]
            chance.shuffle(left)
            if not left:
                break
        assert not left
        assert sorted(await log_of(reader), key=int) == NAMES


async def test_one_that_is_not_let_in_fails_loudly(tmp_path: Path) -> None:
    """A wrong token is no reason to ask again: the invocation fails, and its version is rolled back."""
    app = create_app(Settings(data_dir=tmp_path, service_token="t" * 40))
    transport = httpx.ASGITransport(app=cast("Any", app))
    async with app.lifespan(), EventClient("http://events", token="x" * 40, transport=transport) as client:
        with pytest.raises(Unauthenticated):
            await take(client, ITEMS[:1])


async def test_what_is_no_event_is_done_with(tmp_path: Path) -> None:
    """The service keeps it as a dead letter; handing it over again would hold up its shard for ever."""
    async with event_service(tmp_path, []) as (client, reader):
        left = await take(client, [Item("0", b"null"), Item("1", b"{"), ITEMS[0]])
        letters = (await reader.get("/dead-letters")).json()["items"]
        assert (list(left), len(letters), await log_of(reader)) == ([], 2, ["0"])
