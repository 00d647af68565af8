"""Events read back from the log: the same as checked ones, without the checks."""

import msgspec
import pytest

from contracts import events as e
from contracts.stored_events import DATA_DECODERS, by_type, log_entries, stored, unpatterned
from tests.cases import each

PAYMENT = (
    b'{"transactionId":"t-1","accountId":"a-1","creditDebitIndicator":"DBIT",'
    b'"amount":{"amount":"1.00","currency":"EUR"}}'
)


@each("kind", e.EVENT_TYPES.values())
def test_a_stored_type_has_the_fields_of_its_original(kind: type[msgspec.Struct]) -> None:
    """Names, defaults and wire names are the same: only what is checked differs."""
    originals, ours = msgspec.structs.fields(kind), msgspec.structs.fields(stored(kind))
    said = [(one.name, one.encode_name, one.required, one.default) for one in originals]
    assert sorted(said, key=str) == sorted(
        ((one.name, one.encode_name, one.required, one.default) for one in ours), key=str
    )


def test_what_is_read_back_is_of_the_original_type() -> None:
    """Code that asks for a payment booked finds it."""
    data = DATA_DECODERS["belfry.payment.booked.v1"].decode(PAYMENT)
    assert isinstance(data, e.PaymentBooked)
    assert msgspec.to_builtins(data) == msgspec.to_builtins(
        e.EVENT_DECODERS["belfry.payment.booked.v1"].decode(PAYMENT)
    )


def test_patterns_are_not_checked_again_but_types_are() -> None:
    """A pattern that changed since does not stop a consumer; a number where a text belongs does."""
    decode = DATA_DECODERS["belfry.payment.booked.v1"].decode
    assert decode(PAYMENT.replace(b"a-1", b"?!")).account_id == "?!"
    with pytest.raises(msgspec.ValidationError):
        decode(PAYMENT.replace(b'"a-1"', b"1"))


def test_a_line_of_the_log_is_read() -> None:
    """The envelope is decoded likewise."""
    line = b'{"offset":1,"acceptedAt":"2026-01-01T00:00:00Z","event":%s}'
    envelope = b'{"specversion":"1.0","id":"i","source":"s","type":"t","time":"x","data":{}}'
    assert log_entries.decode(line % envelope).event.time == "x"


def test_a_table_by_type_finds_both() -> None:
    """Tables are written with the originals."""
    table = by_type({e.PaymentBooked: 1})
    assert table[e.PaymentBooked] == table[stored(e.PaymentBooked)] == 1


def test_a_type_without_patterns_keeps_its_lengths_and_its_order() -> None:
    """What it encodes to is what an event's digest is made of: it must not change."""
    kind = e.PaymentBooked
    decode = msgspec.json.Decoder(unpatterned(kind)).decode
    loose, checked = decode(PAYMENT), e.EVENT_DECODERS["belfry.payment.booked.v1"].decode(PAYMENT)
    assert msgspec.json.encode(loose) == msgspec.json.encode(checked)
    assert decode(PAYMENT.replace(b"a-1", b"?!")).account_id == "?!"
    with pytest.raises(msgspec.ValidationError, match="length"):
        decode(PAYMENT.replace(b"{", b'{"counterparty":"",', 1))
