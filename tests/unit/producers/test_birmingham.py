"""The council's card file becomes events without losing, merging or inventing money."""

import csv
import gzip
from collections import Counter
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from contracts.categories import category_of, counts_as_spending
from contracts.events import CloudEvent, PaymentBooked, data_of
from contracts.failures import Rejected
from contracts.vocabulary import SpendingCategory
from producers.birmingham import BirminghamSource, ids_of
from producers.birmingham_categories import category_of_description
from producers.samples import write_birmingham
from producers.sources import BadRow, Record
from producers.verification import birmingham_rows, expected_spending

HEADER = "transaction_date,card_masked,original_amount,original_currency,billing_amount,billing_currency,merchant_name,"
HEADER += "account_code,account_desc,cost_centre_code,cost_centre_desc,cac_code_3,vat_desc,directorate,source_file"


def _events(path: Path) -> list[CloudEvent]:
    items = list(BirminghamSource(path).items())
    return [msgspec.json.decode(item.line, type=CloudEvent) for item in items if isinstance(item, Record)]


def _payments(path: Path) -> list[PaymentBooked]:
    return [data for data in map(data_of, _events(path)) if isinstance(data, PaymentBooked)]


def _file(folder: Path, *rows: str) -> Path:
    path = folder / "rows.csv"
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    return path


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generated file of 400 rows."""
    return write_birmingham(tmp_path_factory.mktemp("birmingham") / "rows.csv.gz")


def test_every_row_is_one_payment(sample: Path) -> None:
    """As many payments as rows, and the rows are numbered as in the file."""
    rows = [item.row for item in BirminghamSource(sample).items() if isinstance(item, Record) and item.row]
    assert rows == list(range(2, 402))


def test_rows_that_differ_in_their_source_file_only_are_the_same_event(sample: Path) -> None:
    """There are as many event ids as distinct rows."""
    with gzip.open(sample, "rt") as text:
        distinct = {tuple(row[:-1]) for row in list(csv.reader(text))[1:]}
    assert len({payment.transaction_id for payment in _payments(sample)}) == len(distinct) < 400


def test_spending_in_the_events_is_what_the_file_sums_up_to(sample: Path) -> None:
    """Debits less refunds by card, purpose and currency are equal to the cent."""
    spent: Counter[tuple[str, str, str]] = Counter()
    for payment in {payment.transaction_id: payment for payment in _payments(sample)}.values():
        assert counts_as_spending(payment, category_of(payment))
        sign = 1 if payment.credit_debit_indicator == "DBIT" else -1
        cents = sign * int(payment.amount.amount.replace(".", ""))
        spent[payment.account_id, payment.purpose or "", payment.amount.currency] += cents
    expected = expected_spending(birmingham_rows(sample))
    assert {key: Decimal(cents) / 100 for key, cents in spent.items()} == {
        (ids_of(card).account, purpose, currency): total for (card, purpose, currency), total in expected.items()
    }


def test_a_negative_amount_is_a_refund(tmp_path: Path) -> None:
    """It is a positive credit that keeps its merchant."""
    row = "2014-04-01,************0001,-594.00,,,GBP,a shop,L100,Equip Operational,R1,Centre,A00,VR,D,a.xls"
    (payment,) = _payments(_file(tmp_path, row))
    assert (payment.amount.amount, payment.amount.currency, payment.credit_debit_indicator) == ("594.00", "GBP", "CRDT")
    assert payment.merchant is not None


def test_a_foreign_amount_is_kept_beside_the_billed_one(tmp_path: Path) -> None:
    """The billed amount counts; the original one is told."""
    row = "2014-04-01,************0001,20.83,USD,17.57,GBP,a shop,L100,Books,R1,Centre,A00,VR,D,a.xls"
    (payment,) = _payments(_file(tmp_path, row))
    assert payment.amount.amount == "17.57"
    assert payment.original_amount is not None
    assert (payment.original_amount.amount, payment.original_amount.currency) == ("20.83", "USD")


def test_blank_columns_are_absent(tmp_path: Path) -> None:
    """A row without descriptions has no purpose and no remittance information."""
    (payment,) = _payments(_file(tmp_path, "2014-04-01,************0001,5.00,,,GBP,a shop,,,,,,,D,a.xls"))
    assert (payment.purpose, payment.remittance_information, payment.category) == (None, None, SpendingCategory.OTHER)


def test_a_card_is_introduced_once_before_its_first_row(tmp_path: Path) -> None:
    """Customer, account and card come in this order, then the payments."""
    row = "2014-04-0{},************0001,5.00,,,GBP,a shop,,,,,,,D,a.xls"
    types = [event.type.split(".")[1] for event in _events(_file(tmp_path, row.format(1), row.format(2)))]
    assert types == ["customer", "account", "card", "payment", "payment"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("2014-04-01,************0001,five,,,GBP,a shop,,,,,,,D,a.xls", "BAD_AMOUNT"),
        ("2014-04-01,************0001,5.00,ZZZ,5.00,GBP,a shop,,,,,,,D,a.xls", "UNKNOWN_CURRENCY"),
        ("2014-04-01,************0001", "TOO_FEW_COLUMNS"),
        ("2014-04-01,************0001,5.00,,,GBP,a \udcff shop,,,,,,,D,a.xls", "NOT_UTF8"),
    ],
)
def test_a_row_no_event_can_be_made_of_is_named(tmp_path: Path, row: str, reason: str) -> None:
    """It keeps its number and a reason, and the rows after it still come."""
    path = tmp_path / "rows.csv"
    good = "2014-04-01,************0001,5.00,,,GBP,a shop,,,,,,,D,a.xls"
    path.write_bytes(f"{HEADER}\n{row}\n{good}".encode(errors="surrogateescape"))
    items = list(BirminghamSource(path).items())
    bad = [item for item in items if isinstance(item, BadRow)]
    assert [(item.row, item.reason) for item in bad] == [(2, reason)]
    assert isinstance(items[-1], Record)


def test_a_file_of_another_format_is_refused(tmp_path: Path) -> None:
    """The missing columns are named."""
    (tmp_path / "a.csv").write_text("trans_id,account_id\n1,2\n")
    with pytest.raises(Rejected, match="card_masked"):
        list(BirminghamSource(tmp_path / "a.csv").items())


def test_a_cut_gzip_file_is_told(tmp_path: Path, sample: Path) -> None:
    """What is there is read; then the failure names the file."""
    (tmp_path / "cut.csv.gz").write_bytes(sample.read_bytes()[:2000])
    with pytest.raises(Rejected, match=r"cut\.csv\.gz"):
        list(BirminghamSource(tmp_path / "cut.csv.gz").items())


def test_no_description_is_income_or_a_transfer(sample: Path) -> None:
    """Otherwise its rows would be missing from spending."""
    descriptions = {row["account_desc"] for row in birmingham_rows(sample)} | {"Bank transfer", "Income"}
    categories = {category_of_description(description) for description in descriptions}
    assert not categories & {SpendingCategory.INCOME, SpendingCategory.TRANSFERS}
