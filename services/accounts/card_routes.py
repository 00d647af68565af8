"""The HTTP interface of cards and devices. See docs/architecture.md."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

from litestar import delete, get, post
from litestar.handlers import BaseRouteHandler
from litestar.params import FromPath, JSONBody, QueryParameter

from contracts.accounts import IDS_PER_CALL_MAX, Card, Device, DeviceInput
from contracts.failures import Rejected
from services.accounts.cards import cards_by_id, cards_of, freeze, unfreeze
from services.accounts.devices import devices_by_id, devices_of, register, remove
from services.database import Database

EitherIds = Annotated[list[str] | None, QueryParameter(name="id", min_items=1, max_items=IDS_PER_CALL_MAX)]
EitherAccountIds = Annotated[
    list[str] | None, QueryParameter(name="accountId", min_items=1, max_items=IDS_PER_CALL_MAX)
]
EitherCustomerIds = Annotated[
    list[str] | None, QueryParameter(name="customerId", min_items=1, max_items=IDS_PER_CALL_MAX)
]


def card_routes(database: Database, clock: Callable[[], datetime]) -> list[BaseRouteHandler]:
    """Return the handlers of cards; `clock` says what day it is."""

    def today() -> str:
        return clock().astimezone(UTC).date().isoformat()

    @get("/cards", summary="Cards by id, or every card of accounts")
    async def list_cards(ids: EitherIds = None, account_ids: EitherAccountIds = None) -> list[Card]:
        _check_one_of(ids, account_ids, "accountId")
        if ids is not None:
            return await database.read(lambda connection: cards_by_id(connection, ids, today()))
        return await database.read(lambda connection: cards_of(connection, account_ids or [], today()))

    @post("/cards/{card_id:str}/freeze", status_code=200, summary="Freeze a card; repeating it changes nothing")
    async def freeze_card(card_id: FromPath[str]) -> Card:
        return await database.write(lambda connection: freeze(connection, card_id, today()))

    @post(
        "/cards/{card_id:str}/unfreeze", status_code=200, summary="Lift a card's freeze; repeating it changes nothing"
    )
    async def unfreeze_card(card_id: FromPath[str]) -> Card:
        return await database.write(lambda connection: unfreeze(connection, card_id, today()))

    return [list_cards, freeze_card, unfreeze_card]


def device_routes(database: Database) -> list[BaseRouteHandler]:
    """Return the handlers of devices."""

    @get("/devices", summary="Devices by id, or every device of customers")
    async def list_devices(ids: EitherIds = None, customer_ids: EitherCustomerIds = None) -> list[Device]:
        _check_one_of(ids, customer_ids, "customerId")
        if ids is not None:
            return await database.read(lambda connection: devices_by_id(connection, ids))
        return await database.read(lambda connection: devices_of(connection, customer_ids or []))

    @post("/devices", summary="Register a trusted device")
    async def register_device(data: JSONBody[DeviceInput]) -> Device:
        return await database.write(lambda connection: register(connection, data))

    @delete("/devices/{device_id:str}", summary="Remove a device")
    async def remove_device(device_id: FromPath[str]) -> None:
        await database.write(lambda connection: remove(connection, device_id))

    return [list_devices, register_device, remove_device]


def _check_one_of(ids: list[str] | None, owner_ids: list[str] | None, owner: str) -> None:
    if (ids is None) == (owner_ids is None):
        raise Rejected(f"Give either id or {owner}, once or more.", code="BAD_INPUT", pointer="/id")
