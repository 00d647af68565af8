"""Post NDJSON chunks to the event service, safely retried: an event's `source`+`id` makes sending it twice harmless.

A chunk is retried as a whole, with jittered growing pauses or as long as `Retry-After` says, until `PATIENCE_S` passed
without an answer. After a lost answer the records it had accepted come back as duplicates; their log offsets tell them
from true duplicates, so the counts stay exact (see `_settle`).
"""

import random
import ssl
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Self

import anyio
import httpx
import msgspec

from contracts.failures import BadCursor, Failure, Problem, Unavailable, failure_of
from contracts.ingest import IngestSummary, IngestSummaryLine, RecordVerdict, Verdict

CHUNK_EVENTS_MAX = 1000
"""Events of one request."""
CHUNK_BYTES_MAX = 4 * 1024 * 1024
"""Bytes of one request; with one chunk in flight and one being read this bounds a producer's memory."""
PATIENCE_S = 120.0
"""How long one chunk is retried before the producer gives up."""
PAUSE_S_FIRST = 0.1
PAUSE_S_MAX = 5.0
PAUSE_S_TOLD = 1.0
"""Pauses from this long on are worth telling whoever waits."""
TIMEOUT_S = 30.0
"""How long one request may take: a full disk queue is answered with 429, not with silence."""

_KEPT = frozenset({Verdict.ACCEPTED, Verdict.DUPLICATE})
_RETRIED_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
_verdict = msgspec.json.Decoder(RecordVerdict)
_summary = msgspec.json.Decoder(IngestSummaryLine)
_problem = msgspec.json.Decoder(Problem)

Sleep = Callable[[float], Awaitable[None]]
OnWait = Callable[[Failure], None]


class Answer(msgspec.Struct, frozen=True):
    """A verdict for each event of the chunk, in order, and the service's summary of it."""

    verdicts: list[RecordVerdict]
    summary: IngestSummary


class EventClient:
    """A producer's connection to one event service; use as an async context manager.

    A chunk is retried for `patience_s` (by default `PATIENCE_S`), one request may take `timeout_s`; `on_wait` is told
    once a chunk why it keeps waiting. `transport` is the seam of tests; `sleep` and `chance` likewise.
    """

    def __init__(
        self,
        events_url: str,
        *,
        token: str = "",
        tls: ssl.SSLContext | None = None,
        patience_s: float | None = None,
        timeout_s: float = TIMEOUT_S,
        on_wait: OnWait = lambda _: None,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Sleep = anyio.sleep,
        chance: random.Random | None = None,
    ) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = httpx.AsyncClient(
            base_url=events_url,
            headers=headers,
            verify=True if tls is None else tls,
            transport=transport,
            timeout=timeout_s,
            trust_env=False,
        )
        self._patience_s = PATIENCE_S if patience_s is None else patience_s
        self._on_wait = on_wait
        self._sleep = sleep
        self._chance = chance or random.Random()
        self._offset: int | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def holds(self, offset: int) -> bool:
        """Say whether the log reaches an offset: it does not when it was started over since.

        Raises:
            Failure: the service refuses or does not answer.
        """
        params = {"after": max(0, offset - 1), "limit": 1, "wait": 0}
        try:
            response = await self._patiently(lambda: self._http.get("/events/stream", params=params))
        except BadCursor:
            return False
        return offset == 0 or bool(response.content.strip())

    async def post(self, lines: Sequence[bytes], *, resent: bool = False) -> Answer:
        """Send at most `CHUNK_EVENTS_MAX` events and return their verdicts once all of them are durable.

        `resent` says that an earlier attempt may have succeeded unseen.

        Raises:
            Failure: the service refuses the request as a whole, or did not answer for `patience_s`.
        """
        attempts = 0
        body = b"\n".join(lines) + b"\n"

        async def attempt() -> httpx.Response:
            nonlocal attempts
            attempts += 1
            return await self._http.post("/events", content=body, headers={"Content-Type": "application/x-ndjson"})

        response = await self._patiently(attempt, lambda answer: _is_complete(answer, len(lines)))
        answer = _answer_of(response)
        if (resent or attempts > 1) and self._offset is not None:
            answer = _settle(answer, self._offset)
        self._offset = answer.summary.offset
        return answer

    def resume_from(self, offset: int) -> None:
        """Tell the client the log's offset up to which earlier chunks were answered."""
        self._offset = offset

    async def _patiently(
        self,
        attempt: Callable[[], Awaitable[httpx.Response]],
        is_complete: Callable[[httpx.Response], bool] = lambda _: True,
    ) -> httpx.Response:
        deadline = anyio.current_time() + self._patience_s
        pause_s = PAUSE_S_FIRST
        while True:
            failure: Failure
            try:
                response = await attempt()
                if response.status_code < 300 and is_complete(response):
                    return response
                failure = _failure_of(response)
            except httpx.TransportError as error:
                message = f"The event service does not answer at {self._http.base_url}."
                failure = Unavailable(message, detail=type(error).__name__)
            if not failure.retryable or anyio.current_time() > deadline:
                raise failure
            if pause_s / 2 < PAUSE_S_TOLD <= pause_s:
                self._on_wait(failure)
            await self._sleep(failure.retry_after_s or self._chance.uniform(pause_s / 2, pause_s))
            pause_s = min(PAUSE_S_MAX, pause_s * 2)


def _is_complete(response: httpx.Response, count: int) -> bool:
    return response.content.rstrip().count(b"\n") == count


def _answer_of(response: httpx.Response) -> Answer:
    *verdicts, summary = response.content.rstrip().split(b"\n")
    try:
        return Answer([_verdict.decode(line) for line in verdicts], _summary.decode(summary).summary)
    except msgspec.MsgspecError as error:
        raise Unavailable("The event service's answer cannot be read.", detail=str(error)) from error


def _failure_of(response: httpx.Response) -> Failure:
    if response.status_code < 300:
        return Unavailable("The event service's answer ended early.")
    try:
        problem = _problem.decode(response.content)
    except msgspec.MsgspecError:
        problem = Problem(response.status_code, "UNAVAILABLE", f"The event service answered {response.status_code}.")
    failure = failure_of(problem)
    if response.status_code in _RETRIED_STATUS and not failure.retryable:
        failure = Unavailable(problem.detail, code=problem.code)
    failure.retry_after_s = _retry_after(response)
    return failure


def _retry_after(response: httpx.Response) -> float | None:
    text = response.headers.get("retry-after", "")
    return min(float(text), PATIENCE_S) if text.isascii() and text.isdigit() else None


def _settle(answer: Answer, offset: int) -> Answer:
    """Count as accepted what an unseen attempt of ours accepted: the first verdict at each offset after `offset`."""
    seen: set[int] = set()
    verdicts = []
    for verdict in answer.verdicts:
        at = verdict.offset or 0
        ours = verdict.verdict in _KEPT and at > offset and at not in seen
        verdicts.append(msgspec.structs.replace(verdict, verdict=Verdict.ACCEPTED) if ours else verdict)
        if ours:
            seen.add(at)
    return Answer(verdicts, answer.summary)
