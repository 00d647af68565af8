"""DataLoaders: one downstream call for each kind of thing and level of a query, however many fields ask.

Loads are shared between fields. graphql-core cancels the siblings of a failed non-null field, and a cancelled sibling
would cancel the future it shares with fields that still wait for it; a load of ours has no future that is shared.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable, Iterable
from functools import cached_property, partial
from typing import Any, Generic, Protocol, TypeVar, overload

from clients.backends import Backends
from clients.deadline import Deadline
from clients.routes import Query
from contracts.accounts import IDS_PER_CALL_MAX, Account, Balance, Card, Customer, Device, Holding, StandingOrder
from contracts.alerts import AnyAlert
from contracts.rules import AlertRule
from contracts.transactions import AccountTransactionPage, Transaction, TransactionPage
from resolvers.loads import All, Load

K = TypeVar("K", bound=Hashable)
R = TypeVar("R")
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


Fetch = Callable[[list[str], Deadline], Awaitable[list[T]]]
"""Reads what a service has for ids or account ids."""


class Loader(Generic[K, T]):
    """Loads by key: what is asked for in one turn of the loop goes in one call, and nothing is asked for twice.

    As Strawberry's DataLoader behind a shield, without a future for each who waits (see resolvers/loads.py).
    """

    @overload
    def __init__(self, fetch: Callable[[list[K]], Awaitable[list[T]]]) -> None: ...
    @overload
    def __init__(self, fetch: Callable[[list[K]], Awaitable[R]], arrange: Callable[[list[K], R], list[T]]) -> None: ...
    def __init__(
        self, fetch: Callable[[list[K]], Awaitable[Any]], arrange: Callable[[list[K], Any], list[T]] | None = None
    ) -> None:
        """Take what loads so many keys, at most `IDS_PER_CALL_MAX`, and what puts the answer in their order.

        Without the latter it comes in their order.
        """
        self._fetch = fetch
        self._arrange = arrange
        self._loads: dict[K, Load[T]] = {}
        self._batch: dict[K, Load[T]] = {}
        """What is asked for until the batch is dispatched."""
        self._loading: list[asyncio.Task[None]] = []
        """Kept as long as what they load, as the loop itself does not keep its tasks."""

    def load(self, key: K) -> Load[T]:
        """Ask for one key."""
        [load] = self.load_each((key,))
        return load

    def load_each(self, keys: Iterable[K]) -> list[Load[T]]:
        """Ask for several keys at once; the load of each, in their order."""
        loads = self._loads
        asked = []
        for key in keys:
            load = loads.get(key)
            if load is None:
                batch = self._batch
                if not batch or len(batch) == IDS_PER_CALL_MAX:
                    batch = self._begin()
                load = loads[key] = batch[key] = Load()
            asked.append(load)
        return asked

    def load_many(self, keys: Iterable[K]) -> Load[list[T]]:
        """Ask for several keys at once; answers in their order."""
        return All(self.load_each(keys))

    def _begin(self) -> dict[K, Load[T]]:
        loop = asyncio.get_running_loop()
        batch = self._batch = {}
        loop.call_soon(self._dispatch, loop, batch)
        return batch

    def _dispatch(self, loop: asyncio.AbstractEventLoop, batch: dict[K, Load[T]]) -> None:
        self._loading.append(loop.create_task(self._run(batch)))

    async def _run(self, batch: dict[K, Load[T]]) -> None:
        if self._batch is batch:
            self._batch = {}
        keys, loads = list(batch), batch.values()
        try:
            values = await self._fetch(keys)
            if self._arrange is not None:
                values = self._arrange(keys, values)
            if len(values) != len(keys):
                raise LookupError(f"{len(keys)} keys were asked for, {len(values)} answered.")
        except BaseException as error:
            for load in loads:
                load.settle(None, error)
            if not isinstance(error, Exception):
                raise
        else:
            for load, value in zip(loads, values, strict=True):
                load.settle(value)


def by_id(fetch: Fetch[I], deadline: Deadline) -> Loader[str, I | None]:
    """Return a loader of single structs by id; None for what does not exist."""
    return Loader(lambda ids: fetch(ids, deadline), _in_order_of_ids)


def by_account(fetch: Fetch[O], deadline: Deadline) -> Loader[str, list[O]]:
    """Return a loader of lists by account id, in the order the service answers."""
    return Loader(lambda account_ids: fetch(account_ids, deadline), _in_order_of_accounts)


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
        fetch = partial(self._backends.analytics.alerts_about, deadline=self._deadline)
        return Loader(fetch, _in_order_of_transactions)

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
            fetch = partial(self._backends.accounts.closing_balances, on=on, deadline=self._deadline)
            found = self._closing[on] = Loader(fetch, _in_order_of_accounts)
        return found

    def transaction_pages(self, query: Query) -> Loader[str, TransactionPage]:
        """Return the loader, by account id, of the pages that one set of filters and paging gives."""
        key = tuple(query)
        found = self._pages.get(key)
        if found is None:
            fetch = partial(self._backends.events.pages, query=query, deadline=self._deadline)
            found = self._pages[key] = Loader(fetch, _pages_in_order)
        return found


def _in_order_of_ids(ids: list[str], structs: list[I]) -> list[I | None]:
    found = {struct.id: struct for struct in structs}
    return [found.get(id) for id in ids]


def _in_order_of_accounts(account_ids: list[str], structs: list[O]) -> list[list[O]]:
    found: defaultdict[str, list[O]] = defaultdict(list)
    for struct in structs:
        found[struct.account_id].append(struct)
    return [found[account_id] for account_id in account_ids]


def _in_order_of_transactions(transaction_ids: list[str], alerts: list[AnyAlert]) -> list[list[AnyAlert]]:
    found: defaultdict[str | None, list[AnyAlert]] = defaultdict(list)
    for alert in alerts:
        found[alert.transaction_id].append(alert)
    return [found[transaction_id] for transaction_id in transaction_ids]


def _pages_in_order(account_ids: list[str], pages: list[AccountTransactionPage]) -> list[TransactionPage]:
    found = {one.account_id: one.page for one in pages}
    return [found.get(account_id) or TransactionPage([], False) for account_id in account_ids]
