"""The HTTP interface of customers, what they may see, and their preferences. See docs/architecture.md."""

from typing import Annotated

from litestar import get, put
from litestar.handlers import BaseRouteHandler
from litestar.params import FromPath, JSONBody, QueryParameter

from contracts.accounts import IDS_PER_CALL_MAX, Customer, Entitlements, NotificationPreferences
from services.accounts.customers import customers_after, customers_by_id, entitlements_of
from services.accounts.ids import CustomerIds, Ids
from services.accounts.preferences import preferences_of, put_preferences
from services.database import Database, Store


def customer_routes(database: Database) -> list[BaseRouteHandler]:
    """Return the handlers of customers."""

    @get("/customers", summary="Customers by id")
    async def list_customers(ids: Ids) -> list[Customer]:
        return await database.read(lambda connection: customers_by_id(connection, ids))

    @get("/customers/all", summary="All customers in id order, for the demo's list and for operators")
    async def list_all(
        after: Annotated[str, QueryParameter(max_length=64)] = "",
        limit: Annotated[int, QueryParameter(ge=1, le=IDS_PER_CALL_MAX)] = 100,
    ) -> list[Customer]:
        return await database.read(lambda connection: customers_after(connection, after, limit))

    @get("/customers/{customer_id:str}/entitlements", summary="Every account, card and device a customer may see")
    async def read_entitlements(customer_id: FromPath[str]) -> Entitlements:
        return await database.read(lambda connection: entitlements_of(connection, customer_id))

    return [list_customers, list_all, read_entitlements]


def preference_routes(database: Store) -> list[BaseRouteHandler]:
    """Return the handlers of notification preferences."""

    @get("/preferences", summary="The notification preferences of customers, the defaults where none were set")
    async def list_preferences(customer_ids: CustomerIds) -> list[NotificationPreferences]:
        return await database.read(lambda connection: preferences_of(connection, customer_ids))

    @put("/preferences", summary="Replace a customer's notification preferences")
    async def replace_preferences(data: JSONBody[NotificationPreferences]) -> NotificationPreferences:
        return await database.write(lambda connection: put_preferences(connection, data))

    return [list_preferences, replace_preferences]
