"""The HTTP interface of how far the log is applied, and of what came too late."""

from typing import Annotated

import msgspec
from litestar import get
from litestar.handlers import BaseRouteHandler
from litestar.params import QueryParameter

from contracts.insights import LateEvent
from services.analytics.consumer import Consumer
from services.analytics.late_events import late_events
from services.database import Database

LATE_EVENTS_MAX = 1000


class Projection(msgspec.Struct, frozen=True, rename="camel"):
    """The last offset applied, and the milliseconds from the last batch's acceptance to its commit here."""

    offset: int
    lag_ms: int


def projection_routes(database: Database, consumer: Consumer) -> list[BaseRouteHandler]:
    """Return the handlers."""

    @get("/projection", summary="How far the event log is applied")
    async def read_projection() -> Projection:
        return Projection(consumer.offset, consumer.lag_ms)

    @get("/late-events", summary="Events that came after their window had closed, in the log's order")
    async def list_late_events(
        after: Annotated[int, QueryParameter(ge=0, le=2**53)] = 0,
        limit: Annotated[int, QueryParameter(ge=1, le=LATE_EVENTS_MAX)] = 100,
    ) -> list[LateEvent]:
        return await database.read(lambda c: late_events(c, after, limit))

    return [read_projection, list_late_events]
