"""The event service as the gateway uses it: transaction history. Producers speak to it themselves."""

from msgspec.json import Decoder

from clients.deadline import Deadline
from clients.downstream import Asked, Downstream
from clients.routes import Priority, Query, reads
from contracts.transactions import AccountTransactionPage, Transaction, TransactionPage

PAGE = reads("/transactions", Decoder(TransactionPage), Priority.BALANCES)
PAGES = reads("/transactions/by-account", Decoder(list[AccountTransactionPage]), Priority.BALANCES)
TRANSACTIONS = reads("/transactions/by-id", Decoder(list[Transaction]), Priority.BALANCES)


class EventsClient:
    """Typed calls to the event service; `query` holds the filters and paging of docs/architecture.md."""

    def __init__(self, service: Downstream) -> None:
        self._service = service

    async def ready(self) -> bool:
        """Say whether the service is ready."""
        return await self._service.ready()

    def page(self, account_ids: list[str], query: Query, deadline: Deadline) -> Asked[TransactionPage]:
        """Return one page over all the accounts together, newest first."""
        return self._service.call(PAGE, deadline, [("accountId", account_ids), *query])

    def pages(self, account_ids: list[str], query: Query, deadline: Deadline) -> Asked[list[AccountTransactionPage]]:
        """Return a page for each account, newest first."""
        return self._service.call(PAGES, deadline, [("accountId", account_ids), *query])

    def transactions(self, ids: list[str], deadline: Deadline) -> Asked[list[Transaction]]:
        return self._service.call(TRANSACTIONS, deadline, [("id", ids)])
