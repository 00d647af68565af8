"""The HTTP interface of the transaction history. See docs/architecture.md."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, cast

from litestar import Response, get
from litestar.di import NamedDependency, Provide
from litestar.handlers import BaseRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromQuery, QueryParameter

from contracts.transactions import (
    ACCOUNTS_PER_CALL_MAX,
    TRANSACTION_PAGE_MAX,
    AccountTransactionPage,
    Transaction,
    TransactionPage,
)
from contracts.vocabulary import CreditDebitIndicator, SpendingCategory, TransactionStatus
from services.database import Database
from services.events.history_queries import (
    Filter,
    merged_page,
    pages_by_account,
    read_cursor,
    transactions_by_id,
)

AMOUNT_PATTERN = r"\A[0-9]{1,15}(\.[0-9]{1,4})?\Z"
TEXT_LENGTH_MAX = 140

Ids = Annotated[list[str], QueryParameter(name="id", min_items=1, max_items=ACCOUNTS_PER_CALL_MAX)]
AccountIds = Annotated[list[str], QueryParameter(name="accountId", min_items=1, max_items=ACCOUNTS_PER_CALL_MAX)]
Wanted = NamedDependency[Filter]


def provide_filter(
    *,
    first: Annotated[int, QueryParameter(ge=1, le=TRANSACTION_PAGE_MAX)] = 20,
    after: FromQuery[str | None] = None,
    from_date: Annotated[date | None, QueryParameter(name="from")] = None,
    to_date: Annotated[date | None, QueryParameter(name="to")] = None,
    min_amount: Annotated[str | None, QueryParameter(name="minAmount", pattern=AMOUNT_PATTERN)] = None,
    max_amount: Annotated[str | None, QueryParameter(name="maxAmount", pattern=AMOUNT_PATTERN)] = None,
    category: Annotated[list[SpendingCategory] | None, QueryParameter(max_items=len(SpendingCategory))] = None,
    direction: FromQuery[CreditDebitIndicator | None] = None,
    status: Annotated[list[TransactionStatus] | None, QueryParameter(max_items=len(TransactionStatus))] = None,
    text: Annotated[str | None, QueryParameter(max_length=TEXT_LENGTH_MAX)] = None,
) -> Filter:
    """Read the query parameters that narrow a page.

    Raises:
        BadCursor: `after` is not a cursor of such a page.
    """
    return Filter(
        first=first,
        after=read_cursor(after) if after is not None else None,
        from_date=from_date.isoformat() if from_date is not None else None,
        to_date=to_date.isoformat() if to_date is not None else None,
        min_amount=Decimal(min_amount) if min_amount is not None else None,
        max_amount=Decimal(max_amount) if max_amount is not None else None,
        categories=category or (),
        direction=direction,
        statuses=status or (),
        text=text,
    )


def history_routes(database: Database) -> list[BaseRouteHandler]:
    """Return the handlers of the history."""
    narrowed = {"wanted": Provide(provide_filter, sync_to_thread=False)}

    @get(
        "/transactions",
        dependencies=narrowed,
        responses=_answers(TransactionPage),
        summary="A page over all the accounts",
    )
    async def list_transactions(account_ids: AccountIds, wanted: Wanted) -> Response[Any]:
        return Response(await database.read(lambda connection: merged_page(connection, account_ids, wanted)))

    @get(
        "/transactions/by-account",
        dependencies=narrowed,
        responses=_answers(list[AccountTransactionPage]),
        summary="A page for each account",
    )
    async def list_by_account(account_ids: AccountIds, wanted: Wanted) -> Response[Any]:
        return Response(await database.read(lambda connection: pages_by_account(connection, account_ids, wanted)))

    @get("/transactions/by-id", responses=_answers(list[Transaction]), summary="Transactions by id")
    async def list_by_id(ids: Ids) -> Response[Any]:
        return Response(await database.read(lambda connection: transactions_by_id(connection, ids)))

    return [list_transactions, list_by_account, list_by_id]


def _answers(kind: object) -> dict[int, ResponseSpec]:
    return {200: ResponseSpec(cast("Any", kind), description="Newest first", generate_examples=False)}
