"""Transactions and their pages."""

from typing import Annotated

import strawberry

from contracts import transactions as structs
from resolvers import pages
from resolvers import transactions as resolvers
from resolvers.transactions import NO_CONDITIONS
from resolvers.transactions import TransactionFilter as Filter
from schema.enums import CreditDebitIndicator, SpendingCategory, TransactionStatus
from schema.money import Money
from schema.nodes import Node, PageInfo
from schema.references import AccountRef, AlertRef, CardRef
from schema.scalars import CountryCode, Date, DateTime, Decimal
from schema.views import argument, field, node_id, view


@view(structs.TransactionMerchant, description="Who was paid by card.")
class Merchant:
    name: str = field("Its name.")
    merchant_category_code: str | None = field("ISO 18245 code, four digits with leading zeros; null when not known.")
    category: SpendingCategory = field("What spending there counts as.")
    country: CountryCode | None = field("Where it is; null when not known.")


@view(structs.Transaction, description="A movement on an account; the same one while pending, booked or rejected.")
class Transaction(Node):
    node_id: strawberry.ID = node_id("Transaction")
    account: AccountRef | None = field(
        "The account it moves; null only when it could not be read.", each=resolvers.account
    )
    status: TransactionStatus = field("What has become of it.")
    credit_debit_indicator: CreditDebitIndicator = field("Its direction.")
    amount: Money = field("Amount in the account's currency; positive, see the indicator for its direction.")
    original_amount: Money | None = field("Amount before conversion; null when it was not converted.")
    booking_date: Date | None = field("Day it was booked; null while it is not.")
    value_date: Date | None = field("Day from which it counts for interest; null when not known.")
    occurred_at: DateTime = field("When it happened.")
    merchant: Merchant | None = field("Who was paid by card; null for other payments.")
    counterparty: str | None = field("Who paid or was paid; null when not known.")
    remittance_information: str | None = field("What the payer wrote; null when nothing.")
    end_to_end_id: str | None = field("The payer's own reference; null when none.")
    bank_transaction_code: str | None = field("ISO 20022 code of the kind of movement; null when not known.")
    category: SpendingCategory = field("What it was for.")
    purpose: str | None = field("The sender's own text for what it was for; null when not given.")
    balance_after: Money | None = field("The bank's booked balance after it, signed; null when it was not reported.")
    rejection_reason: str | None = field("Why it was rejected; null when it was not.")
    card: CardRef | None = field(
        "Card it was paid with; null without one or for another holder's.", each=resolvers.card
    )
    alerts: list[AlertRef] | None = field(
        "Alerts it caused for the customer; null when they could not be read.", each=resolvers.alerts
    )


@view(structs.TransactionEdge, description="A transaction in a page.")
class TransactionEdge:
    cursor: str = field("Its place, for `after`.")
    node: Transaction = field("The transaction.")


@view(structs.TransactionPage, description="A page of transactions, newest first.")
class TransactionConnection:
    edges: list[TransactionEdge] = field("The transactions with their places.")
    nodes: list[Transaction] = field("The transactions.", computed=resolvers.nodes)
    page_info: PageInfo = field("Where the page stands.", computed=pages.page_info)
    complete_from: DateTime | None = field(
        "What occurred before this is so long ago that it may not be kept any more; null: everything is kept."
    )


@strawberry.input(description="Which transactions: every condition given must hold; a list means any of its values.")
class TransactionFilter:
    account_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="On these accounts; ids of no account of the customer's find nothing. Null: all."
    )
    start: Date | None = strawberry.field(
        default=None, name="from", description="On this day (UTC) or later; null: from the first."
    )
    end: Date | None = strawberry.field(
        default=None, name="to", description="On this day (UTC) or earlier; null: to the last."
    )
    min_amount: Decimal | None = strawberry.field(default=None, description="At least this amount; null: any.")
    max_amount: Decimal | None = strawberry.field(default=None, description="At most this amount; null: any.")
    categories: list[SpendingCategory] | None = strawberry.field(
        default=None, description="Of these categories; null or empty: all."
    )
    statuses: list[TransactionStatus] | None = strawberry.field(
        default=None, description="In one of these states; null or empty: all."
    )
    direction: CreditDebitIndicator | None = strawberry.field(
        default=None, description="In this direction; null: both."
    )
    text: str | None = strawberry.field(
        default=None,
        description="In merchant, counterparty or remittance, whatever the case; at most 140 characters. Null: any.",
    )

    def conditions(self) -> Filter:
        """Return it as resolvers take it."""
        return Filter(**vars(self))


def conditions_of(filter: TransactionFilter | None) -> Filter:
    """Return the conditions; no filter has none."""
    return NO_CONDITIONS if filter is None else filter.conditions()


FilterArgument = Annotated[TransactionFilter | None, argument("Which transactions; null: all.")]
