"""The event service as the gateway uses it: transaction history. Producers speak to it themselves."""

from msgspec.json import Decoder

from clients.deadline import Deadline
from clients.downstream import Downstream, Query, repeated, target
from contracts.transactions import AccountTransactionPage, Transaction, TransactionPage

_page = Decoder(TransactionPage)
_pages = Decoder(list[AccountTransactionPage])
_transactions = Decoder(list[Transaction])


class EventsClient:
    """Typed calls to the event service; `query` holds the filters and paging of docs/architecture.md."""

    def __init__(self, service: Downstream) -> None:
        self._service = service

    async def ready(self) -> bool:
        """Say whether the service is ready."""
        return await self._service.ready()

    async def page(self, account_ids: list[str], query: Query, deadline: Deadline) -> TransactionPage:
        """Return one page over all the accounts together, newest first."""
        path = target("/transactions", [*repeated("accountId", account_ids), *query])
        return await self._service.get(path, _page, deadline)

    async def pages(self, account_ids: list[str], query: Query, deadline: Deadline) -> list[AccountTransactionPage]:
        """Return a page for each account, newest first."""
        path = target("/transactions/by-account", [*repeated("accountId", account_ids), *query])
        return await self._service.get(path, _pages, deadline)

    async def transactions(self, ids: list[str], deadline: Deadline) -> list[Transaction]:
        return await self._service.get(target("/transactions/by-id", repeated("id", ids)), _transactions, deadline)
