"""Facts about logs: what must never be in them."""

import json
import subprocess
import sys
from typing import Any

import pytest

from contracts.logs import MASK, mask_event

TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJjMSJ9.c2ln"


@pytest.mark.parametrize(
    "secret",
    [TOKEN, f"Bearer {TOKEN}", "bearer opaque-token", "DE89370400440532013000", "DE89 3704 0044 0532 0130 00",
     "4111 1111 1111 1111", "4111-1111-1111-1111", "370400440532013000"],
)  # fmt: skip
@pytest.mark.parametrize("wrap", [str, lambda text: [text], lambda text: {"deep": [{"er": f"see {text}."}]}])
def test_secrets_are_masked(secret: str, wrap: Any) -> None:
    """Tokens, account and card numbers, wherever they are in an event."""
    masked = str(mask_event(None, "", {"event": "something", "value": wrap(secret)}))
    assert secret not in masked
    assert MASK in masked


@pytest.mark.parametrize("key", ["variables", "Authorization", "token", "iban", "password"])
def test_some_names_hide_their_value(key: str) -> None:
    """Whatever it looks like."""
    assert mask_event(None, "", {"event": "x", key: {"a": 1}})[key] == MASK


def test_libraries_log_the_same_way() -> None:
    """A line of JSON on standard error, masked, one line however many the text has; below WARNING nothing."""
    program = (
        "import logging; from contracts.logs import configure_logs; configure_logs('INFO');"
        f"logging.getLogger('uvicorn.error').error('%s\\nforged', '{TOKEN}', exc_info=ValueError('4111111111111111'));"
        "logging.getLogger('aiohttp').info('chatter')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    logged = [json.loads(line) for line in done.stderr.splitlines()]
    assert [(one["event"], one["logger"], one["level"]) for one in logged] == [
        (f"{MASK}\nforged", "uvicorn.error", "error")
    ]
    assert "4111" not in logged[0]["exception"]


def test_what_finds_a_request_stays() -> None:
    """Times and trace ids look like numbers and are none to hide."""
    event = {"event": "x", "timestamp": "2026-11-24T17:00:00.123456Z", "trace_id": "1234567890123456", "port": 8000}
    assert mask_event(None, "", dict(event)) == event
