"""What one record is refused for, with reason and pointer, and what makes two records the same event."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.events import EVENT_BYTES_MAX, EVENT_TYPES
from services.events import patterns
from services.events.amounts import CHECKS
from services.events.screening import Refused, Screened, screen
from tests.cases import each
from tests.examples import examples
from tests.unit.services.events.samples import ACCOUNT, LATEST, PAYMENT, event, payment, raw, screened

EUR = "EUR"


def money(amount: str, currency: str = EUR) -> dict[str, str]:
    return {"amount": amount, "currency": currency}


REFUSALS: list[tuple[bytes, str, str | None]] = [
    (b"{", "MALFORMED_JSON", None),
    (b"\xff\xfe", "MALFORMED_JSON", None),
    (b'{"a":' + b"[" * 20_000, "MALFORMED_JSON", None),
    (b"[]", "NOT_CLOUDEVENTS", None),
    (b'{"specversion":"1.0"}', "NOT_CLOUDEVENTS", "/id"),
    (raw("price.quoted", {}, specversion="0.3"), "NOT_CLOUDEVENTS", "/specversion"),
    (raw("price.quoted", {}, datacontenttype="text/xml"), "NOT_CLOUDEVENTS", "/datacontenttype"),
    (raw("price.quoted", {}, time="yesterday"), "NOT_CLOUDEVENTS", "/time"),
    (raw("coffee.brewed", {}), "UNKNOWN_TYPE", "/type"),
    (raw("payment.booked", PAYMENT, type="belfry.payment.booked.v2"), "UNKNOWN_VERSION", "/type"),
    (payment(time="2026-02-30T10:00:00Z"), "INVALID_DATA", "/time"),
    (payment(time="0001-01-01T00:00:00+10:00"), "INVALID_DATA", "/time"),
    (payment(time="2026-03-01T12:05:01Z"), "TIME_IN_FUTURE", "/time"),
    (payment(time="1969-12-31T23:59:59Z"), "TIME_TOO_OLD", "/time"),
    (payment(amountt="1"), "INVALID_DATA", "/data/amountt"),
    (payment(transactionId=7), "INVALID_DATA", "/data/transactionId"),
    (payment(bookingDate="2026-02-29"), "INVALID_DATA", "/data/bookingDate"),
    (payment(amount=money("-1.00")), "BAD_AMOUNT", "/data/amount/amount"),
    (payment(amount=money("0.00")), "BAD_AMOUNT", "/data/amount/amount"),
    (payment(amount=money("1.001")), "BAD_AMOUNT", "/data/amount/amount"),
    (payment(amount=money("1.5", "JPY")), "BAD_AMOUNT", "/data/amount/amount"),
    (payment(amount=money("99999999999999")), "BAD_AMOUNT", "/data/amount/amount"),
    (payment(amount=money("1.00", "XXX")), "UNKNOWN_CURRENCY", "/data/amount/currency"),
    (payment(originalAmount=money("1.00", "ABC")), "UNKNOWN_CURRENCY", "/data/originalAmount/currency"),
    (payment("payment.reversed", reversesTransactionId="tx-1"), "INVALID_DATA", "/data/reversesTransactionId"),
    (raw("account.opened", ACCOUNT | {"currency": "eur"}), "UNKNOWN_CURRENCY", "/data/currency"),
    (
        raw("account.opened", ACCOUNT | {"creditLimit": money("5.00", "USD")}),
        "CURRENCY_MISMATCH",
        "/data/creditLimit/currency",
    ),
    (
        raw("account.opened", ACCOUNT | {"parties": [{"customerId": "a", "role": "KING"}]}),
        "INVALID_DATA",
        "/data/parties/0/role",
    ),
    (payment(counterparty="x" * EVENT_BYTES_MAX), "TOO_LARGE", None),
]


@each(("record", "reason", "pointer"), REFUSALS)
def test_a_bad_record_is_refused_with_reason_and_place(record: bytes, reason: str, pointer: str | None) -> None:
    """Each kind of wrong input has its own stable reason and points at what is wrong."""
    refused = screen(record, LATEST)
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.pointer) == (reason, pointer)


def test_a_refusal_keeps_the_bytes_and_names_the_event() -> None:
    """The producer finds the record again by its source and id, the operator by its bytes."""
    record = payment(id="e-9", amount=money("0"))
    refused = screen(record, LATEST)
    assert isinstance(refused, Refused)
    assert (refused.raw, refused.id, refused.source) == (record, "e-9", "urn:test")


def test_a_good_payment_is_screened_into_minor_units_and_sortable_time() -> None:
    """Amount and time come out in the forms the store sorts and compares by."""
    record = screened(payment(time="2026-02-03T11:00:00.5+01:00"))
    assert (record.minor, record.occurred_at) == (1230, "2026-02-03T10:00:00.500000Z")


def test_key_order_white_space_and_extensions_do_not_make_another_event() -> None:
    """The digest is over what an event says, not over how it is written."""
    given = event("payment.booked", PAYMENT)
    shuffled = dict(reversed(given.items())) | {"traceparent": "00-abc", "data": dict(reversed(PAYMENT.items()))}
    spaced = msgspec.json.format(msgspec.json.encode(shuffled), indent=2)
    first, second = screened(msgspec.json.encode(given)), screened(spaced)
    assert (first.key, first.digest) == (second.key, second.digest)
    assert b"\n" not in second.raw


@pytest.mark.parametrize(
    "other",
    [
        payment(amount=money("12.31")),
        payment(time="2026-02-03T10:00:01Z"),
        payment("payment.pending"),
        raw("payment.booked", PAYMENT, subject="s"),
    ],
)
def test_another_amount_time_type_or_subject_makes_another_event(other: bytes) -> None:
    """What an event says decides its digest."""
    assert screened(other).digest != screened(payment()).digest


def test_source_and_id_cannot_be_shifted_into_each_other() -> None:
    """The dedupe key keeps its two parts apart."""
    first = screened(raw("payment.booked", PAYMENT, source="ab", id="c"))
    assert first.key != screened(raw("payment.booked", PAYMENT, source="a", id="bc")).key


def test_every_event_type_has_its_checks() -> None:
    """A type added to the contract cannot be forgotten here."""
    assert set(CHECKS) == set(EVENT_TYPES.values())


@examples(50)
@given(st.binary(max_size=300))
def test_any_bytes_are_screened_or_refused(record: bytes) -> None:
    """Screening never raises, whatever the bytes."""
    assert isinstance(screen(record, LATEST), Refused)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@examples(50)
@given(st.sampled_from(sorted([*event("", {}), *PAYMENT, "merchant"])), json_values)
def test_any_json_in_any_field_is_screened_or_refused(field: str, value: Any) -> None:
    """A well-formed event with anything at all in one field never breaks screening."""
    given = event("payment.booked", PAYMENT)
    target = given if field in given else given["data"]
    record = msgspec.json.encode(
        given | {field: value} if target is given else given | {"data": target | {field: value}}
    )
    assert isinstance(screen(record, LATEST), Screened | Refused)


@each(
    ("field", "bad"),
    [
        ("transactionId", "t 1"),
        ("accountId", "-a"),
        ("cardId", "\n"),
        ("bookingDate", "2026-2-01"),
        ("valueDate", "20260201"),
        ("merchant", {"name": "Shop", "country": "gb"}),
        ("merchant", {"name": "Shop", "merchantCategoryCode": "541"}),
    ],
)
def test_a_text_against_its_pattern_is_refused_whatever_was_seen_before(field: str, bad: Any) -> None:
    """Texts that matched are remembered, each pattern's by itself, and only those that matched."""
    good: dict[str, Any] = {
        "cardId": "541",
        "merchant": {"name": "541", "country": "GB", "merchantCategoryCode": "5411"},
    }
    for _ in range(2):
        assert isinstance(screen(payment(accountId="20260201", **good), LATEST), Screened)
        refused = screen(payment(**good | {field: bad}), LATEST)
        assert isinstance(refused, Refused)
        assert (refused.reason, str(refused.pointer)[: len(field) + 6]) == ("INVALID_DATA", f"/data/{field}")


def test_what_is_remembered_of_patterns_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A producer with ever new accounts cannot fill the memory."""
    monkeypatch.setattr(patterns, "KNOWN_MAX", 50)
    for pattern in patterns._made.values():
        monkeypatch.setattr(pattern, "known", {None})  # not what other tests left
    for number in range(400):
        screened(payment(accountId=f"bounded-{number}"))
    assert patterns.remembered() <= 4 * 52
