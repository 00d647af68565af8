"""What securities accounts hold, and standing orders."""

import strawberry

from contracts import accounts
from schema.enums import Frequency
from schema.money import Money
from schema.scalars import Date, DateTime, Decimal
from schema.views import field, node_id, view


@view(accounts.Instrument, description="A security.")
class Instrument:
    isin: str = field("International Securities Identification Number, ISO 6166.")
    name: str = field("Its name.")
    price: Money | None = field("Last price of one piece; null until one is known.")
    price_at: DateTime | None = field("When that price was quoted; null until one is known.")


@view(accounts.Holding, description="A position in one security.")
class Holding:
    instrument: Instrument = field("The security.")
    quantity: Decimal = field("Number of pieces, possibly a fraction.")
    average_cost: Money = field("What one piece cost on average.")
    market_value: Money | None = field("Quantity times last price; null until a price in the cost's currency is known.")


@view(accounts.StandingOrder, description="A payment the bank makes at a rhythm.")
class StandingOrder:
    node_id: strawberry.ID = node_id("StandingOrder")
    amount: Money = field("What is paid each time.")
    frequency: Frequency = field("How often.")
    counterparty: str = field("Who is paid.")
    purpose: str | None = field("What it is for, as the customer wrote it; null when not given.")
    next_date: Date | None = field("When it is next due; null when not known.")
