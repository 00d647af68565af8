"""Made-up events for the event service's tests."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from services.events.screening import Record, Screened, screen

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LATEST = "2026-03-01T12:05:00.000000Z"
CUSTOMER = {
    "customerId": "cust-1",
    "givenName": "Ada",
    "familyName": "Byron",
    "locale": "en-GB",
    "timeZone": "Europe/London",
    "residencyCountry": "GB",
}
ACCOUNT = {
    "accountId": "acc-1",
    "kind": "CACC",
    "currency": "EUR",
    "displayName": "Everyday",
    "parties": [{"customerId": "cust-1", "role": "OWNER"}],
    "openedOn": "2020-01-01",
}
PAYMENT = {
    "transactionId": "tx-1",
    "accountId": "acc-1",
    "amount": {"amount": "12.30", "currency": "EUR"},
    "creditDebitIndicator": "DBIT",
}


def event(kind: str, data: dict[str, Any], **attributes: Any) -> dict[str, Any]:
    """Return an event of type `belfry.<kind>.v1` with its attributes replaced as asked."""
    given = {
        "specversion": "1.0",
        "id": "e-1",
        "source": "urn:test",
        "type": f"belfry.{kind}.v1",
        "time": "2026-02-03T10:00:00Z",
        "data": data,
    }
    return given | attributes


def raw(kind: str, data: dict[str, Any], **attributes: Any) -> bytes:
    """Return an event as bytes."""
    return msgspec.json.encode(event(kind, data, **attributes))


def payment(kind: str = "payment.booked", *, id: str = "e-1", time: str = "2026-02-03T10:00:00Z", **data: Any) -> bytes:
    """Return a payment event as bytes; `id` is the event's, the rest goes into its data."""
    return raw(kind, PAYMENT | data, id=id, time=time)


def screened(record: bytes) -> Screened:
    """Screen a record that is known to be good."""
    result: Record = screen(record, LATEST)
    assert isinstance(result, Screened), result
    return result


OPENING = [
    raw("customer.registered", CUSTOMER, id="c-1"),
    raw("account.opened", ACCOUNT, id="a-1"),
    raw("account.opened", ACCOUNT | {"accountId": "acc-2", "currency": "JPY"}, id="a-2"),
]
"""What makes customer cust-1 with accounts acc-1 (EUR) and acc-2 (JPY) known."""
