"""Read Birmingham City Council's purchase-card file: each row is a booked card payment, each masked card an account.

Customer, account and card of a masked card come just before its first row. A row's event id is a hash of all its
columns but `source_file`, so rows the publisher repeated are duplicates. A negative amount is a refund: a credit with
its merchant. Money in the file is billed in GBP; older rows have no billing amount, and `original_amount` is it.
"""

import csv
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

import msgspec

from contracts.events import AccountOpened, CardIssued, CustomerRegistered, Merchant, Party, PaymentBooked
from contracts.failures import Rejected
from contracts.money import Money, minor_of
from contracts.vocabulary import AccountKind, AccountUsage, CreditDebitIndicator, HolderRole
from producers.birmingham_categories import category_of_description
from producers.event_lines import event_line, start_of_day
from producers.sources import BadRow, File, Item, Record, columns_of

SOURCE = "urn:belfry:replay:birmingham"
BILLING_CURRENCY = "GBP"
CARD_YEARS = 6
"""Years from a card's first row to the expiry invented for it; the file has none, and spans five."""
COLUMNS = (
    "transaction_date", "card_masked", "original_amount", "original_currency", "billing_amount", "billing_currency",
    "merchant_name", "account_desc", "cost_centre_desc", "source_file",
)  # fmt: skip


class CardIds(msgspec.Struct, frozen=True):
    """What stands for a masked card."""

    customer: str
    account: str
    card: str


def ids_of(card_masked: str) -> CardIds:
    """Return the ids of the customer, account and card that stand for a masked card; stable across runs and files."""
    key = blake2b(card_masked.encode(), digest_size=6).hexdigest()
    return CardIds(f"cust-bham-{key}", f"acct-bham-{key}", f"card-bham-{key}")


class BirminghamSource:
    """One CSV file, plain or gzip, read as a stream."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = File(path)
        self.progress = self._file.progress

    def items(self) -> Iterator[Item]:
        """Yield a payment for each row, and what it needs before it.

        Raises:
            Rejected: `UNREADABLE_FILE` or `WRONG_FORMAT`.
        """
        with self._file.opened_text() as text:
            rows = csv.reader(text)
            header = next(rows, [])
            reader = _RowReader(header, self._path)
            known: set[str] = set()
            for number, row in enumerate(rows, start=2):
                try:
                    payment = reader.payment(row, number)
                except (Rejected, UnicodeEncodeError, IndexError) as error:
                    yield _bad_row(number, error)
                    continue
                card_masked, day = reader.card_and_day(row)
                if card_masked not in known:
                    known.add(card_masked)
                    yield from _introduce(card_masked, day)
                yield payment


def _bad_row(number: int, error: Exception) -> BadRow:
    if isinstance(error, Rejected):
        return BadRow(number, error.reason, error.message)
    if isinstance(error, UnicodeEncodeError):
        return BadRow(number, "NOT_UTF8", "The row is not UTF-8.")
    return BadRow(number, "TOO_FEW_COLUMNS", "The row has fewer columns than the header.")


class _RowReader:
    def __init__(self, header: list[str], path: Path) -> None:
        self._at = columns_of(header, COLUMNS, path)

    def card_and_day(self, row: list[str]) -> tuple[str, str]:
        return row[self._at["card_masked"]], row[self._at["transaction_date"]]

    def payment(self, row: list[str], number: int) -> Record:
        at = self._at
        payment_id = self._id_of(row)
        signed = row[at["billing_amount"]] or row[at["original_amount"]]
        ids = ids_of(row[at["card_masked"]])
        purpose = row[at["account_desc"]]
        booked = PaymentBooked(
            transaction_id=payment_id,
            account_id=ids.account,
            card_id=ids.card,
            amount=_positive(signed, row[at["billing_currency"]] or BILLING_CURRENCY),
            credit_debit_indicator=(
                CreditDebitIndicator.CREDIT if signed.startswith("-") else CreditDebitIndicator.DEBIT
            ),
            original_amount=_original(row[at["original_amount"]], row[at["original_currency"]]),
            booking_date=row[at["transaction_date"]],
            merchant=Merchant(name=row[at["merchant_name"]]),
            remittance_information=row[at["cost_centre_desc"]] or None,
            category=category_of_description(purpose),
            purpose=purpose or None,
        )
        return Record(
            event_line(booked, event_id=payment_id, source=SOURCE, time=start_of_day(row[at["transaction_date"]])),
            number,
        )

    def _id_of(self, row: list[str]) -> str:
        source_file = self._at["source_file"]
        identity = "\x1f".join(row[:source_file] + row[source_file + 1 :])
        # The day in front keeps ids that arrive together neighbours in the event service's index.
        return f"bham-{row[self._at['transaction_date']]}-{blake2b(identity.encode(), digest_size=16).hexdigest()}"


def _positive(signed: str, currency: str) -> Money:
    amount = signed.removeprefix("-")
    minor_of(amount, currency)
    return Money(amount, currency)


def _original(signed: str, currency: str) -> Money | None:
    return _positive(signed, currency) if currency and currency != BILLING_CURRENCY else None


def _introduce(card_masked: str, day: str) -> Iterator[Record]:
    ids, last4 = ids_of(card_masked), card_masked[-4:]
    customer = CustomerRegistered(
        customer_id=ids.customer,
        given_name="Cardholder",
        family_name=last4,
        locale="en-GB",
        time_zone="Europe/London",
        residency_country="GB",
    )
    account = AccountOpened(
        account_id=ids.account,
        kind=AccountKind.CARD,
        currency=BILLING_CURRENCY,
        display_name=f"Purchase card {last4}",
        usage=AccountUsage.ORGANISATION,
        parties=[Party(customer_id=ids.customer, role=HolderRole.OWNER)],
        opened_on=day,
    )
    card = CardIssued(
        card_id=ids.card,
        account_id=ids.account,
        cardholder_id=ids.customer,
        masked_pan=card_masked,
        expiry=f"{int(day[:4]) + CARD_YEARS}{day[4:7]}-28",
    )
    for data, event_id in ((customer, ids.customer), (account, ids.account), (card, ids.card)):
        yield Record(event_line(data, event_id=event_id, source=SOURCE, time=start_of_day(day)))
