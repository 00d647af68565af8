"""The event service over HTTP: what producers, consumers, the gateway and operators see."""

import asyncio
import base64
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, cast

import httpx
import msgspec
import pytest
import pytest_asyncio
from litestar import Litestar

from contracts.events import EVENT_BYTES_MAX, LogEntry
from contracts.ingest import DeadLetter, DeadLetterPage, IngestReport, RecordVerdict
from contracts.settings import Settings
from services.events.app import create_app
from services.events.messages import BATCHED, BINARY, NDJSON, STRUCTURED
from tests.unit.services.events.samples import NOW, OPENING, PAYMENT, payment, raw
from tests.unit.services.events.serving import ids, page, running, send, served

reading = pytest.mark.asyncio(loop_scope="module")
"""A test in the loop of `reader`."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def reader(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the one service of all tests that store nothing."""
    async with served(tmp_path_factory.mktemp("events")) as client:
        await send(client, *OPENING)
        yield client


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with served(tmp_path) as client:
        await send(client, *OPENING)
        yield client


async def send_lines(client: httpx.AsyncClient, body: bytes) -> list[dict[str, Any]]:
    answer = await client.post("/events", content=body, headers={"content-type": NDJSON})
    assert answer.status_code == 200
    return [msgspec.json.decode(line) for line in answer.content.splitlines()]


async def test_a_structured_event_is_acknowledged_with_its_offset(client: httpx.AsyncClient) -> None:
    """One event gets one verdict and the offset it has in the log."""
    answer = await client.post("/events", content=payment(), headers={"content-type": STRUCTURED})
    report = msgspec.json.decode(answer.content, type=IngestReport)
    assert (answer.status_code, report.summary.accepted, report.verdicts[0].offset) == (200, 1, 4)


async def test_binary_mode_is_the_same_event_as_structured_mode(client: httpx.AsyncClient) -> None:
    """Attributes in headers and data in the body make the event that a structured message makes."""
    await send(client, payment(id="e 1"))
    headers = {
        "content-type": BINARY,
        "ce-specversion": "1.0",
        "ce-id": "e%201",
        "ce-source": "urn:test",
        "ce-type": "belfry.payment.booked.v1",
        "ce-time": "2026-02-03T10:00:00Z",
    }
    answer = await client.post("/events", content=msgspec.json.encode(PAYMENT), headers=headers)
    report = msgspec.json.decode(answer.content, type=IngestReport)
    assert (report.summary.duplicates, report.verdicts[0].offset) == (1, 4)


async def test_good_records_of_a_batch_are_kept_beside_bad_ones(client: httpx.AsyncClient) -> None:
    """Every record has its own verdict, in the order sent."""
    report = await send(client, payment(), b"7", payment(), payment(counterparty="Other"), payment(id="e-2", x=1))
    verdicts = [verdict.verdict for verdict in report.verdicts]
    assert verdicts == ["accepted", "rejected", "duplicate", "conflict", "rejected"]
    assert [verdict.index for verdict in report.verdicts] == [0, 1, 2, 3, 4]
    counts = report.summary
    assert (counts.accepted, counts.duplicates, counts.conflicts, counts.rejected, counts.offset) == (1, 1, 1, 2, 4)


async def test_a_stream_is_answered_line_by_line_with_the_summary_last(client: httpx.AsyncClient) -> None:
    """NDJSON of many batches keeps its order and its count."""
    records = [payment(id=f"e-{n}", transactionId=f"tx-{n}") for n in range(1200)]
    *verdicts, last = await send_lines(client, b"\n".join(records) + b"\n\n")
    assert [verdict["offset"] for verdict in verdicts] == list(range(4, 1204))
    assert [verdict["index"] for verdict in verdicts] == list(range(1200))
    assert last == {"summary": {"accepted": 1200, "duplicates": 0, "conflicts": 0, "rejected": 0, "offset": 1203}}


async def test_an_oversized_line_is_refused_and_the_rest_goes_on(client: httpx.AsyncClient) -> None:
    """A record over the bound is a dead letter of bounded size."""
    lines = await send_lines(client, b"x" * (3 * EVENT_BYTES_MAX) + b"\n" + payment())
    assert [line.get("reason") for line in lines] == ["TOO_LARGE", None, None]
    letter = await read_letter(client, lines[0]["deadLetterId"])
    assert len(letter.raw) == EVENT_BYTES_MAX


