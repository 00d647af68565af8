"""The HTTP interface of accounts, balances, holdings and standing orders. See docs/architecture.md."""

from datetime import date
from typing import Annotated

from litestar import get
from litestar.handlers import BaseRouteHandler
from litestar.params import FromQuery, QueryParameter

from contracts.accounts import Account, Balance, BalanceDay, Holding, StandingOrder
from contracts.failures import Rejected
from services.accounts.balances import balance_days, closing_balances, current_balances
from services.accounts.belongings import accounts_by_id, holdings_of, standing_orders_of
from services.accounts.ids import AccountIds, Ids
from services.database import Database


def account_routes(database: Database) -> list[BaseRouteHandler]:
    """Return the handlers of accounts and what they hold."""

    @get("/accounts", summary="Accounts by id")
    async def list_accounts(ids: Ids) -> list[Account]:
        return await database.read(lambda connection: accounts_by_id(connection, ids))

    @get("/holdings", summary="The positions of accounts, valued by the last price")
    async def list_holdings(account_ids: AccountIds) -> list[Holding]:
        return await database.read(lambda connection: holdings_of(connection, account_ids))

    @get("/standing-orders", summary="The standing orders of accounts")
    async def list_standing_orders(account_ids: AccountIds) -> list[StandingOrder]:
        return await database.read(lambda connection: standing_orders_of(connection, account_ids))

    return [list_accounts, list_holdings, list_standing_orders]


def balance_routes(database: Database) -> list[BaseRouteHandler]:
    """Return the handlers of balances."""

    @get("/balances", summary="The balances of accounts by type, now")
    async def list_balances(account_ids: AccountIds) -> list[Balance]:
        return await database.read(lambda connection: current_balances(connection, account_ids))

    @get("/balances/closing", summary="The booked balances of accounts at the end of a day")
    async def list_closing(account_ids: AccountIds, on: FromQuery[date]) -> list[Balance]:
        return await database.read(lambda connection: closing_balances(connection, account_ids, on.isoformat()))

    @get("/balances/days", summary="The closing balance of each day of a period with a booking or a statement")
    async def list_days(
        account_id: Annotated[str, QueryParameter(name="accountId")],
        start: Annotated[date, QueryParameter(name="from")],
        end: Annotated[date, QueryParameter(name="to")],
    ) -> list[BalanceDay]:
        if end < start:
            raise Rejected("The period ends before it starts.", code="BAD_PERIOD", pointer="/to")
        first, last = start.isoformat(), end.isoformat()
        return await database.read(lambda connection: balance_days(connection, account_id, first, last))

    return [list_balances, list_closing, list_days]
