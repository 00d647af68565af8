"""The Berka bank becomes events in an order that meets its own balances."""

from itertools import groupby
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.events import AccountOpened, CloudEvent, PaymentBooked, data_of
from contracts.failures import Rejected
from contracts.vocabulary import HolderRole
from producers.berka import BerkaSource, account_id
from producers.berka_ledger import Booking, chained, in_ledger_order
from producers.berka_tables import Tables
from producers.samples import BERKA_ACCOUNTS, write_berka
from producers.sources import BadRow, Record
from producers.verification import expected_closing_balances, expected_crossings, expected_holders
from tests.examples import examples


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generated tables."""
    return write_berka(tmp_path_factory.mktemp("berka"))


@pytest.fixture(scope="module")
def events(sample: Path) -> list[CloudEvent]:
    """All events of the generated tables."""
    items = BerkaSource(sample).items()
    return [msgspec.json.decode(item.line, type=CloudEvent) for item in items if isinstance(item, Record)]


def _payments(events: list[CloudEvent]) -> list[PaymentBooked]:
    return [data for data in map(data_of, events) if isinstance(data, PaymentBooked)]


def _minor(amount: str) -> int:
    return int(amount.replace(".", ""))


def test_every_booking_follows_from_the_one_before(events: list[CloudEvent]) -> None:
    """The balance after a booking is the one before it and the movement, for every account."""
    balances: dict[str, int] = {}
    for payment in _payments(events):
        sign = 1 if payment.credit_debit_indicator == "CRDT" else -1
        expected = balances.get(payment.account_id, 0) + sign * _minor(payment.amount.amount)
        assert payment.balance_after is not None
        assert _minor(payment.balance_after.amount) == expected
        balances[payment.account_id] = expected


def test_events_come_day_by_day(events: list[CloudEvent]) -> None:
    """Reference data of a day is told with that day, not before and not after."""
    days = [event.time for event in events]
    assert days == sorted(days)


def test_an_account_is_opened_with_all_its_holders(events: list[CloudEvent], sample: Path) -> None:
    """An owner each, a joint holder where the file has a disponent."""
    accounts = [data for data in map(data_of, events) if isinstance(data, AccountOpened)]
    assert len(accounts) == BERKA_ACCOUNTS
    assert (
        sum(party.role is HolderRole.JOINT for account in accounts for party in account.parties) == BERKA_ACCOUNTS // 2
    )
    assert {account.account_id: len(account.parties) for account in accounts} == {
        account: len(holders) for account, holders in expected_holders(sample).items()
    }


def test_what_an_event_names_was_told_before_it(events: list[CloudEvent]) -> None:
    """Customers come before accounts, accounts before what happens on them."""
    known: set[str] = set()
    for event in events:
        data = data_of(event)
        if isinstance(data, AccountOpened):
            assert {party.customer_id for party in data.parties} <= known
        elif hasattr(data, "account_id"):
            assert data.account_id in known
        known.add(event.id)


def test_expected_closing_balances_are_the_last_of_each_day(events: list[CloudEvent], sample: Path) -> None:
    """Computed two ways, by chain and by sum, they agree on every account-day of a complete file."""
    by_day = groupby(
        sorted(_payments(events), key=lambda payment: (payment.account_id, payment.booking_date)),
        key=lambda payment: (payment.account_id, payment.booking_date),
    )
    last = {key: list(day)[-1].balance_after for key, day in by_day}
    assert {key: balance.amount for key, balance in last.items() if balance} == {
        key: f"{balance:.2f}" for key, balance in expected_closing_balances(sample).items()
    }


def test_the_sample_goes_below_zero(sample: Path) -> None:
    """Otherwise low-balance alerts would not be tested by it."""
    assert sum(map(len, expected_crossings(sample).values())) > 10


@examples(40)
@given(st.lists(st.integers(-10_000, 10_000).filter(bool), min_size=1, max_size=6))
def test_a_shuffled_day_is_put_into_an_order_that_fits(movements: list[int]) -> None:
    """Whatever order the file has, the chain starts at the balance before and has no gap."""
    rows, balance = [], 0
    for number, signed in enumerate(movements):
        balance += signed
        rows.append(Booking(number, str(number), "1", "1995-01-01", signed, balance, "", "", ""))
    ordered = list(chained(sorted(rows, key=lambda row: row.signed), 0))
    assert ordered[0].balance_after == ordered[0].signed
    assert sorted(row.row for row in ordered) == list(range(len(rows)))


def test_accounts_keep_their_order_within_a_day() -> None:
    """Days are sorted; accounts of a day stay as the file has them."""
    rows = [
        Booking(at, str(at), account, day, 1, 1, "", "", "")
        for at, (account, day) in enumerate([("b", "1995-01-02"), ("b", "1995-01-01"), ("a", "1995-01-01")])
    ]
    assert [row.row for row in in_ledger_order(rows)] == [1, 2, 0]


def test_the_trans_file_stands_for_its_folder(sample: Path) -> None:
    """Its siblings are read beside it."""
    assert Tables(sample / "trans.csv.gz").paths() == Tables(sample).paths()


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    """Nothing is sent of an incomplete folder."""
    with pytest.raises(Rejected, match=r"account\.csv"):
        BerkaSource(tmp_path)


def test_a_booking_without_an_amount_is_a_bad_row(tmp_path: Path) -> None:
    """It is counted with its number; the others are sent."""
    write_berka(tmp_path, days=2)
    (tmp_path / "trans.csv.gz").unlink()
    header = "trans_id,account_id,booking_date,credit_debit_indicator,operation,amount_czk,balance_after_czk,purpose"
    rows = ["1,100,1995-01-01,CRDT,CASH_CREDIT,,900.00,,,", "2,100,1995-01-01,CRDT,CASH_CREDIT,900.00,900.00,,,"]
    (tmp_path / "trans.csv").write_text("\n".join([f"{header},counterparty_bank,counterparty_account", *rows]))
    items = list(BerkaSource(tmp_path).items())
    assert [item for item in items if isinstance(item, BadRow)] == [items[0]]
    assert [item.row for item in items if isinstance(item, Record) and item.row] == [3]


def test_tables_that_do_not_fit_together_are_refused(tmp_path: Path) -> None:
    """A holder of an unknown account is a broken folder."""
    write_berka(tmp_path, days=1)
    (tmp_path / "account.csv").write_text("account_id,opened\n100,1995-01-01\n")
    with pytest.raises(Rejected, match="do not fit"):
        list(BerkaSource(tmp_path).items())


def test_ids_are_told_apart_from_those_of_other_sources() -> None:
    """The file's numbers get a name."""
    assert account_id("576") == "acct-berka-576"
