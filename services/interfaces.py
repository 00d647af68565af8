"""Write the published interfaces into docs/interfaces: `python -m services.interfaces [folder]`.

OpenAPI 3.1 of each service comes from its application, AsyncAPI 3 of events and alerts from `contracts`; a test
compares the committed files with what this writes.
"""

import importlib
import sys
from pathlib import Path
from typing import Any

import msgspec

from contracts.alerts import AlertLogEntry
from contracts.events import EVENT_TYPES, CloudEvent
from contracts.settings import Settings

FOLDER = Path(__file__).parent.parent / "docs" / "interfaces"
SERVICES = ("events", "accounts", "analytics")
VERSION = "1.0.0"


def openapi_of(service: str) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of a service, without starting it."""
    app = importlib.import_module(f"services.{service}.app").create_app(Settings())
    document: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(app.openapi_schema.to_schema()))
    _drop_examples(document)
    return document


def _drop_examples(value: Any) -> None:
    """Take out the examples that the framework draws at random: the documents must be the same each time."""
    if isinstance(value, dict):
        if isinstance(value.get("examples"), list):
            del value["examples"]
        for inner in value.values():
            _drop_examples(inner)
    elif isinstance(value, list):
        for inner in value:
            _drop_examples(inner)


def asyncapi() -> dict[str, Any]:
    """Return the AsyncAPI 3 document: what producers send, what consumers of the logs receive."""
    payloads, components = msgspec.json.schema_components(
        [*EVENT_TYPES.values(), AlertLogEntry], ref_template="#/components/schemas/{name}"
    )
    events = dict(zip(EVENT_TYPES, payloads, strict=False))
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Belfry events and alerts",
            "version": VERSION,
            "description": "CloudEvents 1.0 in, alerts out; in order within an account and within a customer's alerts.",
        },
        "defaultContentType": "application/json",
        "servers": {
            "events": {"host": "127.0.0.1:8101", "protocol": "http", "description": "The event service."},
            "analytics": {"host": "127.0.0.1:8103", "protocol": "http", "description": "The analytics service."},
        },
        "channels": {
            "events": {
                "address": "/events",
                "description": "Producers post; consumers follow the log at /events/stream from an offset.",
                "servers": [{"$ref": "#/servers/events"}],
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in events},
            },
            "alerts": {
                "address": "/alerts/stream",
                "description": "Every customer's alert log entries, as NDJSON from an offset.",
                "servers": [{"$ref": "#/servers/analytics"}],
                "messages": {"alertLogEntry": {"$ref": "#/components/messages/alertLogEntry"}},
            },
        },
        "operations": {
            "postEvents": {"action": "receive", "channel": {"$ref": "#/channels/events"}},
            "followAlerts": {"action": "send", "channel": {"$ref": "#/channels/alerts"}},
        },
        "components": {
            "messages": {name: _event_message(name, payload) for name, payload in events.items()}
            | {"alertLogEntry": {"title": "An alert was raised or changed", "payload": payloads[-1]}},
            "schemas": components,
        },
    }


def _event_message(name: str, data: dict[str, Any]) -> dict[str, Any]:
    description = (EVENT_TYPES[name].__doc__ or "").strip()
    optional = {"subject", "datacontenttype", "dataschema"}
    text: dict[str, Any] = {"type": "string"}
    properties = {field: text for field in CloudEvent.__struct_fields__ if field != "data"}
    properties |= {"specversion": {"const": "1.0"}, "type": {"const": name}, "data": data}
    return {
        "name": name,
        "title": name,
        **({"description": description} if description and "Struct" not in description else {}),
        "contentType": "application/cloudevents+json",
        "payload": {
            "type": "object",
            "properties": properties,
            "required": [field for field in CloudEvent.__struct_fields__ if field not in optional],
        },
    }


def documents() -> dict[str, bytes]:
    """Return every document by file name, formatted as it is committed."""
    found = {f"{service}.openapi.json": openapi_of(service) for service in SERVICES} | {"asyncapi.json": asyncapi()}
    return {
        name: msgspec.json.format(msgspec.json.encode(found[name], order="sorted"), indent=1) + b"\n" for name in found
    }


def main() -> None:
    """Write the documents into the folder given, or into docs/interfaces."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name, document in documents().items():
        (folder / name).write_bytes(document)


if __name__ == "__main__":
    main()
