"""The life of a transaction: one row a movement, final statuses final, whatever comes in whatever order."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.failures import Rejected
from contracts.vocabulary import SpendingCategory, TransactionStatus
from services.events.history import Movement, moved
from tests.examples import examples
from tests.unit.services.events.samples import PAYMENT, payment, raw, screened

KINDS = ["payment.pending", "card.authorised", "payment.booked", "payment.rejected", "card.declined", "card.reversed"]


def record_of(kind: str) -> bytes:
    if kind == "card.reversed":
        return raw(kind, {"transactionId": "tx-1", "accountId": "acc-1"})
    reason = {"reason": "No funds"} if kind in ("payment.rejected", "card.declined") else {}
    return raw(kind, PAYMENT | reason)


def after(*records: bytes) -> Movement:
    movement: Movement | None = None
    for record in records:
        movement = moved(movement, screened(record)) or movement
    assert movement is not None
    return movement


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("payment.pending", "PDNG"),
        ("card.authorised", "PDNG"),
        ("payment.booked", "BOOK"),
        ("payment.rejected", "RJCT"),
        ("card.declined", "RJCT"),
    ],
)
def test_a_first_event_decides_the_status(kind: str, status: str) -> None:
    """Each kind of event starts the row in its own status."""
    assert after(record_of(kind)).transaction.status == status


def test_a_booking_fills_over_the_authorisation_and_keeps_what_it_leaves_out() -> None:
    """Pending then booked is one movement: new amount, the merchant and the time of the authorisation."""
    merchant = {"name": "Café", "merchantCategoryCode": "5812"}
    pending = payment("card.authorised", merchant=merchant, cardId="card-1")
    booked = payment(time="2026-02-05T00:00:00Z", amount={"amount": "12.00", "currency": "EUR"})
    movement = after(pending, booked)
    row = movement.transaction
    assert (row.status, row.amount.amount, row.card_id, movement.minor) == ("BOOK", "12.00", "card-1", 1200)
    assert (row.merchant is not None, row.category) == (True, SpendingCategory.DINING)
    assert (row.occurred_at, row.booking_date) == ("2026-02-03T10:00:00Z", "2026-02-05")


def test_a_late_pending_event_changes_nothing() -> None:
    """An authorisation that arrives after its booking does not bring the row back."""
    assert moved(after(payment()), screened(payment("card.authorised"))) is None


def test_a_released_authorisation_is_rejected_with_a_reason() -> None:
    """A reversal before booking turns the pending row into a rejected one."""
    row = after(record_of("card.authorised"), record_of("card.reversed")).transaction
    assert (row.status, row.rejection_reason is not None) == ("RJCT", True)


def test_a_reversed_payment_is_a_linked_movement() -> None:
    """A payment given back is a booked row of its own that names the one it reverses."""
    record = payment(
        "payment.reversed", transactionId="tx-2", reversesTransactionId="tx-1", creditDebitIndicator="CRDT"
    )
    row = after(record).transaction
    assert (row.id, row.status, row.reverses_transaction_id) == ("tx-2", "BOOK", "tx-1")


def test_a_transaction_of_another_account_is_refused() -> None:
    """A transaction id that is taken cannot move to another account."""
    with pytest.raises(Rejected) as refused:
        moved(after(payment()), screened(payment(accountId="acc-2")))
    assert refused.value.reason == "TRANSACTION_OF_OTHER_ACCOUNT"


def test_a_release_of_nothing_is_refused() -> None:
    """A release whose authorisation never came is seen by its producer, not lost."""
    with pytest.raises(Rejected) as refused:
        moved(None, screened(record_of("card.reversed")))
    assert refused.value.reason == "UNKNOWN_TRANSACTION"


@examples(60)
@given(st.lists(st.sampled_from(KINDS), min_size=1, max_size=8))
def test_a_status_never_goes_back(kinds: list[str]) -> None:
    """In any order of events the status only goes from pending to rejected to booked, and booked is final."""
    movement: Movement | None = None
    statuses: list[TransactionStatus] = []
    for kind in kinds:
        try:
            movement = moved(movement, screened(record_of(kind))) or movement
        except Rejected:
            continue
        if movement is not None:
            statuses.append(movement.transaction.status)
    order = [TransactionStatus.PENDING, TransactionStatus.REJECTED, TransactionStatus.BOOKED]
    assert statuses == sorted(statuses, key=order.index)


def test_a_booking_after_a_release_is_booked_and_says_nothing_of_a_rejection() -> None:
    """What moved money is shown as booked: merchants may book after their authorisation was released."""
    row = after(record_of("card.authorised"), record_of("card.reversed"), record_of("payment.booked")).transaction
    assert (row.status, row.rejection_reason) == ("BOOK", None)


def test_a_movement_survives_its_encoding() -> None:
    """What is stored reads back as the transaction it was."""
    row = after(payment(merchant={"name": "Shop"}, remittanceInformation="für alles")).transaction
    assert msgspec.json.decode(msgspec.json.encode(row), type=type(row)) == row
