"""The composition root of the analytics service: database, consumer and routes, put together and started."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Protocol

import structlog
from litestar import Litestar

from contracts.failures import Unavailable
from contracts.settings import Settings, service_url
from contracts.tls import service_client_tls
from services.analytics.alert_routes import alert_routes, stream_routes
from services.analytics.answer_routes import Answering, answer_routes
from services.analytics.consumer import Consumer, Reader
from services.analytics.insight_routes import insight_routes
from services.analytics.instants import utc_now
from services.analytics.projection_routes import projection_routes
from services.analytics.rule_book import seed_bank_rules
from services.analytics.rule_routes import rule_routes
from services.analytics.signals import Signal
from services.analytics.tables import SCHEMA
from services.analytics.workspace import applied_offset
from services.database import Database
from services.log_reader import LogReader
from services.service import create_service

VERSION = "1.0.0"

_log = structlog.get_logger(__name__)


class EventLog(Reader, Protocol):
    """A reader of the event log that knows whether it hears it."""

    @property
    def healthy(self) -> bool: ...


def create_app(
    settings: Settings, *, clock: Callable[[], datetime] = utc_now, event_log: EventLog | None = None
) -> Litestar:
    """Build the analytics service; nothing is opened before its lifespan starts. `event_log` replaces the real one."""
    database = Database(settings.data_dir / "analytics.sqlite3", SCHEMA)
    appended = Signal()
    log = event_log or LogReader(
        service_url(settings, "events"), token=settings.service_token, tls=service_client_tls(settings)
    )
    consumer = Consumer(database, settings.lateness_s, clock, appended)

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        await database.start()
        await database.write(seed_bank_rules)
        consuming = asyncio.create_task(consumer.run(log), name="consume the event log")
        consuming.add_done_callback(_report_end)
        try:
            yield
        finally:
            consuming.cancel()
            with suppress(asyncio.CancelledError):
                await consuming
            await database.stop()

    async def ready() -> dict[str, bool]:
        try:
            await database.read(applied_offset)
        except Unavailable:
            return {"store": False, "eventLog": log.healthy}
        return {"store": True, "eventLog": log.healthy}

    return create_service(
        title="Belfry analytics service",
        version=VERSION,
        handlers=[
            *insight_routes(database, clock),
            *rule_routes(database, clock),
            *alert_routes(database),
            *answer_routes(Answering(database, appended, clock)),
            *stream_routes(database, appended),
            *projection_routes(database, consumer),
        ],
        lifespan=lifespan,
        ready=ready,
        token=settings.service_token,
    )


def _report_end(consuming: asyncio.Task[None]) -> None:
    # The log is not heard any more, so readiness turns false; what ended it must be seen too.
    if not consuming.cancelled() and (error := consuming.exception()) is not None:
        _log.critical("consumer ended", error=type(error).__name__, exc_info=error)
