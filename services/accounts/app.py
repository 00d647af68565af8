"""The composition root of the account service: database, projection, follower and routes, put together and started."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from functools import partial

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
from services.accounts.tables import DECIDED, SCHEMA
from services.accounts.times import utc_now
from services.database import Database, Store
from services.decision_outbox import leave
from services.decision_table import open_decision_table
from services.decisions import Decisions
from services.log_reader import LogReader
from services.service import create_service
from services.set_aside import letter_routes
from services.tasks import Tasks, running

VERSION = "1.0.0"


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
    decisions = _decisions(settings, database)
    commands: Store = decisions or database
    tasks: Tasks = []

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        async with AsyncExitStack() as opened:
            await database.start()
            opened.push_async_callback(database.stop)
            if decisions is None:
                await database.write(leave)
            else:
                await opened.enter_async_context(decisions.carrying())
            works = {"follow the event log": follower.run()}
            tasks.extend(await opened.enter_async_context(running(works, "projection ended")))
            yield

    async def ready() -> dict[str, bool]:
        checks = {"eventLog": log.healthy, "tasks": follower.healthy and not any(task.done() for task in tasks)}
        if decisions is not None:
            checks["decisions"] = decisions.leads
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
            *preference_routes(commands),
            *account_routes(database),
            *balance_routes(database),
            *card_routes(commands, clock),
            *device_routes(commands),
            *push_token_routes(commands, clock),
            *projection_routes(projection, changes),
            *letter_routes(database, projection.replay),
        ],
        lifespan=lifespan,
        ready=ready,
        access=Access(settings.service_token, settings.service_token_secret),
    )


def _decisions(settings: Settings, database: Database) -> Decisions | None:
    """Return what keeps commands safe in the decision table; None where they stay on this machine."""
    if not settings.decision_table:
        return None
    return Decisions(
        database, DECIDED, partial(open_decision_table, settings.decision_table, "accounts", settings.aws_calls)
    )
