"""The account service: customers and what they hold; batch reads leave out what does not exist, in any order."""

from msgspec.json import Decoder

from clients.deadline import Deadline
from clients.downstream import Asked, Downstream
from clients.routes import Priority, Route, reads
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
    PushRevocation,
    PushTokenInput,
    PushTokenRemoval,
    StandingOrder,
)

_customers = Decoder(list[Customer])
_cards = Decoder(list[Card])
_balances = Decoder(list[Balance])
_devices = Decoder(list[Device])
_card = Decoder(Card)

CUSTOMERS = reads("/customers", _customers, Priority.BALANCES)
ALL_CUSTOMERS = reads("/customers/all", _customers, Priority.INSIGHTS)
ENTITLEMENTS = reads("/customers/{}/entitlements", Decoder(Entitlements), Priority.FRAUD)
ACCOUNTS = reads("/accounts", Decoder(list[Account]), Priority.BALANCES)
CARDS = reads("/cards", _cards, Priority.BALANCES)
FREEZE_CARD = Route("POST", "/cards/{}/freeze", _card, Priority.FRAUD, repeatable=True)
UNFREEZE_CARD = Route("POST", "/cards/{}/unfreeze", _card, Priority.BALANCES, repeatable=True)
BALANCES = reads("/balances", _balances, Priority.BALANCES)
CLOSING_BALANCES = reads("/balances/closing", _balances, Priority.BALANCES)
BALANCE_DAYS = reads("/balances/days", Decoder(list[BalanceDay]), Priority.INSIGHTS)
HOLDINGS = reads("/holdings", Decoder(list[Holding]), Priority.BALANCES)
STANDING_ORDERS = reads("/standing-orders", Decoder(list[StandingOrder]), Priority.BALANCES)
DEVICES = reads("/devices", _devices, Priority.BALANCES)
REGISTER_DEVICE = Route("POST", "/devices", Decoder(Device), Priority.BALANCES, repeatable=False)
REMOVE_DEVICE = Route("DELETE", "/devices/{}", Decoder(None), Priority.FRAUD, repeatable=False)
SET_PUSH_TOKEN = Route("PUT", "/devices/{}/push-token", Decoder(Device), Priority.BALANCES, repeatable=True)
REMOVE_PUSH_TOKEN = Route("POST", "/push-tokens/remove", Decoder(Device | None), Priority.FRAUD, repeatable=True)
REVOKE_PUSH_TOKENS = Route("POST", "/push-tokens/revoke", Decoder(None), Priority.FRAUD, repeatable=True)
PREFERENCES = reads("/preferences", Decoder(list[NotificationPreferences]), Priority.BALANCES)
SET_PREFERENCES = Route("PUT", "/preferences", Decoder(NotificationPreferences), Priority.BALANCES, repeatable=True)


