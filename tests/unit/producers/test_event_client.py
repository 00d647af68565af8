"""The event client retries what may be retried, in the service's own time, and counts exactly."""

import random
from collections.abc import Callable, Iterator

import httpx
import msgspec
import pytest

from contracts.failures import Rejected, Unavailable
from contracts.ingest import IngestSummary, IngestSummaryLine, RecordVerdict, Verdict
from producers.event_client import EventClient

Reply = Callable[[httpx.Request], httpx.Response]


def _answer(*verdicts: tuple[Verdict, int], offset: int = 9) -> httpx.Response:
    lines: list[msgspec.Struct] = [
        RecordVerdict(index, verdict, offset=at) for index, (verdict, at) in enumerate(verdicts)
    ]
    lines.append(IngestSummaryLine(IngestSummary(0, 0, 0, 0, offset)))
    return httpx.Response(200, content=msgspec.json.Encoder().encode_lines(lines))


class _Service(httpx.AsyncBaseTransport):
    """Gives the replies it was told to, in order, and remembers the pauses before them."""

    def __init__(self, *replies: httpx.Response | Exception) -> None:
        self._replies: Iterator[httpx.Response | Exception] = iter(replies)
        self.requests: list[httpx.Request] = []
        self.pauses: list[float] = []
        self.told: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        reply = next(self._replies)
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)

    def client(self) -> EventClient:
        return EventClient(
            "http://events",
            token="t" * 32,
            on_wait=lambda failure: self.told.append(failure.message),
            transport=self,
            sleep=self.sleep,
            chance=random.Random(1),  # noqa: S311 - jitter
        )


async def test_a_chunk_is_one_request_and_its_verdicts_come_in_order() -> None:
    """NDJSON goes out with the bearer token; a verdict a line comes back."""
    service = _Service(_answer((Verdict.ACCEPTED, 8), (Verdict.DUPLICATE, 2)))
    async with service.client() as client:
        answer = await client.post([b'{"id":"1"}', b'{"id":"2"}'])
    (request,) = service.requests
    assert request.content == b'{"id":"1"}\n{"id":"2"}\n'
    assert request.headers["content-type"] == "application/x-ndjson"
    assert request.headers["authorization"] == f"Bearer {'t' * 32}"
    assert [verdict.verdict for verdict in answer.verdicts] == [Verdict.ACCEPTED, Verdict.DUPLICATE]


async def test_a_full_queue_is_waited_for_as_long_as_it_says() -> None:
    """429 with Retry-After: exactly that long, then again."""
    full = httpx.Response(
        429, headers={"Retry-After": "7"}, json={"status": 429, "code": "OVERLOADED", "detail": "full"}
    )
    service = _Service(full, _answer((Verdict.ACCEPTED, 1)))
    async with service.client() as client:
        await client.post([b"{}"])
    assert service.pauses == [7.0]


async def test_pauses_grow_while_the_service_is_away() -> None:
    """Each pause is jittered within half to all of a bound that doubles; a long wait is told once, with the address."""
    service = _Service(*[httpx.ConnectError("refused")] * 7, _answer((Verdict.ACCEPTED, 1)))
    async with service.client() as client:
        await client.post([b"{}"])
    bounds = [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0]
    assert service.told == ["The event service does not answer at http://events."]
    assert all(bound / 2 <= pause <= bound for pause, bound in zip(service.pauses, bounds, strict=True))


async def test_what_is_wrong_is_not_sent_again() -> None:
    """A refusal of the request is the caller's to see, with its code."""
    service = _Service(httpx.Response(400, json={"status": 400, "code": "BAD_INPUT", "detail": "no"}))
    async with service.client() as client:
        with pytest.raises(Rejected) as caught:
            await client.post([b"{}"])
    assert (caught.value.reason, service.pauses) == ("BAD_INPUT", [])


async def test_records_a_lost_answer_had_accepted_are_counted_as_accepted() -> None:
    """Duplicates at offsets after the last answered one are our own; true duplicates stay what they are."""
    again = _answer((Verdict.DUPLICATE, 10), (Verdict.DUPLICATE, 3), (Verdict.DUPLICATE, 10), offset=10)
    service = _Service(_answer((Verdict.ACCEPTED, 9)), httpx.ReadError("cut"), again)
    async with service.client() as client:
        await client.post([b"{}"])
        answer = await client.post([b"{}", b"{}", b"{}"])
    verdicts = [verdict.verdict for verdict in answer.verdicts]
    assert verdicts == [Verdict.ACCEPTED, Verdict.DUPLICATE, Verdict.DUPLICATE]


async def test_duplicates_of_a_first_attempt_are_duplicates() -> None:
    """Another producer may have sent them: nothing is counted twice."""
    service = _Service(_answer((Verdict.ACCEPTED, 9)), _answer((Verdict.DUPLICATE, 10), offset=10))
    async with service.client() as client:
        await client.post([b"{}"])
        answer = await client.post([b"{}"])
    assert answer.verdicts[0].verdict is Verdict.DUPLICATE


async def test_an_answer_that_ends_early_is_asked_for_again() -> None:
    """Fewer verdicts than events is no answer."""
    service = _Service(_answer((Verdict.ACCEPTED, 1)), _answer((Verdict.DUPLICATE, 1), (Verdict.DUPLICATE, 2)))
    async with service.client() as client:
        assert len((await client.post([b"{}", b"{}"])).verdicts) == 2


async def test_an_answer_that_makes_no_sense_is_a_failure() -> None:
    """What is not verdicts is not believed."""
    service = _Service(httpx.Response(200, content=b"hello\nworld\n"))
    async with service.client() as client:
        with pytest.raises(Unavailable, match="cannot be read"):
            await client.post([b"{}"])


@pytest.mark.parametrize(("content", "holds"), [(b'{"offset":5}\n', True), (b"\n", False), (b"", False)])
async def test_a_log_that_was_started_over_does_not_hold_an_old_offset(content: bytes, *, holds: bool) -> None:
    """An offset is there when reading from just before it gives an entry."""
    service = _Service(httpx.Response(200, content=content))
    async with service.client() as client:
        assert await client.holds(5) is holds
    assert dict(service.requests[0].url.params) == {"after": "4", "limit": "1", "wait": "0"}
