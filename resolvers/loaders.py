"""DataLoaders: one downstream call for each kind of thing and level of a query, however many fields ask.

Loads are shared between fields. graphql-core cancels the siblings of a failed non-null field, and a cancelled sibling
would cancel the future it shares with fields that still wait for it; so everyone waits on a shield of the shared load.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable, Iterable
from typing import Generic, Protocol, TypeVar

from strawberry.dataloader import DataLoader

from clients.backends import Backends
from clients.deadline import Deadline
from clients.downstream import Query
from contracts.accounts import IDS_PER_CALL_MAX, Account, Balance, Card, Customer, Device, Holding, StandingOrder
from contracts.alerts import AnyAlert
from contracts.rules import AlertRule
from contracts.transactions import Transaction, TransactionPage

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Identified(Protocol):
    """A struct that has an id."""

    @property
    def id(self) -> str: ...


class OfAccount(Protocol):
    """A struct that belongs to an account."""

    @property
    def account_id(self) -> str: ...


I = TypeVar("I", bound=Identified)  # noqa: E741 - the type variable of the protocol above
O = TypeVar("O", bound=OfAccount)  # noqa: E741 - the same


class Loader(Generic[K, T]):
    """A DataLoader whose loads outlive the cancellation of any one of those who wait."""

    def __init__(self, load: Callable[[list[K]], Awaitable[list[T]]]) -> None:
        self._loader: DataLoader[K, T] = DataLoader(load, max_batch_size=IDS_PER_CALL_MAX)

    def load(self, key: K) -> Awaitable[T]:
        """Ask for one key; all that is asked for in the same turn of the loop goes in one call."""
        return asyncio.shield(self._loader.load(key))

    async def load_many(self, keys: Iterable[K]) -> list[T]:
        """Ask for several keys at once; answers in their order."""
        return await asyncio.gather(*map(self.load, keys))


def by_id(fetch: Callable[[list[str], Deadline], Awaitable[list[I]]], deadline: Deadline) -> Loader[str, I | None]:
    """Return a loader of single structs by id; None for what does not exist."""

    async def load(ids: list[str]) -> list[I | None]:
        found = {struct.id: struct for struct in await fetch(ids, deadline)}
        return [found.get(id) for id in ids]

    return Loader(load)


def by_account(fetch: Callable[[list[str], Deadline], Awaitable[list[O]]], deadline: Deadline) -> Loader[str, list[O]]:
    """Return a loader of lists by account id, in the order the service answers."""

    async def load(account_ids: list[str]) -> list[list[O]]:
        found: defaultdict[str, list[O]] = defaultdict(list)
        for struct in await fetch(account_ids, deadline):
            found[struct.account_id].append(struct)
        return [found[account_id] for account_id in account_ids]

    return Loader(load)


class Loaders:
    """The loaders of one request; each remembers what it has loaded until the request ends."""

    def __init__(self, backends: Backends, deadline: Deadline) -> None:
        self._backends = backends
        self._deadline = deadline
        accounts, events, analytics = backends.accounts, backends.events, backends.analytics
        self.customers: Loader[str, Customer | None] = by_id(accounts.customers, deadline)
        self.accounts: Loader[str, Account | None] = by_id(accounts.accounts, deadline)
        self.cards: Loader[str, Card | None] = by_id(accounts.cards, deadline)
        self.devices: Loader[str, Device | None] = by_id(accounts.devices, deadline)
        self.transactions: Loader[str, Transaction | None] = by_id(events.transactions, deadline)
        self.rules: Loader[str, AlertRule | None] = by_id(analytics.rules, deadline)
        self.alerts: Loader[str, AnyAlert | None] = by_id(analytics.alerts, deadline)
        self.alerts_about: Loader[str, list[AnyAlert]] = Loader(self._alerts_about)
        self.balances: Loader[str, list[Balance]] = by_account(accounts.balances, deadline)
        self.cards_of: Loader[str, list[Card]] = by_account(accounts.cards_of, deadline)
        self.holdings: Loader[str, list[Holding]] = by_account(accounts.holdings, deadline)
        self.standing_orders: Loader[str, list[StandingOrder]] = by_account(accounts.standing_orders, deadline)
        self._closing: dict[str, Loader[str, list[Balance]]] = {}
        self._pages: dict[tuple[tuple[str, str], ...], Loader[str, TransactionPage]] = {}

    def closing_balances(self, on: str) -> Loader[str, list[Balance]]:
        """Return the loader of closing balances of the day `on`, by account id."""

        async def fetch(account_ids: list[str], deadline: Deadline) -> list[Balance]:
            return await self._backends.accounts.closing_balances(account_ids, on, deadline)

        return self._closing.setdefault(on, by_account(fetch, self._deadline))

    def transaction_pages(self, query: Query) -> Loader[str, TransactionPage]:
        """Return the loader, by account id, of the pages that one set of filters and paging gives."""

        async def load(account_ids: list[str]) -> list[TransactionPage]:
            pages = await self._backends.events.pages(account_ids, query, self._deadline)
            found = {one.account_id: one.page for one in pages}
            return [found.get(account_id) or TransactionPage([], False) for account_id in account_ids]

        return self._pages.setdefault(tuple(query), Loader(load))

    async def _alerts_about(self, transaction_ids: list[str]) -> list[list[AnyAlert]]:
        found: defaultdict[str | None, list[AnyAlert]] = defaultdict(list)
        for alert in await self._backends.analytics.alerts_about(transaction_ids, self._deadline):
            found[alert.transaction_id].append(alert)
        return [found[transaction_id] for transaction_id in transaction_ids]
