"""The HTTP interface of cards and devices. See docs/architecture.md."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

from litestar import delete, get, post, put
from litestar.handlers import BaseRouteHandler
from litestar.params import FromPath, JSONBody, QueryParameter

from contracts.accounts import (
    IDS_PER_CALL_MAX,
    Card,
    Device,
    DeviceInput,
    PushRevocation,
    PushToken,
    PushTokenInput,
    PushTokenRemoval,
)
from contracts.failures import Rejected
from services.accounts.cards import cards_by_id, cards_of, freeze, unfreeze
from services.accounts.devices import devices_by_id, devices_of, register, remove
from services.accounts.ids import CustomerIds
from services.accounts.push_tokens import (
    push_tokens_of,
    register_push_token,
    remove_push_token,
    revoke_push_tokens,
)
from services.accounts.times import utc_time
from services.database import Store

EitherIds = Annotated[list[str] | None, QueryParameter(name="id", min_items=1, max_items=IDS_PER_CALL_MAX)]
EitherAccountIds = Annotated[
    list[str] | None, QueryParameter(name="accountId", min_items=1, max_items=IDS_PER_CALL_MAX)
]
EitherCustomerIds = Annotated[
    list[str] | None, QueryParameter(name="customerId", min_items=1, max_items=IDS_PER_CALL_MAX)
]


def card_routes(database: Store, clock: Callable[[], datetime]) -> list[BaseRouteHandler]:
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


def device_routes(database: Store) -> list[BaseRouteHandler]:
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


def push_token_routes(database: Store, clock: Callable[[], datetime]) -> list[BaseRouteHandler]:
    """Return the handlers of push tokens; tokens come in bodies, as paths are logged on the way."""

    @get("/push-tokens", summary="The push tokens of customers' devices, for who hands alerts over")
    async def list_push_tokens(customer_ids: CustomerIds) -> list[PushToken]:
        return await database.read(lambda connection: push_tokens_of(connection, customer_ids))

    @put("/devices/{device_id:str}/push-token", summary="Give a device its push token; repeating it changes nothing")
    async def put_push_token(device_id: FromPath[str], data: JSONBody[PushTokenInput]) -> Device:
        at = utc_time(clock().isoformat())
        return await database.write(lambda connection: register_push_token(connection, device_id, data, at))

    @post(
        "/push-tokens/remove",
        status_code=200,
        summary="Take a push token from the device that has it; null where none of the customer's does",
    )
    async def take_push_token(data: JSONBody[PushTokenRemoval]) -> Device | None:
        return await database.write(lambda connection: remove_push_token(connection, data))

    @post("/push-tokens/revoke", status_code=204, summary="End what was registered with revoked access tokens")
    async def revoke(data: JSONBody[PushRevocation]) -> None:
        await database.write(lambda connection: revoke_push_tokens(connection, data))

    return [list_push_tokens, put_push_token, take_push_token, revoke]


def _check_one_of(ids: list[str] | None, owner_ids: list[str] | None, owner: str) -> None:
    if (ids is None) == (owner_ids is None):
        raise Rejected(f"Give either id or {owner}, once or more.", code="BAD_INPUT", pointer="/id")
