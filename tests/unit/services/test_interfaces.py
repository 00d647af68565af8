"""The committed interface documents are what the code publishes.

All tests of OpenAPI documents are here: making the first of a process takes a second.
"""

import importlib
from typing import Any, cast

import httpx
import msgspec
import pytest

from contracts.events import EVENT_TYPES
from contracts.settings import Settings
from services.events.messages import BATCHED, BINARY, NDJSON, STRUCTURED
from services.interfaces import FOLDER, SERVICES, documents

PATHS = {
    "events": {"/events", "/events/stream", "/transactions", "/dead-letters"},
    "accounts": {"/balances/days", "/accounts/changes", "/cards/{card_id}/freeze", "/preferences"},
    "analytics": {"/alerts", "/alert-log", "/rules/preview", "/spending", "/alerts/stream"},
}


@pytest.fixture(scope="module")
def published() -> dict[str, bytes]:
    return documents()


def test_the_committed_interfaces_are_current(published: dict[str, bytes]) -> None:
    """`make interfaces` was run with the change that touched them."""
    assert {path.name: path.read_bytes() for path in FOLDER.glob("*.json")} == published


@pytest.mark.parametrize("service", SERVICES)
def test_every_operation_says_what_it_does(published: dict[str, bytes], service: str) -> None:
    """OpenAPI 3.1, and each operation has a summary or a description."""
    document = msgspec.json.decode(published[f"{service}.openapi.json"])
    assert document["openapi"].startswith("3.1")
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert all(operation.get("summary") or operation.get("description") for operation in operations)


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_serves_its_document(published: dict[str, bytes], service: str) -> None:
    """At /openapi.json, with every route of the architecture."""
    app = importlib.import_module(f"services.{service}.app").create_app(Settings())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(cast("Any", app)), base_url="http://service") as client:
        served = (await client.get("/openapi.json")).json()
    assert set(served["paths"]) >= PATHS[service]
    assert set(served["paths"]) == set(msgspec.json.decode(published[f"{service}.openapi.json"])["paths"])


def test_bodies_and_answers_made_by_hand_are_described(published: dict[str, bytes]) -> None:
    """What the event service reads and answers without its framework is in the document all the same."""
    paths = msgspec.json.decode(published["events.openapi.json"])["paths"]
    posted = paths["/events"]["post"]
    assert set(posted["requestBody"]["content"]) == {STRUCTURED, BATCHED, NDJSON, BINARY}
    assert "IngestReport" in str(posted["responses"]["200"])
    assert "TransactionPage" in str(paths["/transactions"]["get"]["responses"]["200"])


def test_every_event_type_is_in_the_asyncapi_document(published: dict[str, bytes]) -> None:
    """A producer finds each type it may send."""
    document = msgspec.json.decode(published["asyncapi.json"])
    assert set(EVENT_TYPES) == set(document["channels"]["events"]["messages"])
