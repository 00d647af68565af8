"""The HTTP interface of alerts, their log and their live stream. See docs/architecture.md."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, cast

from litestar import Response, get
from litestar.handlers import BaseRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromQuery, QueryParameter
from litestar.response import Stream

from contracts.alerts import (
    AlertLogPage,
    AlertPage,
    AnyAlert,
)
from contracts.transactions import ACCOUNTS_PER_CALL_MAX
from contracts.vocabulary import AlertKind, AlertSeverity, AlertState
from services.analytics.alert_queries import PAGE_MAX, StoredLogPage, alert_page, alerts_by, log_page, unread_counts
from services.analytics.alert_streams import FROM_NOW, WAIT_S_MAX, follow, start_of
from services.analytics.signals import Signal
from services.database import Database

LOG_PAGE_MAX = 1000
OFFSET_MAX = 2**53
NDJSON = "application/x-ndjson"

CustomerId = Annotated[str, QueryParameter(name="customerId", max_length=64)]
CustomerIds = Annotated[list[str], QueryParameter(name="customerId", min_items=1, max_items=ACCOUNTS_PER_CALL_MAX)]
Ids = Annotated[list[str], QueryParameter(name="id", min_items=1, max_items=ACCOUNTS_PER_CALL_MAX)]
TransactionIds = Annotated[
    list[str], QueryParameter(name="transactionId", min_items=1, max_items=ACCOUNTS_PER_CALL_MAX)
]
Offset = Annotated[int, QueryParameter(ge=0, le=OFFSET_MAX)]

ReadPage = Callable[[str, int, int], Awaitable[StoredLogPage]]
"""(customer id, after seq, limit) -> a page of the customer's log."""


def own_pages(database: Database) -> ReadPage:
    """Return what reads a page from this service's own database."""

    async def read_page(customer_id: str, after: int, limit: int) -> StoredLogPage:
        return await database.read(lambda c: log_page(c, customer_id, after, limit))

    return read_page


def alert_routes(database: Database, read_page: ReadPage) -> list[BaseRouteHandler]:
    """Return the handlers that read alerts; a page of a customer's log is read by `read_page`."""

    @get("/alerts", responses=_answers(AlertPage), summary="A page of a customer's alerts, newest first")
    async def list_alerts(
        customer_id: CustomerId,
        first: Annotated[int, QueryParameter(ge=1, le=PAGE_MAX)] = 20,
        after: FromQuery[str | None] = None,
        states: Annotated[list[AlertState] | None, QueryParameter(name="state", max_items=len(AlertState))] = None,
        kind: Annotated[list[AlertKind] | None, QueryParameter(max_items=len(AlertKind))] = None,
        minimum_severity: Annotated[AlertSeverity, QueryParameter(name="minimumSeverity")] = AlertSeverity.INFO,
    ) -> Response[Any]:
        narrowed = (states or (), minimum_severity, kind or ())
        return Response(await database.read(lambda c: alert_page(c, customer_id, first, after, *narrowed)))

    @get("/alerts/by-id", responses=_answers(list[AnyAlert]), summary="Alerts by id")
    async def list_by_id(ids: Ids) -> Response[Any]:
        return Response(await database.read(lambda c: alerts_by(c, "id", ids)))

    @get("/alerts/by-transaction", responses=_answers(list[AnyAlert]), summary="Alerts about transactions")
    async def list_about(transaction_ids: TransactionIds) -> Response[Any]:
        return Response(await database.read(lambda c: alerts_by(c, "transaction_id", transaction_ids)))

    @get("/alerts/unread-counts", summary="How many alerts of each customer are unread: NEW or SEEN")
    async def read_unread_counts(customer_ids: CustomerIds) -> dict[str, int]:
        return await database.read(lambda c: unread_counts(c, customer_ids))

    @get("/alert-log", responses=_answers(AlertLogPage), summary="A customer's log after a seq, in order")
    async def read_log(
        customer_id: CustomerId,
        after: Offset = 0,
        limit: Annotated[int, QueryParameter(ge=1, le=LOG_PAGE_MAX)] = 100,
    ) -> Response[Any]:
        return Response(await read_page(customer_id, after, limit))

    return [list_alerts, list_by_id, list_about, read_unread_counts, read_log]


def stream_routes(database: Database, appended: Signal) -> list[BaseRouteHandler]:
    """Return the handler of the live stream."""

    @get(
        "/alerts/stream",
        responses={200: ResponseSpec(bytes, media_type=NDJSON, description="An AlertLogEntry a line")},
        summary="Follow all customers' logs after an offset as NDJSON; -1: from now",
    )
    async def stream_alerts(
        after: Annotated[int, QueryParameter(ge=FROM_NOW, le=OFFSET_MAX)] = 0,
        wait: Annotated[float, QueryParameter(ge=0, le=WAIT_S_MAX)] = 30,
    ) -> Stream:
        start = await start_of(database, after)
        return Stream(follow(database, appended, start, wait, announce=after == FROM_NOW), media_type=NDJSON)

    return [stream_alerts]


def _answers(kind: object) -> dict[int, ResponseSpec]:
    return {200: ResponseSpec(cast("Any", kind), description="As stored", generate_examples=False)}
