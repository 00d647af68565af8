"""The alert log on DynamoDB: the adapter of the port in `alert_log.py` that is written to over the network.

One item an entry, under (customer, seq). An entry is put on the condition that nothing is there yet: one write, no
counter item, and a writer that was thought dead is fenced by it. The same entry put again finds itself and is done.
"""

import asyncio
import time
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import msgspec

from aws.clients import translated
from contracts.alerts import LogEntryKind
from contracts.failures import Conflict
from services.analytics.alert_log import StoredEntry
from services.analytics.alert_queries import StoredLogPage

KEPT_S = 400 * 24 * 3600
"""How long an entry is kept; DynamoDB deletes it by its `expiresAt` within some days after that."""
WHAT = "alert log"


class _Identity(msgspec.Struct, frozen=True):
    """What tells an alert from others."""

    id: str


_identities = msgspec.json.Decoder(_Identity)


class DynamoAlertLog:
    """Every customer's entries in one table; `client` is a DynamoDB client that lives as long as this."""

    def __init__(self, client: Any, table: str, clock_s: Callable[[], float] = time.time) -> None:
        self._client = client
        self._table = table
        self._clock_s = clock_s

    async def append_if(self, entry: StoredEntry) -> None:
        """Append an entry at its seq. The same entry there already is no error.

        Raises:
            Conflict: `SEQ_MOVED_ON`; another writer has put another entry there. Do not retry.
            Overloaded, Unavailable: it may or may not be there; retry the same entry.
        """
        item = {
            "customerId": {"S": entry.customer_id},
            "seq": {"N": str(entry.seq)},
            "entryId": {"S": entry_id(entry)},
            "logOffset": {"N": str(entry.offset)},
            "kind": {"S": entry.kind},
            "at": {"S": entry.at},
            "alert": {"S": bytes(entry.alert).decode()},
            "expiresAt": {"N": str(int(self._clock_s()) + KEPT_S)},
        }
        # What stands in the way comes with the refusal: no second call to tell a repeat from a conflict.
        condition = "attribute_not_exists(customerId)"
        kept = {"TableName": self._table, "ConditionExpression": condition}
        with translated(WHAT):
            try:
                await self._client.put_item(Item=item, ReturnValuesOnConditionCheckFailure="ALL_OLD", **kept)
            except self._client.exceptions.ConditionalCheckFailedException as refused:
                if refused.response.get("Item", {}).get("entryId") != item["entryId"]:
                    raise Conflict("The alert log has moved on.", code="SEQ_MOVED_ON") from refused

    async def last_seq(self, customer_id: str) -> int:
        """Return the seq of the customer's newest entry, 0 when there is none."""
        return await self._end(customer_id, newest=True)

    async def read_after(self, customer_id: str, after: int, limit: int) -> list[StoredEntry]:
        """Read at most `limit` entries of a customer after a seq, in order, those just written among them."""
        entries: list[StoredEntry] = []
        place: dict[str, Any] = {}
        while len(entries) < limit:
            with translated(WHAT):
                answer = await self._client.query(
                    TableName=self._table,
                    KeyConditionExpression="customerId = :customer AND seq > :after",
                    ExpressionAttributeValues={":customer": {"S": customer_id}, ":after": {"N": str(after)}},
                    ConsistentRead=True,
                    Limit=limit - len(entries),
                    **place,
                )
            entries += [_entry(item) for item in answer["Items"]]
            if "LastEvaluatedKey" not in answer:  # a page ends at 1 MB too
                break
            place = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
        return entries

    async def page(self, customer_id: str, after: int, limit: int) -> StoredLogPage:
        """Read a customer's log after a seq, with where it begins and ends."""
        entries, first, last = await asyncio.gather(
            self.read_after(customer_id, after, limit),
            self._end(customer_id, newest=False),
            self._end(customer_id, newest=True),
        )
        newest = max(last, entries[-1].seq) if entries else last
        return StoredLogPage(customer_id, entries, first or 1, newest)

    async def _end(self, customer_id: str, *, newest: bool) -> int:
        with translated(WHAT):
            answer = await self._client.query(
                TableName=self._table,
                KeyConditionExpression="customerId = :customer",
                ExpressionAttributeValues={":customer": {"S": customer_id}},
                ProjectionExpression="seq",
                ScanIndexForward=not newest,
                ConsistentRead=True,
                Limit=1,
            )
        return int(answer["Items"][0]["seq"]["N"]) if answer["Items"] else 0


def entry_id(entry: StoredEntry) -> str:
    """Return what makes an entry the same one however often it is put.

    The alert's id is made from its rule, customer and event, so a raised alert is known by it even when it was raised
    anew after the log of events was rebuilt; a change is known by all it says.
    """
    if entry.kind == LogEntryKind.RAISED:
        return _identities.decode(entry.alert).id
    return blake2b(bytes(entry.alert), digest_size=16).hexdigest()


def _entry(item: dict[str, Any]) -> StoredEntry:
    return StoredEntry(
        int(item["logOffset"]["N"]),
        item["customerId"]["S"],
        int(item["seq"]["N"]),
        item["kind"]["S"],
        item["at"]["S"],
        msgspec.Raw(item["alert"]["S"].encode()),
    )
