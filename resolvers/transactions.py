"""Transactions: pages of them, and what one leads to."""

from functools import partial

import msgspec

from clients.routes import Query
from contracts.accounts import Account, Card
from contracts.alerts import AnyAlert
from contracts.failures import Rejected
from contracts.transactions import Transaction, TransactionPage
from contracts.vocabulary import CreditDebitIndicator, SpendingCategory, TransactionStatus
from resolvers.accounts import cards_of, required_accounts
from resolvers.bounds import paging
from resolvers.context import Info, RequestContext
from resolvers.loads import Load, settled
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


NO_CONDITIONS = TransactionFilter()
"""All of them."""


def pages_of_accounts(
    roots: list[Account], context: RequestContext, filter: TransactionFilter, first: int, after: str | None
) -> list[Load[TransactionPage]]:
    """Load a page of each account; accounts asked with the same arguments share one call."""
    pages = context.loaders.transaction_pages([*filter.query(), *paging(first, after)])
    if filter.account_ids is None:
        return pages.load_each([root.id for root in roots])
    named = set(ids_of("Account", filter.account_ids))
    return [pages.load(root.id) if root.id in named else settled(TransactionPage([], False)) for root in roots]


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


def account(roots: list[Transaction], context: RequestContext) -> list[Load[Account]]:
    """Load the account it moved."""
    return required_accounts([root.account_id for root in roots], context)


def card(roots: list[Transaction], context: RequestContext) -> list[Load[Card | None]]:
    """Load the card it was paid with; None without one, or for another holder's card."""
    return cards_of([root.card_id for root in roots], context)


def alerts(roots: list[Transaction], context: RequestContext) -> list[Load[list[AnyAlert]]]:
    """Load the alerts the transaction caused for the caller."""
    loads = context.loaders.alerts_about.load_each([root.id for root in roots])
    return [load.then(partial(_own, context)) for load in loads]


def _own(context: RequestContext, found: list[AnyAlert]) -> list[AnyAlert]:
    own = [alert for alert in found if context.access.alert(alert)]
    context.trail.showed(own)
    return own