class AccountsClient:
    """Typed calls to the account service; lists of ids have at most `IDS_PER_CALL_MAX` entries."""

    def __init__(self, service: Downstream) -> None:
        self._service = service

    async def ready(self) -> bool:
        """Say whether the service is ready."""
        return await self._service.ready()

    def customers(self, ids: list[str], deadline: Deadline) -> Asked[list[Customer]]:
        return self._service.call(CUSTOMERS, deadline, [("id", ids)])

    def all_customers(self, after: str, limit: int, deadline: Deadline) -> Asked[list[Customer]]:
        """Return customers after an id, in id order: for the demo's list and operators, never for a customer."""
        query = [("limit", str(limit)), *([("after", after)] if after else [])]
        return self._service.call(ALL_CUSTOMERS, deadline, query)

    def entitlements(self, customer_id: str, deadline: Deadline) -> Asked[Entitlements]:
        """Return everything the customer may see; raises NotFound for an unknown one."""
        return self._service.call(ENTITLEMENTS, deadline, segment=customer_id)

    def accounts(self, ids: list[str], deadline: Deadline) -> Asked[list[Account]]:
        return self._service.call(ACCOUNTS, deadline, [("id", ids)])

    def cards(self, ids: list[str], deadline: Deadline) -> Asked[list[Card]]:
        return self._service.call(CARDS, deadline, [("id", ids)])

    def cards_of(self, account_ids: list[str], deadline: Deadline) -> Asked[list[Card]]:
        return self._service.call(CARDS, deadline, [("accountId", account_ids)])

    def freeze_card(self, card_id: str, deadline: Deadline) -> Asked[Card]:
        """Freeze a card; repeating it changes nothing. Raises Conflict for an expired card."""
        return self._service.call(FREEZE_CARD, deadline, segment=card_id)

    def unfreeze_card(self, card_id: str, deadline: Deadline) -> Asked[Card]:
        """Lift a freeze; repeating it changes nothing. Raises Conflict for an expired card."""
        return self._service.call(UNFREEZE_CARD, deadline, segment=card_id)

    def balances(self, account_ids: list[str], deadline: Deadline) -> Asked[list[Balance]]:
        return self._service.call(BALANCES, deadline, [("accountId", account_ids)])

    def closing_balances(self, account_ids: list[str], on: str, deadline: Deadline) -> Asked[list[Balance]]:
        """Return the booked balances at the end of the day `on`."""
        return self._service.call(CLOSING_BALANCES, deadline, [("accountId", account_ids), ("on", on)])

    def balance_days(self, account_id: str, start: str, end: str, deadline: Deadline) -> Asked[list[BalanceDay]]:
        """Return the signed closing balance of each day with a booking, both dates included."""
        query = [("accountId", account_id), ("from", start), ("to", end)]
        return self._service.call(BALANCE_DAYS, deadline, query)

    def holdings(self, account_ids: list[str], deadline: Deadline) -> Asked[list[Holding]]:
        return self._service.call(HOLDINGS, deadline, [("accountId", account_ids)])

    def standing_orders(self, account_ids: list[str], deadline: Deadline) -> Asked[list[StandingOrder]]:
        return self._service.call(STANDING_ORDERS, deadline, [("accountId", account_ids)])

    def devices(self, ids: list[str], deadline: Deadline) -> Asked[list[Device]]:
        return self._service.call(DEVICES, deadline, [("id", ids)])

    def devices_of(self, customer_id: str, deadline: Deadline) -> Asked[list[Device]]:
        return self._service.call(DEVICES, deadline, [("customerId", customer_id)])

    def register_device(self, device: DeviceInput, deadline: Deadline) -> Asked[Device]:
        return self._service.call(REGISTER_DEVICE, deadline, body=device)

    def remove_device(self, device_id: str, deadline: Deadline) -> Asked[None]:
        return self._service.call(REMOVE_DEVICE, deadline, segment=device_id)

    def set_push_token(self, device_id: str, token: PushTokenInput, deadline: Deadline) -> Asked[Device]:
        """Give a device its push token; repeating it changes nothing. Raises NotFound for another's device."""
        return self._service.call(SET_PUSH_TOKEN, deadline, segment=device_id, body=token)

    def remove_push_token(self, removal: PushTokenRemoval, deadline: Deadline) -> Asked[Device | None]:
        """Take a token from the customer's device that has it; return the device, None when there is none."""
        return self._service.call(REMOVE_PUSH_TOKEN, deadline, body=removal)

    def revoke_push_tokens(self, revocation: PushRevocation, deadline: Deadline) -> Asked[None]:
        """End the pushes registered with revoked access tokens; repeating it changes nothing."""
        return self._service.call(REVOKE_PUSH_TOKENS, deadline, body=revocation)

    def preferences(self, customer_id: str, deadline: Deadline) -> Asked[list[NotificationPreferences]]:
        return self._service.call(PREFERENCES, deadline, [("customerId", customer_id)])

    def set_preferences(
        self, preferences: NotificationPreferences, deadline: Deadline
    ) -> Asked[NotificationPreferences]:
        return self._service.call(SET_PREFERENCES, deadline, body=preferences)
