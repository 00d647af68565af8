"""The composition root of the account service: database, projection, follower and routes, put together and started."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

import structlog
from litestar import Litestar

from contracts.failures import Unavailable
from contracts.settings import Settings, service_url
from contracts.tls import service_client_tls
from services.access import Access
from services.accounts.account_routes import account_routes, balance_routes
from services.accounts.card_routes import card_routes, device_routes, push_token_routes
from services.accounts.changes import Changes
from services.accounts.customer_routes import customer_routes, preference_routes
from services.accounts.follower import Follower, Log
from services.accounts.projection_routes import projection_routes
from services.accounts.store import SqliteProjection
from services.accounts.tables import SCHEMA
from services.accounts.times import utc_now
from services.database import Database
from services.log_reader import LogReader
from services.service import create_service
from services.set_aside import letter_routes

VERSION = "1.0.0"

_log = structlog.get_logger(__name__)


def create_app(
    settings: Settings, *, clock: Callable[[], datetime] = utc_now, event_log: Log | None = None
) -> Litestar:
    """Build the account service; nothing is opened before its lifespan starts. `event_log` replaces the real one."""
    database = Database(settings.data_dir / "accounts.sqlite3", SCHEMA)
    projection, changes = SqliteProjection(database), Changes()
    log = event_log or LogReader(
        service_url(settings, "events"), token=settings.service_token, tls=service_client_tls(settings)
    )
    follower = Follower(log, projection, changes, clock)
    tasks: list[asyncio.Task[None]] = []

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        await database.start()
        following = asyncio.create_task(follower.run(), name="follow the event log")
        following.add_done_callback(_report_end)
        tasks.append(following)
        try:
            yield
        finally:
            following.cancel()
            await asyncio.wait([following])
            await database.stop()

    async def ready() -> dict[str, bool]:
        checks = {"eventLog": log.healthy, "tasks": follower.healthy and not any(task.done() for task in tasks)}
        try:
            await projection.offset()
        except Unavailable:
            return {"store": False, **checks}
        return {"store": True, **checks}

    return create_service(
        title="Belfry account service",
        version=VERSION,
        handlers=[
            *customer_routes(database),
            *preference_routes(database),
            *account_routes(database),
            *balance_routes(database),
            *card_routes(database, clock),
            *device_routes(database),
            *push_token_routes(database, clock),
            *projection_routes(projection, changes),
            *letter_routes(database, projection.replay),
        ],
        lifespan=lifespan,
        ready=ready,
        access=Access(settings.service_token, settings.service_token_secret),
    )


def _report_end(following: asyncio.Task[None]) -> None:
    # Its log is not heard any more, so readiness turns false; what ended it must be seen too.
    if not following.cancelled() and (error := following.exception()) is not None:
        _log.critical("projection ended", error=type(error).__name__, exc_info=error)
