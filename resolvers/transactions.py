"""Transactions: pages of them, and what one leads to."""

from collections.abc import Awaitable

import msgspec

from clients.routes import Query
from contracts.accounts import Account, Card
from contracts.alerts import AnyAlert
from contracts.failures import Rejected
from contracts.transactions import Transaction, TransactionPage
from contracts.vocabulary import CreditDebitIndicator, SpendingCategory, TransactionStatus
from resolvers.accounts import required_account
from resolvers.bounds import paging
from resolvers.context import Info
from resolvers.loads import Load
from resolvers.node_ids import ids_of

TEXT_CHARACTERS_MAX = 140
"""Longest text searched for."""


class TransactionFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which transactions; every condition given must hold, lists mean any of theirs. Dates are both included."""

    account_ids: list[str] | None = None
    """Global ids, as the app knows them."""
    start: str | None = None
    end: str | None = None
    min_amount: str | None = None
    max_amount: str | None = None
    categories: list[SpendingCategory] | None = None
    statuses: list[TransactionStatus] | None = None
    direction: CreditDebitIndicator | None = None
    text: str | None = None

    def query(self) -> Query:
        """Return the conditions but the accounts as the event service takes them.

        Raises:
            Rejected: `TEXT_TOO_LONG` or `BAD_PERIOD`.
        """
        if self is NO_CONDITIONS:
            return []
        if self.text is not None and len(self.text) > TEXT_CHARACTERS_MAX:
            raise Rejected(f"The text has more than {TEXT_CHARACTERS_MAX} characters.", code="TEXT_TOO_LONG")
        if self.start is not None and self.end is not None and self.end < self.start:
            raise Rejected("The period ends before it starts.", code="BAD_PERIOD", pointer="/filter")
        single = [
            ("from", self.start),
            ("to", self.end),
            ("minAmount", self.min_amount),
            ("maxAmount", self.max_amount),
            ("direction", self.direction and self.direction.value),
            ("text", self.text),
        ]
        repeated = [
            *(("category", category.value) for category in self.categories or ()),
            *(("status", status.value) for status in self.statuses or ()),
        ]
        return [*((name, value) for name, value in single if value), *repeated]

    def names(self, account_id: str) -> bool:
        """Say whether the account is among those asked for."""
        return self.account_ids is None or account_id in ids_of("Account", self.account_ids)


NO_CONDITIONS = TransactionFilter()
"""All of them."""


def page_of_account(
    root: Account, info: Info, filter: TransactionFilter, first: int, after: str | None
) -> TransactionPage | Load[TransactionPage]:
    """Load a page of one account; accounts asked with the same arguments share one call."""
    query = [*filter.query(), *paging(first, after)]
    if not filter.names(root.id):
        return TransactionPage([], False)
    return info.context.loaders.transaction_pages(query).load(root.id)


async def page_of_customer(info: Info, filter: TransactionFilter, first: int, after: str | None) -> TransactionPage:
    """Return a page over all the caller's accounts, or over those of them the filter names."""
    query = [*filter.query(), *paging(first, after)]
    access = info.context.access
    if filter.account_ids is None:
        account_ids = await access.account_ids()
    else:
        account_ids = await access.accounts_among(ids_of("Account", filter.account_ids))
    if not account_ids:
        return TransactionPage([], False)
    return await info.context.backends.events.page(account_ids, query, info.context.deadline)


async def owned_transactions(info: Info, transaction_ids: list[str]) -> list[Transaction]:
    """Return those of the transactions that exist and are on the caller's accounts, in the order given."""
    found = await info.context.loaders.transactions.load_many(transaction_ids)
    return [one for one in found if one is not None and await info.context.access.transaction(one)]


def nodes(root: TransactionPage) -> list[Transaction]:
    """Return the transactions of a page without their cursors."""
    return [edge.node for edge in root.edges]


def account(root: Transaction, info: Info) -> Awaitable[Account]:
    """Return the account it moved."""
    return required_account(info, root.account_id)


async def card(root: Transaction, info: Info) -> Card | None:
    """Return the card it was paid with; None without one, or for another holder's card."""
    if root.card_id is None or not await info.context.access.card(root.card_id):
        return None
    return await info.context.loaders.cards.load(root.card_id)


async def alerts(root: Transaction, info: Info) -> list[AnyAlert]:
    """Return the alerts the transaction caused for the caller."""
    found = await info.context.loaders.alerts_about.load(root.id)
    own = [alert for alert in found if info.context.access.alert(alert)]
    info.context.trail.showed(own)
    return own
