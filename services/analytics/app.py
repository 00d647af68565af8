"""The composition root of the analytics service: database, consumer and routes, put together and started."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from functools import partial
from typing import Protocol

from litestar import Litestar

from aws.clients import aws_client
from contracts.failures import Unavailable
from contracts.settings import Settings, service_url
from contracts.tls import service_client_tls
from contracts.vocabulary import NotificationChannel, PushPlatform
from services.access import Access
from services.analytics.alert_relay import AlertRelay
from services.analytics.alert_routes import alert_routes, own_pages, stream_routes
from services.analytics.answer_routes import Answering, answer_routes
from services.analytics.consumer import Consumer, Reader
from services.analytics.handing_over import HandingOver
from services.analytics.handoffs import CHANNELS, Bounds
from services.analytics.insight_routes import insight_routes
from services.analytics.instants import micros_at, utc_now
from services.analytics.notification_file import NOTIFICATIONS_FILE, NotificationFile
from services.analytics.notifications import Notifier
from services.analytics.projection_routes import projection_routes
from services.analytics.recipients import AccountService, Recipients
from services.analytics.rule_book import seed_bank_rules
from services.analytics.rule_routes import rule_routes
from services.analytics.signals import Signal
from services.analytics.sns_push import ATTEMPTS_MAX, READ_TIMEOUT_S, PushTokens, SnsPush
from services.analytics.tables import DECIDED, SCHEMA
from services.analytics.workspace import applied_offset
from services.database import Database, Store
from services.decision_outbox import leave
from services.decision_table import open_decision_table
from services.decisions import Decisions
from services.log_reader import LogReader
from services.service import create_service
from services.set_aside import letter_routes
from services.tasks import Tasks, running

VERSION = "1.0.0"
ALERT_GATHER_S = 0.03
"""Least time from one batch of a busy log to the next (`services/log_reader.py`): it is in the wait for an alert."""


class EventLog(Reader, Protocol):
    """A reader of the event log that knows whether it hears it."""

    @property
    def healthy(self) -> bool: ...


def create_app(
    settings: Settings,
    *,
    clock: Callable[[], datetime] = utc_now,
    event_log: EventLog | None = None,
    recipients: Recipients | None = None,
) -> Litestar:
    """Build the analytics service; nothing is opened before its lifespan starts.

    `event_log` and `recipients` replace the event and the account service.
    """
    database = Database(settings.data_dir / "analytics.sqlite3", SCHEMA)
    appended = Signal()
    tls = service_client_tls(settings)
    events_url = service_url(settings, "events")
    log = event_log or LogReader(events_url, token=settings.service_token, tls=tls, gather_s=ALERT_GATHER_S)
    accounts = AccountService(service_url(settings, "accounts"), token=settings.service_token, tls=tls)
    bounds = _bounds(settings)
    consumer = Consumer(database, settings.lateness_s, clock, appended, bounds)
    relay = _relay(settings, database, appended)
    decisions = _decisions(settings, database)
    commands: Store = decisions or database
    tasks: Tasks = []

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        async with AsyncExitStack() as opened:
            await database.start()
            opened.push_async_callback(database.stop)
            opened.push_async_callback(accounts.close)
            if decisions is None:
                await database.write(leave)
            else:
                await opened.enter_async_context(decisions.carrying())
            await database.write(seed_bank_rules)
            notifier = await opened.enter_async_context(_notifier(settings, database, accounts, clock))
            works = {}
            if relay is not None:
                await opened.enter_async_context(relay.opened())
                await relay.restore(bounds, micros_at(clock()))
                works["relay"] = relay.run()
            works["consumer"] = consumer.run(log)
            if bounds is not None:
                handing_over = HandingOver(database, recipients or accounts, notifier, bounds, clock, appended)
                works["hand-off"] = handing_over.run()
            tasks.extend(await opened.enter_async_context(running(works, "task ended")))
            yield

    async def ready() -> dict[str, bool]:
        tasks_run = not any(task.done() for task in tasks)
        checks = {"eventLog": log.healthy, "tasks": tasks_run and consumer.healthy}
        if decisions is not None:
            checks["decisions"] = decisions.leads
        try:
            await database.read(applied_offset)
        except Unavailable:
            return {"store": False, **checks}
        return {"store": True, **checks}

    return create_service(
        title="Belfry analytics service",
        version=VERSION,
        handlers=[
            *insight_routes(consumer.read_facts, clock),
            *rule_routes(commands, consumer.read_facts, clock),
            *alert_routes(database, relay.page if relay is not None else own_pages(database)),
            *answer_routes(Answering(database, appended, clock)),
            *stream_routes(database, appended),
            *projection_routes(database, consumer),
            *letter_routes(database, consumer.replay),
        ],
        lifespan=lifespan,
        ready=ready,
        access=Access(settings.service_token, settings.service_token_secret),
    )


def _relay(settings: Settings, database: Database, appended: Signal) -> AlertRelay | None:
    """Return what carries alerts to AWS; None where they stay on this machine."""
    if not settings.alert_table:
        return None
    return AlertRelay(database, appended, settings.alert_table, settings.alert_topic, settings.aws_calls)


@asynccontextmanager
async def _notifier(
    settings: Settings, database: Database, tokens: PushTokens, clock: Callable[[], datetime]
) -> AsyncGenerator[Notifier]:
    """Open what hands over to customers, for as long as the block runs."""
    if settings.push != "sns":
        yield NotificationFile(settings.data_dir / NOTIFICATIONS_FILE)
        return
    named = {PushPlatform.APNS: settings.push_apns_application, PushPlatform.FCM: settings.push_fcm_application}
    applications = {platform: arn for platform, arn in named.items() if arn}
    async with aws_client("sns", attempts_max=ATTEMPTS_MAX, read_timeout_s=READ_TIMEOUT_S) as sns:
        yield SnsPush(sns, database, tokens, applications, age_s_max=settings.push_age_s_max, clock=clock)


def _decisions(settings: Settings, database: Database) -> Decisions | None:
    """Return what keeps commands safe in the decision table; None where they stay on this machine."""
    if not settings.decision_table:
        return None
    return Decisions(
        database, DECIDED, partial(open_decision_table, settings.decision_table, "analytics", settings.aws_calls)
    )


def _bounds(settings: Settings) -> Bounds | None:
    """Return the bounds of handing over; None where alerts are not handed over."""
    if settings.push == "off":
        return None
    return Bounds(
        settings.push_high_after_s,
        settings.push_critical_after_s,
        settings.push_sms_after_s,
        settings.push_age_s_max,
        settings.push_event_age_s_max,
        channels=(NotificationChannel.PUSH,) if settings.push == "sns" else CHANNELS,
    )
