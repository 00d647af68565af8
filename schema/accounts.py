"""Accounts: one interface, four kinds, all views on the one account struct."""

from typing import Annotated, Any

import strawberry

from contracts import accounts as structs
from contracts.transactions import TransactionPage
from contracts.vocabulary import AccountKind
from resolvers import accounts as resolvers
from resolvers import transactions
from resolvers.context import Info, RequestContext
from resolvers.loads import Load
from schema.costs import DAYS, PAGE
from schema.enums import AccountStatus, AccountUsage, BalanceType
from schema.holdings import Holding, StandingOrder
from schema.money import Balance, Money, PeriodInput
from schema.nodes import After, First, Node
from schema.references import CardRef
from schema.scalars import CurrencyCode, Date, Decimal
from schema.transactions import FilterArgument, TransactionConnection, conditions_of
from schema.views import STRUCTS, argument, field, node_id


def _balance(
    roots: list[structs.Account],
    context: RequestContext,
    type: Annotated[BalanceType, argument("Which balance.")] = BalanceType.INTERIM_AVAILABLE,
    on: Annotated[Date | None, argument("The booked balance at the end of this day instead; null: now.")] = None,
) -> list[Load[structs.Balance | None]]:
    return resolvers.balance(roots, context, type, on)


async def _balance_history(
    root: structs.Account, info: Info, period: Annotated[PeriodInput, argument("Which days, at most 3,700.")]
) -> list[structs.Balance]:
    return await resolvers.balance_history(root, info, period.start, period.end)


def _transactions(
    roots: list[structs.Account],
    context: RequestContext,
    filter: FilterArgument = None,
    first: First = 20,
    after: After = None,
) -> list[Load[TransactionPage]]:
    return transactions.pages_of_accounts(roots, context, conditions_of(filter), first, after)


@strawberry.interface(description="An account the customer holds, alone, jointly or as a delegate.")
class Account(Node):
    node_id: strawberry.ID = node_id("Account")
    display_name: str = field("What the customer calls it.")
    iban: str | None = field("International account number, ISO 13616; null where it has none.")
    currency: CurrencyCode = field("The currency it is kept in.")
    status: AccountStatus = field("Whether it can be used.")
    usage: AccountUsage = field("What it is used for.")
    opened_on: Date = field("Day it was opened.")
    balances: list[Balance] | None = field(
        "Its balances now, one of each type; null when they could not be read.", each=resolvers.balances
    )
    balance: Balance | None = field(
        "One balance; null where there is none, or when it could not be read.", each=_balance
    )
    balance_history: list[Balance] | None = field(
        "Closing booked balance of each day that had a booking, oldest first; null when it could not be read.",
        resolver=_balance_history,
        costs=[DAYS],
    )
    transactions: TransactionConnection | None = field(
        "Its transactions, newest first; null when they could not be read.",
        each=_transactions,
        costs=[PAGE],
    )
    standing_orders: list[StandingOrder] | None = field(
        "Its standing orders; null when they could not be read.", each=resolvers.standing_orders
    )


def _account_view(kind: AccountKind, description: str) -> Any:
    """Make the class a view on accounts of one kind."""

    def decorate(cls: Any) -> Any:
        cls.is_type_of = classmethod(lambda _, value, __: type(value) is structs.Account and value.kind is kind)
        STRUCTS[cls.__name__] = (structs.Account,)
        return strawberry.type(cls, description=description)

    return decorate


@_account_view(AccountKind.CURRENT, "An account for everyday payments.")
class CurrentAccount(Account):
    overdraft_limit: Money | None = field("How far below zero it may go; null: not at all.")


@_account_view(AccountKind.SAVINGS, "An account for savings.")
class SavingsAccount(Account):
    interest_rate: Decimal | None = field("Interest a year, in per cent; null when not known.")


@_account_view(AccountKind.CARD, "The account of a credit card.")
class CardAccount(Account):
    credit_limit: Money | None = field("Most that may be owed; null when there is no limit.")
    cards: list[CardRef] | None = field(
        "Its cards that the customer may see; null when they could not be read.", each=resolvers.cards
    )


@_account_view(AccountKind.SECURITIES, "An account that holds securities.")
class SecuritiesAccount(Account):
    holdings: list[Holding] | None = field("What it holds; null when it could not be read.", each=resolvers.holdings)
    market_value: Money | None = field(
        "Value of all holdings; null unless each has a value in the account's currency, or when it could not be read.",
        each=resolvers.market_value,
    )


KINDS = (CurrentAccount, SavingsAccount, CardAccount, SecuritiesAccount)
"""The concrete types, for the schema: nothing refers to them by name."""
