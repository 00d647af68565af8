"""What an account answers about itself: balances, cards, holdings, standing orders."""

from collections.abc import Iterable
from functools import partial

from contracts.accounts import Account, Balance, BalanceDay, Card, Holding, StandingOrder
from contracts.failures import NotFound
from contracts.money import Money, minor_of, money_of
from contracts.vocabulary import BalanceType, CreditDebitIndicator
from resolvers.access import Owned
from resolvers.bounds import checked_period
from resolvers.context import Info, RequestContext
from resolvers.loads import Load, each, settled


async def owned_account(info: Info, account_id: str | None) -> Account | None:
    """Return the account when it exists and is the caller's, else None."""
    if account_id is None or not await info.context.access.account(account_id):
        return None
    return await info.context.loaders.accounts.load(account_id)


def accounts_of(account_ids: Iterable[str | None], context: RequestContext) -> list[Load[Account | None]]:
    """Load each of the accounts; None where it does not exist or is not the caller's."""
    return each(account_ids, partial(_account_of, context))


def _account_of(context: RequestContext, account_id: str | None) -> Load[Account | None]:
    if account_id is None:
        return settled(None)
    return context.access.owned().then(partial(_if_owned, context, account_id))


def _if_owned(context: RequestContext, account_id: str, owned: Owned) -> Load[Account | None] | None:
    return context.loaders.accounts.load(account_id) if account_id in owned.accounts else None


def required_accounts(account_ids: Iterable[str], context: RequestContext) -> list[Load[Account]]:
    """Load each of the accounts.

    Raises:
        NotFound: (the load) it does not exist or is not the caller's.
    """
    return each(account_ids, lambda account_id: _account_of(context, account_id).then(_required))


def _required(account: Account | None) -> Account:
    if account is None:
        raise NotFound("There is no such account.")
    return account


async def own_accounts(info: Info, account_ids: list[str]) -> list[Account]:
    """Return those of the accounts that exist and are the caller's, in the order given."""
    owned = await info.context.access.accounts_among(account_ids)
    return existing(await info.context.loaders.accounts.load_many(owned))


def existing(found: list[Account | None]) -> list[Account]:
    """Return the accounts that were found."""
    return [account for account in found if account is not None]


def balances(roots: list[Account], context: RequestContext) -> list[Load[list[Balance]]]:
    """Load the balances of each type there is now."""
    return context.loaders.balances.load_each([root.id for root in roots])


def balance(
    roots: list[Account], context: RequestContext, type: BalanceType, on: str | None
) -> list[Load[Balance | None]]:
    """Load the balance of a type now, or the closing booked balance of the day `on`; None where there is none."""
    loader = context.loaders.balances if on is None else context.loaders.closing_balances(on)
    choose = _BALANCES[type] if on is None else _CLOSING
    return [load.then(choose) for load in loader.load_each([root.id for root in roots])]


def _of_type(wanted: BalanceType, found: list[Balance]) -> Balance | None:
    for one in found:
        if one.type is wanted:
            return one
    return None


_BALANCES = {type: partial(_of_type, type) for type in BalanceType}
_CLOSING = _BALANCES[BalanceType.CLOSING_BOOKED]


async def balance_history(root: Account, info: Info, start: str, end: str) -> list[Balance]:
    """Return the closing booked balance of each day that had a booking, oldest first."""
    period = checked_period(start, end)
    days = await info.context.backends.accounts.balance_days(root.id, period.start, period.end, info.context.deadline)
    return [_closing_balance(root.id, day) for day in days]


def _closing_balance(account_id: str, day: BalanceDay) -> Balance:
    indicator = CreditDebitIndicator.DEBIT if day.amount.amount.startswith("-") else CreditDebitIndicator.CREDIT
    amount = Money(day.amount.amount.removeprefix("-"), day.amount.currency)
    return Balance(account_id, BalanceType.CLOSING_BOOKED, amount, indicator, day.date)


def standing_orders(roots: list[Account], context: RequestContext) -> list[Load[list[StandingOrder]]]:
    """Load the account's standing orders."""
    return context.loaders.standing_orders.load_each([root.id for root in roots])


def cards(roots: list[Account], context: RequestContext) -> list[Load[list[Card]]]:
    """Load the account's cards that the caller may see: a delegate sees only their own."""
    loads = context.loaders.cards_of.load_each([root.id for root in roots])
    return [load.then(partial(_visible, context)) for load in loads]


def _visible(context: RequestContext, found: list[Card]) -> Load[list[Card]] | list[Card]:
    if not found:
        return found
    return context.access.owned().then(lambda owned: [card for card in found if card.id in owned.cards])


def cards_of(card_ids: Iterable[str | None], context: RequestContext) -> list[Load[Card | None]]:
    """Load each of the cards; None where it does not exist or is another holder's."""
    return each(card_ids, partial(_card_of, context))


def _card_of(context: RequestContext, card_id: str | None) -> Load[Card | None]:
    if card_id is None:
        return settled(None)
    return context.access.owned().then(
        lambda owned: context.loaders.cards.load(card_id) if card_id in owned.cards else None
    )


def holdings(roots: list[Account], context: RequestContext) -> list[Load[list[Holding]]]:
    """Load the positions of a securities account."""
    return context.loaders.holdings.load_each([root.id for root in roots])


def market_value(roots: list[Account], context: RequestContext) -> list[Load[Money | None]]:
    """Load the sum of the holdings' values; None unless each has a value in the account's currency."""
    loads = holdings(roots, context)
    return [load.then(partial(_value_of, root.currency)) for root, load in zip(roots, loads, strict=True)]


def _value_of(currency: str, found: list[Holding]) -> Money | None:
    total = 0
    for holding in found:
        value = holding.market_value
        if value is None or value.currency != currency:
            return None
        total += minor_of(value.amount, value.currency, signed=True)
    return money_of(total, currency)
