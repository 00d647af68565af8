"""The committed interface documents are what the code publishes."""

import msgspec
import pytest

from contracts.events import EVENT_TYPES
from services.interfaces import FOLDER, SERVICES, documents


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


def test_every_event_type_is_in_the_asyncapi_document(published: dict[str, bytes]) -> None:
    """A producer finds each type it may send."""
    document = msgspec.json.decode(published["asyncapi.json"])
    assert set(EVENT_TYPES) == set(document["channels"]["events"]["messages"])
