"""What customers told a service by itself, kept on DynamoDB beside its own file: the port, and its adapter.

    service  decision                 version  writer   row, logOffset, expiresAt
    ──────── ──────────────────────── ──────── ──────── ───────────────────────────────────────
    accounts #newest                  n        process
    accounts frozen_cards card-1      1…n               the row as JSON; none: it was removed

A service's decisions have one order, their version, and one writer. Each commit moves the item `#newest` from the head
that its writer saw: so nothing older is ever put over something newer, a writer that was thought dead is fenced, and a
commit whose answer was lost finds itself.
"""

import time
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, Protocol

from aws.clients import hot_client, translated
from aws.failures import failure_of_code
from contracts.failures import Conflict

DECISIONS_AT_ONCE_MAX = 99
"""DynamoDB takes 100 items in a transaction; one is the head."""
REMOVED_KEPT_S = 400 * 24 * 3600
"""How long it is known that a row was removed: longer than any copy of the file that lacks the removal is used."""
NEWEST = "#newest"
CONDITION_FAILED = "ConditionalCheckFailed"
WHAT = "decision table"


class Decision(NamedTuple):
    """A row of one of the service's tables as a command left it."""

    version: int
    name: str
    """Of the table."""
    key: str
    row: str | None
    """JSON; None: the row was removed."""
    log_offset: int
    """Of the last event applied before it."""
    expires: bool = False
    """Whether a removal may be forgotten: the log does not bring the row back."""


class Head(NamedTuple):
    """The newest decision of a service, and who may add the next."""

    version: int = 0
    writer: str = ""


class DecisionTable(Protocol):
    """The decisions of one service."""

    async def head(self) -> Head:
        """Return the head; version 0 and no writer where nothing was ever committed."""

    async def read_after(self, version: int) -> list[Decision]:
        """Return the latest decision on each row that is newer than a version, by version."""

    async def commit_if(self, seen: Head, head: Head, decisions: Sequence[Decision] = ()) -> None:
        """Put at most `DECISIONS_AT_ONCE_MAX` decisions and the head they make, all or none.

        The same commit again, as long as nothing followed it, is no error.

        Raises:
            Conflict: `VERSION_MOVED_ON`; the head is not the one seen: another writer took over. Nothing is put.
            Overloaded, Unavailable: it may or may not be there; commit the same again.
        """


class DynamoDecisionTable:
    """`DecisionTable` on DynamoDB; `client` lives as long as this."""

    def __init__(self, client: Any, table: str, service: str, clock_s: Callable[[], float] = time.time) -> None:
        self._client = client
        self._table = table
        self._service = {"S": service}
        self._clock_s = clock_s

    async def head(self) -> Head:
        """See `DecisionTable`."""
        with translated(WHAT):
            key = {"service": self._service, "decision": {"S": NEWEST}}
            answer = await self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        return _head(answer.get("Item"))

    async def read_after(self, version: int) -> list[Decision]:
        """See `DecisionTable`."""
        found: list[Decision] = []
        place: dict[str, Any] = {}
        while True:
            with translated(WHAT):
                answer = await self._client.query(
                    TableName=self._table,
                    KeyConditionExpression="service = :service AND decision > :newest",
                    ExpressionAttributeValues={":service": self._service, ":newest": {"S": NEWEST}},
                    ConsistentRead=True,
                    **place,
                )
            found += _decisions(answer["Items"], version)
            if "LastEvaluatedKey" not in answer:
                return sorted(found)
            place = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    async def commit_if(self, seen: Head, head: Head, decisions: Sequence[Decision] = ()) -> None:
        """See `DecisionTable`."""
        items = [
            self._head_item(seen, head),
            *({"TableName": self._table, "Item": self._item(one)} for one in decisions),
        ]
        with translated(WHAT):
            try:
                await self._client.transact_write_items(TransactItems=[{"Put": put} for put in items])
            except self._client.exceptions.TransactionCanceledException as cancelled:
                reasons = cancelled.response.get("CancellationReasons", [])
                codes = {reason["Code"] for reason in reasons} - {"None", CONDITION_FAILED}
                if codes or not reasons:
                    raise failure_of_code(min(codes, default=""), WHAT) from cancelled
                if _head(reasons[0].get("Item")) != head:
                    raise Conflict("Another process decides now.", code="VERSION_MOVED_ON") from cancelled

    def _head_item(self, seen: Head, head: Head) -> dict[str, Any]:
        item = {
            "service": self._service,
            "decision": {"S": NEWEST},
            "version": {"N": str(head.version)},
            "writer": {"S": head.writer},
        }
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(service)"}
        if seen != Head():
            condition = {
                "ConditionExpression": "version = :version AND writer = :writer",
                "ExpressionAttributeValues": {":version": {"N": str(seen.version)}, ":writer": {"S": seen.writer}},
            }
        return {"TableName": self._table, "Item": item, "ReturnValuesOnConditionCheckFailure": "ALL_OLD", **condition}

    def _item(self, decision: Decision) -> dict[str, Any]:
        item = {
            "service": self._service,
            "decision": {"S": f"{decision.name} {decision.key}"},
            "version": {"N": str(decision.version)},
            "logOffset": {"N": str(decision.log_offset)},
        }
        if decision.row is not None:
            item["row"] = {"S": decision.row}
        elif decision.expires:
            item["expiresAt"] = {"N": str(int(self._clock_s()) + REMOVED_KEPT_S)}
        return item


@asynccontextmanager
async def open_decision_table(table: str, service: str, calls: str) -> AsyncGenerator[DecisionTable]:
    """Open the table of a service for as long as the block runs; `calls`: see `aws.clients.hot_client`."""
    async with hot_client("dynamodb", calls, connections=2) as client:
        yield DynamoDecisionTable(client, table, service)


def _head(item: dict[str, Any] | None) -> Head:
    return Head(int(item["version"]["N"]), item["writer"]["S"]) if item else Head()


def _decisions(items: Iterable[dict[str, Any]], after: int) -> list[Decision]:
    found = []
    for item in items:
        version = int(item["version"]["N"])
        if version > after:
            name, _, key = item["decision"]["S"].partition(" ")
            row = item["row"]["S"] if "row" in item else None
            offset = int(item["logOffset"]["N"])
            found.append(Decision(version, name, key, row, offset, "expiresAt" in item))
    return found
