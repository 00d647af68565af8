"""What a client asks for, whatever carried it: the GraphQL-over-HTTP request parameters, strictly read.

HTTP bodies, URL parameters and socket messages all end here. Reading is pure; nothing is parsed as GraphQL yet.
"""

from typing import Any

import msgspec

from contracts.failures import Rejected
from gateway.bodies import MalformedBody, decode_json

DOCUMENT_ID_CHARACTERS_MAX = 200
KEYS = frozenset({"query", "documentId", "operationName", "variables", "extensions", "doc_id"})
"""Parameters with a meaning here. `doc_id` is how Relay names a stored document."""
IDS = frozenset({"documentId", "doc_id"})
"""Where a document's id stands, beside the extensions."""


class BadRequest(Rejected):
    """The request's parameters have the wrong shape."""

    code = "BAD_REQUEST"


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One operation to execute: a document by text or by id, and what goes with it."""

    query: str | None = None
    document_id: str | None = None
    operation_name: str | None = None
    variables: dict[str, Any] = msgspec.field(default_factory=dict)
    extensions: dict[str, Any] = msgspec.field(default_factory=dict)


def read_operation(value: Any) -> Operation:
    """Read the parameters from a decoded JSON object; unknown keys are ignored, as clients send their own.

    Raises:
        BadRequest: not an object, a parameter of the wrong type, or neither document nor id.
    """
    if not isinstance(value, dict):
        raise BadRequest("The request must be a JSON object.")
    extensions = _map(value, "extensions")
    document_id = _document_id(value, extensions) if extensions or not IDS.isdisjoint(value) else None
    query = _text(value, "query")
    if not query and document_id is None:
        raise BadRequest("The parameter 'query' is missing.")
    return Operation(
        query=query or None,
        document_id=document_id,
        operation_name=_text(value, "operationName") or None,
        variables=_map(value, "variables"),
        extensions=extensions,
    )


def read_url_operation(parameters: list[tuple[str, str]]) -> Operation:
    """Read the parameters from a URL's query string, where `variables` and `extensions` are JSON texts.

    Raises:
        BadRequest: as `read_operation`, or a parameter was given twice.
        MalformedBody: a JSON text cannot be read.
    """
    value: dict[str, Any] = {}
    for name, text in parameters:
        if name not in KEYS:
            continue
        if name in value:
            raise BadRequest(f"The parameter '{name}' is given twice.")
        value[name] = _url_json(name, text) if name in ("variables", "extensions") and text else text or None
    return read_operation(value)


def _url_json(name: str, text: str) -> Any:
    try:
        return decode_json(text.encode("utf-8", "surrogatepass"))
    except MalformedBody as error:
        raise MalformedBody(f"The parameter '{name}' is not valid JSON.") from error


def _text(value: dict[str, Any], name: str) -> str | None:
    text = value.get(name)
    if text is None or isinstance(text, str):
        return text
    raise BadRequest(f"The parameter '{name}' must be a string.", pointer=f"/{name}")


def _map(value: dict[str, Any], name: str) -> dict[str, Any]:
    found = value.get(name)
    if found is None:
        return {}
    if isinstance(found, dict):
        return found
    raise BadRequest(f"The parameter '{name}' must be an object.", pointer=f"/{name}")


def _document_id(value: dict[str, Any], extensions: dict[str, Any]) -> str | None:
    ids = {_text(value, "documentId"), _text(value, "doc_id"), _persisted(extensions)} - {None, ""}
    if len(ids) > 1:
        raise BadRequest("Two different document ids are given.")
    document_id = next(iter(ids), None)
    if document_id is not None and len(document_id) > DOCUMENT_ID_CHARACTERS_MAX:
        raise BadRequest("The document id is too long.")
    return document_id


def _persisted(extensions: dict[str, Any]) -> str | None:
    """Read Apollo's `persistedQuery` extension as a document id."""
    persisted = extensions.get("persistedQuery")
    if persisted is None:
        return None
    if isinstance(persisted, dict) and isinstance(persisted.get("sha256Hash"), str) and persisted.get("version") == 1:
        return f"sha256:{persisted['sha256Hash'].lower()}"
    raise BadRequest("The extension 'persistedQuery' must hold version 1 and sha256Hash.", pointer="/extensions")
