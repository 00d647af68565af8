"""What OpenAPI says about the bodies that are read by hand: those of `POST /events` and of a replay."""

from dataclasses import dataclass

from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema

from services.events.messages import BATCHED, BINARY, NDJSON, STRUCTURED

_EVENT = Schema(type=OpenAPIType.OBJECT, description="A CloudEvents 1.0 event; see the AsyncAPI document for the types")


@dataclass
class EventsOperation(Operation):
    """Adds the four ways to send events."""

    def __post_init__(self) -> None:
        self.request_body = RequestBody(
            required=True,
            description="One event or a batch (at most 1 MiB), or a stream of any length with an event (64 KiB) a line",
            content={
                STRUCTURED: OpenAPIMediaType(schema=_EVENT),
                BATCHED: OpenAPIMediaType(schema=Schema(type=OpenAPIType.ARRAY, items=_EVENT)),
                NDJSON: OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING, description="An event a line")),
                BINARY: OpenAPIMediaType(
                    schema=Schema(type=OpenAPIType.OBJECT, description="The data; the attributes are ce- headers")
                ),
            },
        )


@dataclass
class ReplayOperation(Operation):
    """Adds the optional corrected record."""

    def __post_init__(self) -> None:
        self.request_body = RequestBody(
            required=False,
            description="The corrected record; without a body the stored bytes are sent again",
            content={STRUCTURED: OpenAPIMediaType(schema=_EVENT)},
        )
