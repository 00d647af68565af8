"""The composition root of the event service: database, log, ingest and routes, put together and started."""

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from datetime import datetime
from pathlib import Path

from litestar import Litestar

from contracts.failures import Unavailable
from contracts.settings import Settings
from services.access import Access
from services.database import Database
from services.events import metrics
from services.events.archive import Archive
from services.events.archive_folder import FolderArchive
from services.events.archive_s3 import S3Archive
from services.events.archived_log import ArchivedLog
from services.events.archiver import Archiver
from services.events.dead_letters import LetterBounds
from services.events.forgetting import Forgetting
from services.events.history_bounds import HistoryBounds
from services.events.history_routes import history_routes
from services.events.ingest import Ingest
from services.events.kinesis_log import KinesisEventLog
from services.events.landing import Landing
from services.events.places import Places, SqlitePlaces
from services.events.retention import Round, keeping
from services.events.routes import dead_letter_routes, event_routes
from services.events.store import EventLog, SqliteEventLog
from services.events.tables import SCHEMA, tune_writer
from services.events.times import utc_now
from services.service import create_service

VERSION = "1.0.0"
S3 = "s3://"


def create_app(settings: Settings, clock: Callable[[], datetime] = utc_now) -> Litestar:
    """Build the event service; nothing is opened before its lifespan starts."""
    database = Database(settings.data_dir / "events.sqlite3", SCHEMA, queue_max=settings.ingest_queue_max)
    archive, opened_archive = _archive(settings)
    local = SqliteEventLog(database, clock, ArchivedLog(archive))
    stream = _streamed(settings, local, SqlitePlaces(database), clock) if settings.event_stream else None
    log: EventLog = stream or local
    ingest = Ingest(log, clock, settings.future_s)
    archiver = Archiver(database, archive, clock, settings.log_days, piece_bytes=settings.archive_piece_bytes)
    bounds: dict[str, tuple[float, Round]] = {
        "log": (settings.log_days, archiver.archive_next),
        "seen": (settings.seen_days, Forgetting(database, local, clock, settings.seen_days).forget_next),
        "history": (
            settings.history_days,
            HistoryBounds(database, clock, settings.history_days, settings.future_s).remove_next,
        ),
        "dead_letters": (settings.letter_days, LetterBounds(database, clock, settings.letter_days).remove_next),
    }

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        await database.start()
        try:
            await database.write(tune_writer)
            metrics.LOG_OFFSET.set((state := await log.state()).last_offset)
            metrics.LOG_FIRST_OFFSET.set(state.first_on_disk)
            async with (
                opened_archive(),
                stream.following() if stream is not None else nullcontext(),
                keeping(bounds),
            ):
                yield
        finally:
            archiver.close()
            await database.stop()

    async def ready() -> dict[str, bool]:
        try:
            await log.last_offset()
        except Unavailable:
            return {"store": False}
        return {"store": True} if stream is None else {"store": True, "stream": stream.healthy}

    return create_service(
        title="Belfry event service",
        version=VERSION,
        handlers=[*event_routes(ingest, log), *dead_letter_routes(ingest, database), *history_routes(database)],
        lifespan=lifespan,
        ready=ready,
        access=Access(settings.service_token, settings.service_token_secret),
    )


def _archive(settings: Settings) -> tuple[Archive, Callable[[], AbstractAsyncContextManager[None]]]:
    """Return the archive of the log, and what opens it."""
    if settings.archive.startswith(S3):
        bucket, _, prefix = settings.archive.removeprefix(S3).partition("/")
        in_s3 = S3Archive(bucket, prefix)
        return in_s3, in_s3.opened
    return FolderArchive(Path(settings.archive) if settings.archive else settings.data_dir / "archive"), nullcontext


def _streamed(settings: Settings, local: EventLog, places: Places, clock: Callable[[], datetime]) -> KinesisEventLog:
    return KinesisEventLog(
        settings.event_stream,
        settings.state_table,
        local,
        places,
        Landing(local, clock, settings.future_s),
        owner=f"{socket.gethostname()}:{settings.data_dir.resolve()}",
        batches_max=settings.ingest_queue_max,
        calls=settings.aws_calls,
    )
