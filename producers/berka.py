"""Turn the Berka bank (PKDD'99) into events: customers, accounts, cards, standing orders and bookings, day by day.

Everything is ordered by day, as a bank would have told it: what a day opens comes before what the day books. Amounts
are CZK. A client is named by seed of its id: the file has no names. DISPONENT holders are joint holders.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from contracts.events import AccountOpened, CardIssued, CustomerRegistered, Party, PaymentBooked, StandingOrderCreated
from contracts.failures import Rejected
from contracts.money import Money, minor_of, money_of
from contracts.vocabulary import AccountKind, CreditDebitIndicator, Frequency, HolderRole, SpendingCategory
from producers.berka_ledger import Booking, in_ledger_order
from producers.berka_tables import CURRENCY, Tables
from producers.event_lines import event_line, start_of_day
from producers.sources import BadRow, Item, Record

SOURCE = "urn:belfry:replay:berka"
CARD_YEARS = 5
"""Years from a card's issue to the expiry invented for it."""
_C = SpendingCategory
_PURPOSES = {
    "HOUSEHOLD": _C.HOUSING, "INSURANCE": _C.INSURANCE, "LOAN_PAYMENT": _C.FINANCE, "LEASING": _C.FINANCE,
    "STATEMENT_FEE": _C.FINANCE, "SANCTION_INTEREST": _C.FINANCE, "PENSION": _C.INCOME, "INTEREST_CREDITED": _C.INCOME,
}  # fmt: skip
_OPERATIONS = {
    "CASH_WITHDRAWAL": _C.CASH, "CARD_WITHDRAWAL": _C.CASH, "TRANSFER_OUT": _C.TRANSFERS,
    "CASH_CREDIT": _C.INCOME, "TRANSFER_IN": _C.INCOME,
}  # fmt: skip
_ROLES = {"OWNER": HolderRole.OWNER, "DISPONENT": HolderRole.JOINT}
_GIVEN = {
    "F": ("Marie", "Jana", "Eva", "Hana", "Anna", "Lenka", "Petra", "Alena", "Zuzana", "Ivana", "Dana"),
    "M": ("Jiří", "Jan", "Petr", "Josef", "Pavel", "Martin", "Tomáš", "Karel", "Zdeněk", "Milan", "Ota"),
}
_FAMILY = {
    "F": ("Nováková", "Svobodová", "Dvořáková", "Černá", "Procházková", "Kučerová", "Veselá", "Horáková", "Malá"),
    "M": ("Novák", "Svoboda", "Dvořák", "Černý", "Procházka", "Kučera", "Veselý", "Horák", "Malý"),
}


def customer_id(client: str) -> str:
    """Return the customer that stands for a client."""
    return f"cust-berka-{client}"


def account_id(account: str) -> str:
    """Return the account that stands for one of the file."""
    return f"acct-berka-{account}"


def booking_id(booking: str) -> str:
    """Return the transaction that stands for a booking."""
    return f"berka-{booking}"


class _Dated(NamedTuple):
    day: str
    rank: int
    item: Record


class BerkaSource:
    """`path` is the folder or its trans file; the tables beside it are read with it. Held in memory to be ordered."""

    def __init__(self, path: Path) -> None:
        self._tables = Tables(path)
        self._tables.paths()
        self._done, self._all = 0, 1

    def progress(self) -> float:
        """Return the share of the items yielded so far."""
        return self._done / self._all

    def items(self) -> Iterator[Item]:
        """Yield the bank's life, day by day.

        Raises:
            Rejected: `UNREADABLE_FILE`, `WRONG_FORMAT` or `TOO_LARGE`.
        """
        bookings, bad = self._tables.bookings()
        reference = sorted(_checked_reference(self._tables), key=lambda dated: dated[:2])
        self._done, self._all = 0, max(1, len(bookings) + len(bad) + len(reference))
        for item in _merged(bad, reference, bookings):
            self._done += 1
            yield item


def _merged(bad: list[BadRow], reference: list[_Dated], bookings: list[Booking]) -> Iterator[Item]:
    yield from bad
    told = 0
    for booking in in_ledger_order(bookings):
        while told < len(reference) and reference[told].day <= booking.day:
            yield reference[told].item
            told += 1
        yield Record(_booked_line(booking), booking.row)
    yield from (dated.item for dated in reference[told:])


