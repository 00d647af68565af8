"""DataLoaders: one downstream call for each kind of thing and level of a query, however many fields ask.

Loads are shared between fields. graphql-core cancels the siblings of a failed non-null field, and a cancelled sibling
would cancel the future it shares with fields that still wait for it; a load of ours has no future that is shared.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable, Iterable
from functools import cached_property, partial
from typing import Generic, Protocol, TypeVar

from clients.backends import Backends
from clients.deadline import Deadline
from clients.routes import Query
from contracts.accounts import IDS_PER_CALL_MAX, Account, Balance, Card, Customer, Device, Holding, StandingOrder
from contracts.alerts import AnyAlert
from contracts.rules import AlertRule
from contracts.transactions import Transaction, TransactionPage
from resolvers.loads import All, Load, each

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


Batch = list[tuple[K, Load[T]]]


class Loader(Generic[K, T]):
    """Loads by key: what is asked for in one turn of the loop goes in one call, and nothing is asked for twice.

    As Strawberry's DataLoader behind a shield, without a future for each who waits (see resolvers/loads.py).
    """

    def __init__(self, load: Callable[[list[K]], Awaitable[list[T]]]) -> None:
        """Take what loads so many keys, at most `IDS_PER_CALL_MAX`, and answers in their order."""
        self._load = load
        self._loads: dict[K, Load[T]] = {}
        self._batch: Batch[K, T] = []
        self._loading: set[asyncio.Task[None]] = set()

    def load(self, key: K) -> Load[T]:
        """Ask for one key."""
        load = self._loads.get(key)
        if load is None:
            load = self._loads[key] = Load()
            if not self._batch or len(self._batch) == IDS_PER_CALL_MAX:
                loop = asyncio.get_running_loop()
                self._batch = []
                loop.call_soon(self._dispatch, loop, self._batch)
            self._batch.append((key, load))
        return load

    def load_each(self, keys: Iterable[K]) -> list[Load[T]]:
        """Ask for several keys at once; the load of each, in their order."""
        return each(keys, self.load)

    def load_many(self, keys: Iterable[K]) -> Load[list[T]]:
        """Ask for several keys at once; answers in their order."""
        return All(map(self.load, keys))

    def _dispatch(self, loop: asyncio.AbstractEventLoop, batch: Batch[K, T]) -> None:
        task = loop.create_task(self._run(batch))
        self._loading.add(task)
        task.add_done_callback(self._loading.discard)

    async def _run(self, batch: Batch[K, T]) -> None:
        if self._batch is batch:
            self._batch = []
        try:
            values = await self._load([key for key, _ in batch])
            if len(values) != len(batch):
                raise LookupError(f"{len(batch)} keys were asked for, {len(values)} answered.")
        except BaseException as error:
            for _, load in batch:
                load.settle(None, error)
            if not isinstance(error, Exception):
                raise
        else:
            for (_, load), value in zip(batch, values, strict=True):
                load.settle(value)


async def _load_by_id(
    fetch: Callable[[list[str], Deadline], Awaitable[list[I]]], deadline: Deadline, ids: list[str]
) -> list[I | None]:
    found = {struct.id: struct for struct in await fetch(ids, deadline)}
    return [found.get(id) for id in ids]


async def _load_by_account(
    fetch: Callable[[list[str], Deadline], Awaitable[list[O]]], deadline: Deadline, account_ids: list[str]
) -> list[list[O]]:
    found: defaultdict[str, list[O]] = defaultdict(list)
    for struct in await fetch(account_ids, deadline):
        found[struct.account_id].append(struct)
    return [found[account_id] for account_id in account_ids]


def by_id(fetch: Callable[[list[str], Deadline], Awaitable[list[I]]], deadline: Deadline) -> Loader[str, I | None]:
    """Return a loader of single structs by id; None for what does not exist."""
    return Loader(partial(_load_by_id, fetch, deadline))


def by_account(fetch: Callable[[list[str], Deadline], Awaitable[list[O]]], deadline: Deadline) -> Loader[str, list[O]]:
    """Return a loader of lists by account id, in the order the service answers."""
    return Loader(partial(_load_by_account, fetch, deadline))


class Loaders:
    """The loaders of one request, each made when it is first asked; it remembers what it loads until the request ends.

    A request asks for two or three of them: making all twelve cost more than executing a small query. No loader refers
    back to this, so that all that was loaded is freed with the request and not by the garbage collector.
    """

    def __init__(self, backends: Backends, deadline: Deadline) -> None:
        self._backends = backends
        self._deadline = deadline
        self._closing: dict[str, Loader[str, list[Balance]]] = {}
        self._pages: dict[tuple[tuple[str, str], ...], Loader[str, TransactionPage]] = {}

    @cached_property
    def customers(self) -> Loader[str, Customer | None]:
        """Customers by id."""
        return by_id(self._backends.accounts.customers, self._deadline)

    @cached_property
    def accounts(self) -> Loader[str, Account | None]:
        """Accounts by id."""
        return by_id(self._backends.accounts.accounts, self._deadline)

    @cached_property
    def cards(self) -> Loader[str, Card | None]:
        """Cards by id."""
        return by_id(self._backends.accounts.cards, self._deadline)

    @cached_property
    def devices(self) -> Loader[str, Device | None]:
        """Devices by id."""
        return by_id(self._backends.accounts.devices, self._deadline)

    @cached_property
    def transactions(self) -> Loader[str, Transaction | None]:
        """Transactions by id."""
        return by_id(self._backends.events.transactions, self._deadline)

    @cached_property
    def rules(self) -> Loader[str, AlertRule | None]:
        """Alert rules by id."""
        return by_id(self._backends.analytics.rules, self._deadline)

    @cached_property
    def alerts(self) -> Loader[str, AnyAlert | None]:
        """Alerts by id."""
        return by_id(self._backends.analytics.alerts, self._deadline)

    @cached_property
    def alerts_about(self) -> Loader[str, list[AnyAlert]]:
        """Alerts by the transaction that caused them."""
        return Loader(partial(_alerts_about, self._backends, self._deadline))

    @cached_property
    def balances(self) -> Loader[str, list[Balance]]:
        """Balances by account."""
        return by_account(self._backends.accounts.balances, self._deadline)

    @cached_property
    def cards_of(self) -> Loader[str, list[Card]]:
        """Cards by account."""
        return by_account(self._backends.accounts.cards_of, self._deadline)

    @cached_property
    def holdings(self) -> Loader[str, list[Holding]]:
        """Holdings by account."""
        return by_account(self._backends.accounts.holdings, self._deadline)

    @cached_property
    def standing_orders(self) -> Loader[str, list[StandingOrder]]:
        """Standing orders by account."""
        return by_account(self._backends.accounts.standing_orders, self._deadline)

    def closing_balances(self, on: str) -> Loader[str, list[Balance]]:
        """Return the loader of closing balances of the day `on`, by account id."""
        found = self._closing.get(on)
        if found is None:
            fetch = partial(_closing_balances, self._backends, on)
            found = self._closing[on] = by_account(fetch, self._deadline)
        return found

    def transaction_pages(self, query: Query) -> Loader[str, TransactionPage]:
        """Return the loader, by account id, of the pages that one set of filters and paging gives."""
        key = tuple(query)
        found = self._pages.get(key)
        if found is None:
            load = partial(_transaction_pages, self._backends, self._deadline, query)
            found = self._pages[key] = Loader(load)
        return found


async def _closing_balances(backends: Backends, on: str, account_ids: list[str], deadline: Deadline) -> list[Balance]:
    return await backends.accounts.closing_balances(account_ids, on, deadline)


async def _transaction_pages(
    backends: Backends, deadline: Deadline, query: Query, account_ids: list[str]
) -> list[TransactionPage]:
    pages = await backends.events.pages(account_ids, query, deadline)
    found = {one.account_id: one.page for one in pages}
    return [found.get(account_id) or TransactionPage([], False) for account_id in account_ids]


async def _alerts_about(backends: Backends, deadline: Deadline, transaction_ids: list[str]) -> list[list[AnyAlert]]:
    found: defaultdict[str | None, list[AnyAlert]] = defaultdict(list)
    for alert in await backends.analytics.alerts_about(transaction_ids, deadline):
        found[alert.transaction_id].append(alert)
    return [found[transaction_id] for transaction_id in transaction_ids]
