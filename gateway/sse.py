"""Server-sent events: the distinct-connections mode of the graphql-sse protocol, chosen by `Accept`.

    event: next      one answer; `id:` carries the feed cursor where the answer's root field has one
    event: complete  the operation ended; nothing follows
    : (comment)      a heartbeat, so that proxies and phones keep the connection
    retry: (ms)      the gateway stops: come back after so long, with the `id:` beside it

Resuming: `Last-Event-ID` sets the variable that the operation's root field takes as argument `after`; a client writes
`subscription($after: FeedCursor) { alertFeed(after: $after) { … } }` once; any EventSource then resumes by itself.
Queries and mutations are answered with one `next`.
"""

import msgspec
from graphql import FieldNode, VariableNode

from gateway.answering import Answer
from gateway.draining import Farewell
from gateway.execution import Payload, Selected

COMPLETE = b"event: complete\ndata:\n\n"
HEARTBEAT = b":\n\n"


class EventFraming:
    """Answers as server-sent events."""

    content_type = b"text/event-stream; charset=utf-8"
    opening = HEARTBEAT
    heartbeat = HEARTBEAT
    closing = COMPLETE

    def frame(self, answer: Answer) -> bytes:
        """Encode one answer as a `next` event; the same for everyone who gets the answer."""
        framed: bytes = answer.framed("event", _event)
        return framed

    def farewell(self, farewell: Farewell) -> bytes:
        """Encode when to come back and where to go on; without `complete`, as the operation is not."""
        event_id = b"id: %s\n" % farewell.cursor.encode() if farewell.cursor else b""
        return b"retry: %d\n%s: draining\n\n" % (farewell.reconnect_after_ms, event_id)


def _event(answer: Answer) -> bytes:
    cursor = cursor_of(answer.payload)
    event_id = b"id: %s\n" % cursor.encode() if cursor else b""
    return b"%sevent: next\ndata: %s\n\n" % (event_id, answer.json)


def cursor_of(payload: Payload) -> str | None:
    """Return the feed cursor of an answer: the `cursor` of its first root field, or None."""
    data = payload.get("data")
    root = next(iter(data.values()), None) if isinstance(data, dict) else None
    cursor = root.get("cursor") if isinstance(root, dict) else None
    return cursor if isinstance(cursor, str) and cursor.isprintable() else None


def with_last_event_id(selected: Selected, last_event_id: str | None) -> Selected:
    """Return the operation resumed after `Last-Event-ID`, where its root field takes `after` from a variable."""
    if not last_event_id or not selected.is_subscription:
        return selected
    name = _after_variable(selected)
    if name is None:
        return selected
    variables = {**selected.operation.variables, name: last_event_id}
    return msgspec.structs.replace(selected, operation=msgspec.structs.replace(selected.operation, variables=variables))


def _after_variable(selected: Selected) -> str | None:
    for field in selected.node.selection_set.selections:
        if isinstance(field, FieldNode):
            for argument in field.arguments or ():
                if argument.name.value == "after" and isinstance(argument.value, VariableNode):
                    return argument.value.name.value
    return None