async def test_a_cut_stream_keeps_its_whole_lines_and_not_the_broken_one(tmp_path: Path) -> None:
    """A producer that goes away in the middle of a line has the lines before it accepted."""
    app = create_app(Settings(data_dir=tmp_path), clock=lambda: NOW)
    body = b"\n".join([*OPENING, payment(), payment(id="e-2", transactionId="tx-2")])
    async with running(app):
        await post_and_vanish(app, body[:-1])
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(cast("Any", app)), base_url="http://events"
        ) as client:
            stream = await client.get("/events/stream")
    assert [entry.event.id for entry in entries(stream)] == ["c-1", "a-1", "a-2", "e-1"]


async def post_and_vanish(app: Litestar, body: bytes) -> None:
    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": body, "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> dict[str, Any]:
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    async def ignore(_: Any) -> None:
        pass

    scope = {
        "type": "http", "method": "POST", "path": "/events", "raw_path": b"/events", "query_string": b"",
        "root_path": "", "scheme": "http", "http_version": "1.1", "headers": [(b"content-type", NDJSON.encode())],
        "client": ("127.0.0.1", 1), "server": ("events", 80), "extensions": {}, "state": {},
    }  # fmt: skip
    await app(scope, receive, ignore)  # type: ignore[arg-type]


def entries(answer: httpx.Response) -> list[LogEntry]:
    assert answer.status_code == 200, answer.text
    return msgspec.json.Decoder(LogEntry).decode_lines(answer.content)


async def test_what_was_acknowledged_is_there_after_a_restart(tmp_path: Path) -> None:
    """Log, history and keys survive the process."""
    async with served(tmp_path) as client:
        await send(client, *OPENING, payment())
    async with served(tmp_path) as client:
        report = await send(client, payment())
        assert (report.summary.duplicates, report.summary.offset) == (1, 4)
        assert ids(await page(client, "accountId=acc-1")) == ["tx-1"]


UNREADABLE = [
    ({"content-type": "text/plain"}, b"{}", 415, "UNSUPPORTED_MEDIA_TYPE"),
    ({"content-type": BINARY}, b"{}", 415, "UNSUPPORTED_MEDIA_TYPE"),
    ({"content-type": NDJSON, "content-encoding": "gzip"}, b"", 415, "UNSUPPORTED_MEDIA_TYPE"),
    ({"content-type": BATCHED}, b"[{}", 400, "MALFORMED_JSON"),
    ({"content-type": BATCHED}, b"[" + b" " * 1024 * 1024 + b"]", 413, "TOO_LARGE"),
]


