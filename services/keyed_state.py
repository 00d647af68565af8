"""Small state under a key, changed only by who has seen its latest version: what the lease of the stream is kept in.

The port, and its adapter on DynamoDB. A version counts up from 1; 0 means that nothing is there yet.
"""

from typing import Any, Protocol

import msgspec

from aws.clients import translated
from aws.failures import failure_of_code

WHAT = "state table"


class Versioned(msgspec.Struct, frozen=True):
    """A value and the version it was read at."""

    version: int
    value: bytes


class KeyedState(Protocol):
    """Values by key; a commit holds or conflicts, it never overwrites what its writer has not seen."""

    async def load(self, key: str) -> Versioned:
        """Return the latest value; version 0 and no bytes where there is none."""

    async def commit_if(self, key: str, version: int, value: bytes) -> int:
        """Replace the value that has this version (0: there is none); return the new version.

        Raises:
            Conflict: `VERSION_MOVED_ON`; somebody else committed. Load again.
            Overloaded, Unavailable: it may or may not be committed; load again.
        """


class DynamoKeyedState:
    """One item a key; `client` is a DynamoDB client that lives as long as this."""

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    async def load(self, key: str) -> Versioned:
        """See `KeyedState`."""
        with translated(WHAT):
            answer = await self._client.get_item(TableName=self._table, Key={"key": {"S": key}}, ConsistentRead=True)
        item = answer.get("Item")
        return Versioned(int(item["version"]["N"]), item["value"]["B"]) if item else Versioned(0, b"")

    async def commit_if(self, key: str, version: int, value: bytes) -> int:
        """See `KeyedState`."""
        seen: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(#key)"}
        names = {"#key": "key"}
        if version:
            names = {"#version": "version"}
            seen = {
                "ConditionExpression": "#version = :seen",
                "ExpressionAttributeValues": {":seen": {"N": str(version)}},
            }
        item = {"key": {"S": key}, "version": {"N": str(version + 1)}, "value": {"B": value}}
        with translated(WHAT):
            try:
                await self._client.put_item(
                    TableName=self._table, Item=item, ExpressionAttributeNames=names, **seen,
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )  # fmt: skip
            except self._client.exceptions.ConditionalCheckFailedException as refused:
                # The client repeats a call whose answer was lost: what it finds then is its own commit.
                if refused.response.get("Item") != item:
                    raise failure_of_code("ConditionalCheckFailedException", WHAT) from refused
        return version + 1
