"""What an account answers about itself: balances, cards, holdings, standing orders."""

from functools import partial

from contracts.accounts import Account, Balance, BalanceDay, Card, Holding, StandingOrder
from contracts.failures import NotFound
from contracts.money import Money, minor_of, money_of
from contracts.vocabulary import BalanceType, CreditDebitIndicator
from resolvers.bounds import checked_period
from resolvers.context import Info
from resolvers.loads import Load


async def owned_account(info: Info, account_id: str | None) -> Account | None:
    """Return the account when it exists and is the caller's, else None."""
    if account_id is None or not await info.context.access.account(account_id):
        return None
    return await info.context.loaders.accounts.load(account_id)


async def required_account(info: Info, account_id: str) -> Account:
    """Return the account.

    Raises:
        NotFound: it does not exist or is not the caller's.
    """
    account = await owned_account(info, account_id)
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


def balances(root: Account, info: Info) -> Load[list[Balance]]:
    """Load the balances of each type there is now."""
    return info.context.loaders.balances.load(root.id)


def balance(root: Account, info: Info, type: BalanceType, on: str | None) -> Load[Balance | None]:
    """Load the balance of a type now, or the closing booked balance of the day `on`; None where there is none."""
    if on is not None:
        return info.context.loaders.closing_balances(on).load(root.id).then(_CLOSING)
    return info.context.loaders.balances.load(root.id).then(_BALANCES[type])


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


def standing_orders(root: Account, info: Info) -> Load[list[StandingOrder]]:
    """Load the account's standing orders."""
    return info.context.loaders.standing_orders.load(root.id)


async def cards(root: Account, info: Info) -> list[Card]:
    """Return the account's cards that the caller may see: a delegate sees only their own."""
    found = await info.context.loaders.cards_of.load(root.id)
    return [card for card in found if await info.context.access.card(card.id)]


def holdings(root: Account, info: Info) -> Load[list[Holding]]:
    """Load the positions of a securities account."""
    return info.context.loaders.holdings.load(root.id)


async def market_value(root: Account, info: Info) -> Money | None:
    """Return the sum of the holdings' values; None unless each has a value in the account's currency."""
    total = 0
    for holding in await info.context.loaders.holdings.load(root.id):
        value = holding.market_value
        if value is None or value.currency != root.currency:
            return None
        total += minor_of(value.amount, value.currency, signed=True)
    return money_of(total, root.currency)
