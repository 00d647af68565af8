"""The one place where ownership is decided. Every path asks here: node, nodes, lists, ids in inputs, subscriptions.

The services are asked the same either way, so that not even the time an answer takes tells which it was.

A customer sees the accounts they hold (in any role), the cards and devices their entitlements name, and alerts and
rules that carry their id; bank-wide rules are everyone's. What is not theirs is treated like what does not exist.
"""

import asyncio

import msgspec

from clients.backends import Backends
from clients.deadline import Deadline
from contracts.accounts import Entitlements
from contracts.alerts import Alert
from contracts.failures import NotFound
from contracts.rules import AlertRule
from contracts.transactions import Transaction
from resolvers.loads import Load


class Access(msgspec.Struct, eq=False):
    """What one customer may see, read once (from the account service) when first asked."""

    customer_id: str
    _backends: Backends
    _deadline: Deadline
    _owns: "Load[Owned] | None" = None
    _loading: asyncio.Task[None] | None = None

    def account_ids(self) -> Load[list[str]]:
        """Load the customer's accounts, in the account service's order."""
        return self.owned().then(_account_ids)

    async def card_ids(self) -> list[str]:
        """Return the cards the customer may see."""
        return (await self.owned()).card_ids

    async def account(self, account_id: str | None) -> bool:
        """Say whether the account is one of the customer's."""
        return account_id is not None and account_id in (await self.owned()).accounts

    async def card(self, card_id: str | None) -> bool:
        """Say whether the customer may see (and freeze) the card."""
        return card_id is not None and card_id in (await self.owned()).cards

    async def device(self, device_id: str | None) -> bool:
        """Say whether the device is the customer's."""
        return device_id is not None and device_id in (await self.owned()).devices

    async def transaction(self, transaction: Transaction | None) -> bool:
        """Say whether the transaction is on one of the customer's accounts."""
        # Asked whether or not there is one: a call more for what is another's would tell that it exists.
        accounts = (await self.owned()).accounts
        return transaction is not None and transaction.account_id in accounts

    async def accounts_among(self, account_ids: list[str]) -> list[str]:
        """Return those of the ids that are the customer's accounts, in the order given."""
        accounts = (await self.owned()).accounts
        return [account_id for account_id in account_ids if account_id in accounts]

    def customer(self, customer_id: str) -> bool:
        """Say whether this is the customer."""
        return customer_id == self.customer_id

    def alert(self, alert: Alert | None) -> bool:
        """Say whether the alert was raised for the customer."""
        return alert is not None and alert.customer_id == self.customer_id

    def rule(self, rule: AlertRule | None) -> bool:
        """Say whether the rule is the customer's own or bank-wide."""
        return rule is not None and rule.customer_id in (None, self.customer_id)

    def owned(self) -> "Load[Owned]":
        """Load all that is the customer's."""
        # In a task that is nobody's: a cancelled field must not take the others' answer with it.
        if self._owns is None:
            self._owns = Load()
            self._loading = asyncio.create_task(self._load(self._owns))
        return self._owns

    async def _load(self, owns: "Load[Owned]") -> None:
        try:
            entitlements = await self._backends.accounts.entitlements(self.customer_id, self._deadline)
        except NotFound:
            entitlements = Entitlements(self.customer_id, [], [], [])
        except BaseException as error:
            owns.settle(None, error)
            if not isinstance(error, Exception):
                raise
            return
        owns.settle(Owned(entitlements))


class Owned:
    """Entitlements as sets of ids, for lookups."""

    def __init__(self, entitlements: Entitlements) -> None:
        self.account_ids = [entitlement.account_id for entitlement in entitlements.accounts]
        self.card_ids = entitlements.card_ids
        self.accounts = frozenset(self.account_ids)
        self.cards = frozenset(entitlements.card_ids)
        self.devices = frozenset(entitlements.device_ids)


def _account_ids(owned: Owned) -> list[str]:
    return owned.account_ids