@reading
async def test_a_request_that_cannot_be_read_is_a_problem(reader: httpx.AsyncClient) -> None:
    """What is wrong with a whole request is answered as problem details with a stable code."""
    for headers, body, status, code in UNREADABLE:
        answer = await reader.post("/events", content=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.headers["content-type"].startswith("application/problem+json")


async def test_a_full_queue_answers_429_and_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    """Past the bound producers are told when to come back; what was waiting is accepted."""
    async with served(tmp_path, ingest_queue_max=1) as client:
        await send(client, *OPENING)
        with held_lock(tmp_path / "events.sqlite3") as release:
            posts = [asyncio.create_task(post_one(client, f"e-{n}")) for n in range(6)]
            await asyncio.wait(posts, return_when=asyncio.FIRST_COMPLETED)
            release.set()
            answers = await asyncio.gather(*posts)
        stream = await client.get("/events/stream?after=3")
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert refused[0].headers["retry-after"] == "1"
    assert len(entries(stream)) == len(answers) - len(refused) > 0


async def post_one(client: httpx.AsyncClient, name: str) -> httpx.Response:
    body = payment(id=name, transactionId=name)
    return await client.post("/events", content=body, headers={"content-type": STRUCTURED})


@contextmanager
def held_lock(path: Path) -> Iterator[threading.Event]:
    """Hold the file's write lock, as another process would, until the event is set."""
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            held.set()
            release.wait(5)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(5)
    yield release
    release.set()
    thread.join()


@reading
async def test_the_stream_starts_after_an_offset_and_ends_at_its_limit(reader: httpx.AsyncClient) -> None:
    """Entries carry offset, the log's own time and the event as it was sent."""
    found = entries(await reader.get("/events/stream?after=1&limit=2"))
    assert [(entry.offset, entry.event.id) for entry in found] == [(2, "a-1"), (3, "a-2")]
    assert found[0].accepted_at == "2026-03-01T12:00:00.000000Z"


async def test_a_waiting_reader_gets_what_is_appended_next(client: httpx.AsyncClient) -> None:
    """Long-polling answers as soon as the append is durable."""
    reading = asyncio.create_task(client.get("/events/stream?after=3&limit=1&wait=60"))
    await asyncio.sleep(0)
    await send(client, payment())
    assert [entry.offset for entry in entries(await reading)] == [4]


@reading
async def test_waiting_beyond_the_end_of_the_log_is_a_bad_cursor(reader: httpx.AsyncClient) -> None:
    """A consumer whose log was replaced learns it at once; a look beyond the end finds nothing."""
    answer = await reader.get("/events/stream?after=4&wait=30")
    assert (answer.status_code, answer.json()["code"]) == (400, "BAD_CURSOR")
    assert entries(await reader.get("/events/stream?after=4")) == []


async def read_letter(client: httpx.AsyncClient, letter_id: int) -> DeadLetter:
    answer = await client.get(f"/dead-letters/{letter_id}")
    return msgspec.json.decode(answer.content, type=DeadLetter)


async def test_a_retried_bad_record_is_one_dead_letter(client: httpx.AsyncClient) -> None:
    """The bytes are readable, and a producer's retries do not multiply them."""
    for _ in range(2):
        await send(client, b'{"no":1}', b'{"no":2}')
    answer = await client.get("/dead-letters?limit=1")
    letters = msgspec.json.decode(answer.content, type=DeadLetterPage)
    rest = (await client.get(f"/dead-letters?after={letters.next_after}")).json()
    assert base64.b64decode(answer.json()["items"][0]["raw"]) == b'{"no":1}' == letters.items[0].raw
    assert (letters.items[0].reason, len(rest["items"]), rest["nextAfter"]) == ("NOT_CLOUDEVENTS", 1, None)


async def test_a_dead_letter_replayed_with_a_correction_enters_the_log(client: httpx.AsyncClient) -> None:
    """The letter then names the offset; replaying it again is a duplicate."""
    [bad] = (await send(client, payment(accountId="acc-9"))).verdicts
    path = f"/dead-letters/{bad.dead_letter_id}/replay"
    again = msgspec.json.decode((await client.post(path)).content, type=RecordVerdict)
    fixed = msgspec.json.decode((await client.post(path, content=payment())).content, type=RecordVerdict)
    assert (again.reason, again.dead_letter_id) == ("UNKNOWN_ACCOUNT", bad.dead_letter_id)
    assert (fixed.verdict, fixed.offset) == ("accepted", 4)
    assert (await read_letter(client, bad.dead_letter_id or 0)).replayed_offset == 4


@reading
async def test_a_dead_letter_that_does_not_exist_is_not_found(reader: httpx.AsyncClient) -> None:
    """Reading and replaying nothing is a 404 with a code."""
    for id in (99, -1, 2**63, 10**30):
        for answer in (await reader.get(f"/dead-letters/{id}"), await reader.post(f"/dead-letters/{id}/replay")):
            assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")


async def test_pending_then_booked_is_one_row(client: httpx.AsyncClient) -> None:
    """The booked event updates the row of the pending one, in its place."""
    await send(client, payment("payment.pending", time="2026-01-03T23:59:59.5Z"))
    await send(client, payment(id="e-2", time="2026-01-05T00:00:00Z"))
    edges = (await page(client, "accountId=acc-1")).edges
    assert [(edge.node.id, edge.node.status, edge.node.occurred_at) for edge in edges] == [
        ("tx-1", "BOOK", "2026-01-03T23:59:59.5Z")
    ]


async def test_the_service_token_is_demanded_of_producers(tmp_path: Path) -> None:
    """With a token set, nothing but health answers without it."""
    async with served(tmp_path, service_token="s" * 32) as client:
        refused = await client.post("/events", content=raw("price.quoted", {}), headers={"content-type": STRUCTURED})
        ready = await client.get("/health/ready")
    assert (refused.status_code, ready.json()) == (401, {"checks": {"store": True}})


async def test_the_metrics_count_verdicts(client: httpx.AsyncClient) -> None:
    """An operator sees what became of the records and where the log ends."""
    text = (await client.get("/metrics")).text
    assert 'belfry_events_total{verdict="accepted"}' in text
    assert "belfry_log_offset 3.0" in text
