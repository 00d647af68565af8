"""Facts about logs: what must never be in them."""

from typing import Any

from contracts.logs import MASK, mask_event
from tests.cases import each

TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJjMSJ9.c2ln"


@each(
    "secret",
    [TOKEN, f"Bearer {TOKEN}", "bearer opaque-token", "DE89370400440532013000", "DE89 3704 0044 0532 0130 00",
     "4111 1111 1111 1111", "4111-1111-1111-1111", "370400440532013000"],
)  # fmt: skip
@each("wrap", [str, lambda text: [text], lambda text: {"deep": [{"er": f"see {text}."}]}])
def test_secrets_are_masked(secret: str, wrap: Any) -> None:
    """Tokens, account and card numbers, wherever they are in an event."""
    masked = str(mask_event(None, "", {"event": "something", "value": wrap(secret)}))
    assert secret not in masked
    assert MASK in masked


@each("key", ["variables", "Authorization", "token", "iban", "password"])
def test_some_names_hide_their_value(key: str) -> None:
    """Whatever it looks like."""
    assert mask_event(None, "", {"event": "x", key: {"a": 1}})[key] == MASK


def test_what_finds_a_request_stays() -> None:
    """Times and trace ids look like numbers and are none to hide."""
    event = {"event": "x", "timestamp": "2026-11-24T17:00:00.123456Z", "trace_id": "1234567890123456", "port": 8000}
    assert mask_event(None, "", dict(event)) == event
