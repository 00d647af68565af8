"""The running booked balance of an account, and what one booking does to it. Pure but for the two it moves.

The balance before a booking is the running one, the balance after it is the bank's own where the event tells it:
ledgers round, and only so is the balance before one booking the balance after the one before it. A booking older than
the newest does not move what the newest has stated.
"""

from contracts import events as e
from contracts.money import minor_of
from services.analytics.facts import Fact
from services.analytics.states import AccountState


def move_balance(fact: Fact, data: e.Payment, account: AccountState, booked_us: int) -> None:
    """Move the account's balance by a booking and write the balances before and after into its fact."""
    in_order = account.balance is None or booked_us >= account.balance_us
    if data.balance_after is not None:
        after = minor_of(data.balance_after.amount, data.balance_after.currency, signed=True)
        before = account.balance if account.balance is not None and in_order else after - fact.minor
        if in_order:
            account.balance, account.balance_us = after, booked_us
    else:
        before = account.balance or 0
        account.balance = after = before + fact.minor
        account.balance_us = max(account.balance_us, booked_us)
    fact.balance_before, fact.balance_after = before, after


def restate(account: AccountState, reported: int, booked_since: int, reported_us: int) -> None:
    """Take the balance the bank's ledger reports at the end of a day, plus what was booked since."""
    account.balance = reported + booked_since
    account.balance_us = max(account.balance_us, reported_us)
