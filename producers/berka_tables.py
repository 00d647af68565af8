"""Read the tables of the Berka bank (PKDD'99) from their folder, plain or gzip CSV, as rows and bookings."""

import csv
from collections.abc import Iterator
from pathlib import Path

from contracts.failures import Rejected
from contracts.money import minor_of
from producers.berka_ledger import Booking
from producers.sources import BadRow, File, columns_of

CURRENCY = "CZK"
BOOKINGS_MAX = 2_000_000
"""Bookings held in memory to be ordered; the whole published file has 1,056,320."""
COLUMNS = {
    "account": ("account_id", "opened"),
    "client": ("client_id", "gender"),
    "disp": ("disp_id", "client_id", "account_id", "type"),
    "card": ("card_id", "disp_id", "type", "issued"),
    "standing_order": ("order_id", "account_id", "bank_to", "account_to", "amount", "k_symbol"),
    "trans": (
        "trans_id", "account_id", "booking_date", "credit_debit_indicator", "operation", "amount_czk",
        "balance_after_czk", "purpose", "counterparty_bank", "counterparty_account",
    ),
}  # fmt: skip
TABLES = tuple(COLUMNS)


class Tables:
    """The folder of the files; `path` is the folder or its trans file."""

    def __init__(self, path: Path) -> None:
        self.folder = path if path.is_dir() else path.parent

    def path(self, table: str) -> Path:
        """Return the file of a table.

        Raises:
            Rejected: `UNREADABLE_FILE`: the folder has none.
        """
        for name in (f"{table}.csv", f"{table}.csv.gz"):
            if (self.folder / name).is_file():
                return self.folder / name
        raise Rejected(f"{table}.csv is missing in {self.folder.name or 'the folder'}.", code="UNREADABLE_FILE")

    def paths(self) -> list[Path]:
        """Return the files of all tables.

        Raises:
            Rejected: `UNREADABLE_FILE`: one is missing.
        """
        return [self.path(table) for table in TABLES]

    def rows(self, table: str) -> Iterator[tuple[int, dict[str, str]]]:
        """Yield a table's rows as they are in the file, each with its line number.

        Raises:
            Rejected: `UNREADABLE_FILE` or `WRONG_FORMAT`.
        """
        path = self.path(table)
        with File(path).opened_text() as text:
            rows = csv.reader(text)
            at = columns_of(next(rows, []), COLUMNS[table], path)
            for number, row in enumerate(rows, start=2):
                yield number, {name: row[index] if index < len(row) else "" for name, index in at.items()}

    def bookings(self) -> tuple[list[Booking], list[BadRow]]:
        """Return all bookings in the order of the file, and the rows that are none.

        Raises:
            Rejected: `UNREADABLE_FILE`, `WRONG_FORMAT`, or `TOO_LARGE` beyond `BOOKINGS_MAX`.
        """
        bookings: list[Booking] = []
        bad: list[BadRow] = []
        for number, row in self.rows("trans"):
            if len(bookings) >= BOOKINGS_MAX:
                raise Rejected(f"The file has more than {BOOKINGS_MAX} bookings.", code="TOO_LARGE")
            try:
                bookings.append(_booking(number, row))
            except Rejected as error:
                bad.append(BadRow(number, error.reason, error.message))
        return bookings, bad


def _booking(number: int, row: dict[str, str]) -> Booking:
    amount = minor_of(row["amount_czk"], CURRENCY)
    if row["credit_debit_indicator"] not in ("CRDT", "DBIT"):
        raise Rejected("The credit debit indicator is neither CRDT nor DBIT.", code="BAD_ROW")
    return Booking(
        row=number,
        booking_id=row["trans_id"],
        account=row["account_id"],
        day=row["booking_date"],
        signed=amount if row["credit_debit_indicator"] == "CRDT" else -amount,
        balance_after=minor_of(row["balance_after_czk"], CURRENCY, signed=True),
        operation=row["operation"],
        purpose=row["purpose"],
        counterparty="/".join(part for part in (row["counterparty_bank"], row["counterparty_account"]) if part),
    )
