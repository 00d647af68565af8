"""The HTTP interface of the projection itself: how far it is, and what changes. See docs/architecture.md."""

from typing import Annotated

import msgspec
from litestar import get
from litestar.handlers import BaseRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import QueryParameter
from litestar.response import Stream

from services.accounts.changes import FROM_NOW, WAIT_S_MAX, Changes
from services.accounts.store import Projection

NDJSON = "application/x-ndjson"


class Progress(msgspec.Struct, frozen=True):
    """The offset of the event log up to which everything is applied."""

    offset: int


def projection_routes(projection: Projection, changes: Changes) -> list[BaseRouteHandler]:
    """Return the handlers of the projection."""

    @get("/projection", summary="How far the event log is applied")
    async def read_progress() -> Progress:
        return Progress(await projection.offset())

    @get(
        "/accounts/changes",
        responses={200: ResponseSpec(bytes, media_type=NDJSON, description="An AccountChange a line")},
        summary="Follow the accounts that change as NDJSON; after=-1: from now, the first line says where that is",
    )
    async def stream_changes(
        after: Annotated[int, QueryParameter(ge=FROM_NOW, le=2**53)] = FROM_NOW,
        wait: Annotated[float, QueryParameter(ge=0, le=WAIT_S_MAX)] = 30,
    ) -> Stream:
        return Stream(changes.follow(after, wait), media_type=NDJSON)

    return [read_progress, stream_changes]
