"""How lists of ids come in over HTTP and go into SQL: bounded, and as one JSON parameter of one prepared statement."""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from litestar.params import QueryParameter

from contracts.accounts import IDS_PER_CALL_MAX

Ids = Annotated[list[str], QueryParameter(name="id", min_items=1, max_items=IDS_PER_CALL_MAX)]
AccountIds = Annotated[list[str], QueryParameter(name="accountId", min_items=1, max_items=IDS_PER_CALL_MAX)]
CustomerIds = Annotated[list[str], QueryParameter(name="customerId", min_items=1, max_items=IDS_PER_CALL_MAX)]


def json_ids(ids: Sequence[str]) -> str:
    """Write ids as the JSON array that `json_each` reads."""
    return msgspec.json.encode(ids).decode()
