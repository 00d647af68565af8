"""The HTTP interface of the log: events in, the stream out, dead letters. See docs/architecture.md.

History has its own module. The hot path is `POST /events` with NDJSON: the body is read straight from the ASGI channel.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from typing import IO, Annotated, Any

from litestar import Request, Response, get, post
from litestar.handlers import BaseRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, QueryParameter
from litestar.response import Stream

from contracts.failures import BadCursor, TooLarge
from contracts.ingest import DeadLetter, DeadLetterPage, IngestReport, RecordVerdict
from services.database import Database
from services.events.dead_letters import PAGE_MAX, letter_of, letters_after
from services.events.ingest import Ingest
from services.events.log_pages import LogState
from services.events.messages import NDJSON, media_type_of, records_of
from services.events.request_bodies import EventsOperation, ReplayOperation
from services.events.store import EventLog
from services.events.streams_in import take_stream
from services.events.streams_out import WAIT_S_MAX, follow

BODY_BYTES_MAX = 1024 * 1024
"""Largest body of a single event or a batch; more goes as NDJSON."""
ANSWER_CHUNK_BYTES = 64 * 1024

Offset = Annotated[int, QueryParameter(ge=0, le=2**53)]


def event_routes(ingest: Ingest, log: EventLog) -> list[BaseRouteHandler]:
    """Return the handlers of the log."""

    @post(
        "/events",
        status_code=200,
        request_max_body_size=None,
        operation_class=EventsOperation,
        responses={200: ResponseSpec(IngestReport, description="A verdict for each record, in the order sent")},
        summary="Take one event, a batch or an NDJSON stream of any length",
    )
    async def post_events(request: Request[Any, Any, Any]) -> Response[Any]:
        media_type = media_type_of(request.headers)
        chunks = body_chunks(request.receive)
        if media_type == NDJSON:
            return Stream(_answered(await take_stream(ingest, chunks)), media_type=NDJSON)
        return Response(await ingest.report(records_of(media_type, request.headers, await whole(chunks))))

    @get("/log", summary="How far the log goes, and how much of it is on the disk")
    async def read_log() -> LogState:
        return await log.state()

    @get(
        "/events/stream",
        responses={200: ResponseSpec(bytes, media_type=NDJSON, description="A LogEntry a line")},
        summary="Read the log after an offset as NDJSON, and wait for more",
    )
    async def stream_events(
        after: Offset = 0,
        limit: Annotated[int, QueryParameter(ge=0, le=10_000_000)] = 1000,
        wait: Annotated[float, QueryParameter(ge=0, le=WAIT_S_MAX)] = 0,
    ) -> Stream:
        if wait and after > await log.last_offset():
            raise BadCursor("The offset lies beyond the end: this is not the log it was read from.", pointer="/after")
        return Stream(follow(log, after, limit, wait), media_type=NDJSON)

    return [post_events, read_log, stream_events]


def dead_letter_routes(ingest: Ingest, database: Database) -> list[BaseRouteHandler]:
    """Return the handlers of the dead letters."""

    @get("/dead-letters", summary="Records that were refused or in conflict, oldest first")
    async def list_letters(
        after: Offset = 0, limit: Annotated[int, QueryParameter(ge=1, le=PAGE_MAX)] = 100
    ) -> DeadLetterPage:
        return await database.read(lambda connection: letters_after(connection, after, limit))

    @get("/dead-letters/{letter_id:int}", summary="One dead letter with its bytes")
    async def read_letter(letter_id: FromPath[int]) -> DeadLetter:
        return await database.read(lambda connection: letter_of(connection, letter_id))

    @post(
        "/dead-letters/{letter_id:int}/replay",
        status_code=200,
        operation_class=ReplayOperation,
        responses={200: ResponseSpec(RecordVerdict, description="The verdict of sending it again")},
        summary="Send a dead letter again, as it was or as the body corrects it",
    )
    async def replay_letter(request: Request[Any, Any, Any], letter_id: FromPath[int]) -> Response[RecordVerdict]:
        letter = await database.read(lambda connection: letter_of(connection, letter_id))
        raw = await whole(body_chunks(request.receive)) or letter.raw
        return Response((await ingest.append(await ingest.screened([raw]), 0, letter_id))[0])

    return [list_letters, read_letter, replay_letter]


async def body_chunks(receive: Callable[[], Awaitable[Mapping[str, Any]]]) -> AsyncIterator[bytes]:
    """Yield a request's body as it arrives.

    Raises:
        ConnectionError: the client went away before the end.
    """
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError("the producer went away")
        if message.get("body"):
            yield message["body"]
        more = message.get("more_body", False)


async def whole(chunks: AsyncIterator[bytes]) -> bytes:
    """Join a body that is not a stream.

    Raises:
        TooLarge: it is over `BODY_BYTES_MAX`.
    """
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise TooLarge(f"The body has more than {BODY_BYTES_MAX} bytes; send NDJSON.")
    return bytes(body)


async def _answered(spool: IO[bytes]) -> AsyncGenerator[bytes]:
    with spool:
        while chunk := spool.read(ANSWER_CHUNK_BYTES):
            yield chunk
