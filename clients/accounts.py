"""The account service: customers and what they hold; batch reads leave out what does not exist, in any order."""

from msgspec.json import Decoder

from clients.deadline import Deadline
from clients.downstream import Downstream, repeated, segment, target
from contracts.accounts import (
    Account,
    Balance,
    BalanceDay,
    Card,
    Customer,
    Device,
    DeviceInput,
    Entitlements,
    Holding,
    NotificationPreferences,
    StandingOrder,
)

_account = Decoder(list[Account])
_balances = Decoder(list[Balance])
_days = Decoder(list[BalanceDay])
_card, _cards = Decoder(Card), Decoder(list[Card])
_customers = Decoder(list[Customer])
_device, _devices = Decoder(Device), Decoder(list[Device])
_entitlements = Decoder(Entitlements)
_holdings = Decoder(list[Holding])
_orders = Decoder(list[StandingOrder])
_preference, _preferences = Decoder(NotificationPreferences), Decoder(list[NotificationPreferences])


class AccountsClient:
    """Typed calls to the account service; lists of ids have at most `IDS_PER_CALL_MAX` entries."""

    def __init__(self, service: Downstream) -> None:
        self._service = service

    async def ready(self) -> bool:
        """Say whether the service is ready."""
        return await self._service.ready()

    async def customers(self, ids: list[str], deadline: Deadline) -> list[Customer]:
        return await self._service.get(target("/customers", repeated("id", ids)), _customers, deadline)

    async def all_customers(self, after: str, limit: int, deadline: Deadline) -> list[Customer]:
        """Return customers after an id, in id order: for the demo's list and operators, never for a customer."""
        query = [("limit", str(limit)), *([("after", after)] if after else [])]
        return await self._service.get(target("/customers/all", query), _customers, deadline)

    async def entitlements(self, customer_id: str, deadline: Deadline) -> Entitlements:
        """Return everything the customer may see; raises NotFound for an unknown one."""
        path = f"/customers/{segment(customer_id)}/entitlements"
        return await self._service.get(path, _entitlements, deadline)

    async def accounts(self, ids: list[str], deadline: Deadline) -> list[Account]:
        return await self._service.get(target("/accounts", repeated("id", ids)), _account, deadline)

    async def cards(self, ids: list[str], deadline: Deadline) -> list[Card]:
        return await self._service.get(target("/cards", repeated("id", ids)), _cards, deadline)

    async def cards_of(self, account_ids: list[str], deadline: Deadline) -> list[Card]:
        return await self._service.get(target("/cards", repeated("accountId", account_ids)), _cards, deadline)

    async def freeze_card(self, card_id: str, deadline: Deadline) -> Card:
        """Freeze a card; repeating it changes nothing. Raises Conflict for an expired card."""
        return await self._service.post(f"/cards/{segment(card_id)}/freeze", None, _card, deadline)

    async def unfreeze_card(self, card_id: str, deadline: Deadline) -> Card:
        """Lift a freeze; repeating it changes nothing. Raises Conflict for an expired card."""
        return await self._service.post(f"/cards/{segment(card_id)}/unfreeze", None, _card, deadline)

    async def balances(self, account_ids: list[str], deadline: Deadline) -> list[Balance]:
        return await self._service.get(target("/balances", repeated("accountId", account_ids)), _balances, deadline)

    async def closing_balances(self, account_ids: list[str], on: str, deadline: Deadline) -> list[Balance]:
        """Return the booked balances at the end of the day `on`."""
        query = [*repeated("accountId", account_ids), ("on", on)]
        return await self._service.get(target("/balances/closing", query), _balances, deadline)

    async def balance_days(self, account_id: str, start: str, end: str, deadline: Deadline) -> list[BalanceDay]:
        """Return the signed closing balance of each day with a booking, both dates included."""
        query = [("accountId", account_id), ("from", start), ("to", end)]
        return await self._service.get(target("/balances/days", query), _days, deadline)

    async def holdings(self, account_ids: list[str], deadline: Deadline) -> list[Holding]:
        return await self._service.get(target("/holdings", repeated("accountId", account_ids)), _holdings, deadline)

    async def standing_orders(self, account_ids: list[str], deadline: Deadline) -> list[StandingOrder]:
        path = target("/standing-orders", repeated("accountId", account_ids))
        return await self._service.get(path, _orders, deadline)

    async def devices(self, ids: list[str], deadline: Deadline) -> list[Device]:
        return await self._service.get(target("/devices", repeated("id", ids)), _devices, deadline)

    async def devices_of(self, customer_id: str, deadline: Deadline) -> list[Device]:
        return await self._service.get(target("/devices", [("customerId", customer_id)]), _devices, deadline)

    async def register_device(self, device: DeviceInput, deadline: Deadline) -> Device:
        return await self._service.post("/devices", device, _device, deadline)

    async def remove_device(self, device_id: str, deadline: Deadline) -> None:
        await self._service.delete(f"/devices/{segment(device_id)}", deadline)

    async def preferences(self, customer_id: str, deadline: Deadline) -> list[NotificationPreferences]:
        path = target("/preferences", [("customerId", customer_id)])
        return await self._service.get(path, _preferences, deadline)

    async def set_preferences(
        self, preferences: NotificationPreferences, deadline: Deadline
    ) -> NotificationPreferences:
        return await self._service.put("/preferences", preferences, _preference, deadline)
