"""The interface Relay refetches by, and what pages have in common."""

from typing import Annotated, Any

import strawberry

from contracts.accounts import Account
from contracts.alerts import AlertPage
from contracts.transactions import TransactionPage
from contracts.vocabulary import AccountKind
from resolvers import pages
from schema.views import argument, field, type_name_of, view

ACCOUNT_KINDS = {
    AccountKind.CURRENT: "CurrentAccount",
    AccountKind.SAVINGS: "SavingsAccount",
    AccountKind.CARD: "CardAccount",
    AccountKind.SECURITIES: "SecuritiesAccount",
}
"""The one struct with several views: its kind says which."""


@strawberry.interface(description="Anything with a global id, by which `node` finds it again.")
class Node:
    node_id: strawberry.ID = field("Global id: opaque, stable, unique among all types.", name="id")

    @classmethod
    def resolve_type(cls, value: Any, *_: Any) -> str | None:
        """Return the name of the view on a struct."""
        return ACCOUNT_KINDS.get(value.kind) if type(value) is Account else type_name_of(value)


@view(TransactionPage, AlertPage, description="Where a page of a list stands.")
class PageInfo:
    has_next_page: bool = field("Whether there are more after this page.")
    has_previous_page: bool = field("Always false: pages are read forwards only.", computed=pages.has_previous_page)
    start_cursor: str | None = field("Cursor of the first edge; null on an empty page.", computed=pages.start_cursor)
    end_cursor: str | None = field(
        "Cursor of the last edge, for `after`; null on an empty page.", computed=pages.end_cursor
    )


First = Annotated[int, argument("Most nodes of the page, 1 to 100.")]
After = Annotated[str | None, argument("Continue after this `endCursor`; null: from the beginning.")]
