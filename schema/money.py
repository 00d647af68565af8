"""Money, balances, periods."""

import strawberry

from contracts import accounts
from contracts.failures import Rejected
from contracts.money import Money as MoneyStruct
from contracts.money import minor_of
from resolvers.bounds import Period as PeriodStruct
from schema.enums import BalanceType, CreditDebitIndicator
from schema.scalars import CurrencyCode, Date, DateTime, Decimal
from schema.views import field, view


@view(MoneyStruct, description="An amount in a currency.")
class Money:
    amount: Decimal = field("Exact amount with the currency's own number of decimals.")
    currency: CurrencyCode = field("Its currency.")


@strawberry.input(description="An amount in a currency.")
class MoneyInput:
    amount: Decimal = strawberry.field(description="Amount; at most the currency's decimals and 15 digits in all.")
    currency: CurrencyCode = strawberry.field(description="Its currency.")

    def money(self, pointer: str, *, signed: bool = False) -> MoneyStruct:
        """Return it as a struct; raises Rejected, pointing to `pointer`, when it is no amount of that currency."""
        try:
            minor_of(self.amount, self.currency, signed=signed)
        except Rejected as refusal:
            raise Rejected(refusal.message, code=refusal.reason, pointer=pointer) from None
        return MoneyStruct(self.amount, self.currency)


@view(accounts.Balance, description="One balance of an account.")
class Balance:
    type: BalanceType = field("Which balance.")
    amount: Money = field("Distance from zero; never negative.")
    credit_debit_indicator: CreditDebitIndicator = field("On which side of zero: DEBIT is overdrawn.")
    reference_date: Date | None = field("The day it closes; null for a balance of this moment.")
    last_change: DateTime | None = field("When the movement that last changed it happened; null when not known.")


@view(PeriodStruct, description="A span of days.")
class Period:
    start: Date = field("First day, included.")
    end: Date = field("Last day, included.")


@strawberry.input(description="A span of at most 3,700 days.")
class PeriodInput:
    start: Date = strawberry.field(description="First day, included.")
    end: Date = strawberry.field(description="Last day, included; not before the first.")