def _checked_reference(tables: Tables) -> list[_Dated]:
    try:
        return list(_reference(tables))
    except (KeyError, ValueError) as error:
        raise Rejected(f"The tables do not fit together: {error} is unknown.", code="WRONG_FORMAT") from error


def _reference(tables: Tables) -> Iterator[_Dated]:
    opened = {row["account_id"]: row["opened"] for _, row in tables.rows("account")}
    clients = {row["client_id"]: row["gender"] for _, row in tables.rows("client")}
    disponents = {row["disp_id"]: row for _, row in tables.rows("disp")}
    parties: dict[str, list[Party]] = {}
    since: dict[str, str] = {}
    for row in disponents.values():
        client, account = row["client_id"], row["account_id"]
        parties.setdefault(account, []).append(Party(customer_id=customer_id(client), role=_ROLES[row["type"]]))
        since[client] = min(opened[account], since.get(client, opened[account]))
    for client, day in since.items():
        yield _dated(day, 0, _customer(client, clients[client]), customer_id(client))
    for account, day in opened.items():
        yield _dated(day, 1, _account(account, day, parties[account]), account_id(account))
    for _, row in tables.rows("card"):
        card = _card(row, disponents[row["disp_id"]])
        yield _dated(row["issued"], 2, card, card.card_id)
    for _, row in tables.rows("standing_order"):
        order = _standing_order(row)
        yield _dated(opened[row["account_id"]], 3, order, order.standing_order_id)


def _dated(day: str, rank: int, data: msgspec.Struct, event_id: str) -> _Dated:
    return _Dated(day, rank, Record(event_line(data, event_id=event_id, source=SOURCE, time=start_of_day(day))))


def _customer(client: str, gender: str) -> CustomerRegistered:
    seed, given, family = int(client), _GIVEN[gender], _FAMILY[gender]
    return CustomerRegistered(
        customer_id=customer_id(client),
        given_name=given[seed % len(given)],
        family_name=family[seed // len(given) % len(family)],
        locale="cs-CZ",
        time_zone="Europe/Prague",
        residency_country="CZ",
    )


def _account(account: str, opened: str, parties: list[Party]) -> AccountOpened:
    return AccountOpened(
        account_id=account_id(account),
        kind=AccountKind.CURRENT,
        currency=CURRENCY,
        display_name=f"Current account {account}",
        parties=parties,
        opened_on=opened,
    )


def _card(row: dict[str, str], disponent: dict[str, str]) -> CardIssued:
    return CardIssued(
        card_id=f"card-berka-{row['card_id']}",
        account_id=account_id(disponent["account_id"]),
        cardholder_id=customer_id(disponent["client_id"]),
        masked_pan=f"************{int(row['card_id']) % 10_000:04}",
        expiry=f"{int(row['issued'][:4]) + CARD_YEARS}{row['issued'][4:7]}-28",
    )


def _standing_order(row: dict[str, str]) -> StandingOrderCreated:
    minor_of(row["amount"], CURRENCY)
    return StandingOrderCreated(
        standing_order_id=f"order-berka-{row['order_id']}",
        account_id=account_id(row["account_id"]),
        amount=Money(row["amount"], CURRENCY),
        frequency=Frequency.MONTHLY,
        counterparty=f"{row['bank_to']}/{row['account_to']}",
        purpose=row["k_symbol"] or None,
    )


def category_of_booking(operation: str, purpose: str) -> SpendingCategory | None:
    """Return a booking's category by its purpose, else by its operation; None leaves it to its direction."""
    return _PURPOSES.get(purpose) or _OPERATIONS.get(operation)


def _booked_line(booking: Booking) -> bytes:
    booked = PaymentBooked(
        transaction_id=booking_id(booking.booking_id),
        account_id=account_id(booking.account),
        amount=money_of(abs(booking.signed), CURRENCY),
        credit_debit_indicator=CreditDebitIndicator.CREDIT if booking.signed >= 0 else CreditDebitIndicator.DEBIT,
        booking_date=booking.day,
        counterparty=booking.counterparty or None,
        bank_transaction_code=booking.operation or None,
        category=category_of_booking(booking.operation, booking.purpose),
        purpose=booking.purpose or None,
        balance_after=money_of(booking.balance_after, CURRENCY),
    )
    return event_line(booked, event_id=booked.transaction_id, source=SOURCE, time=start_of_day(booking.day))
