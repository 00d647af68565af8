"""The alert log on DynamoDB: the adapter of the port in `alert_log.py` that is written to over the network.

One item an entry, under (customer, seq). An entry is put on the condition that nothing is there yet: one write, no
counter item, and a writer that was thought dead is fenced by it. The same entry put again finds itself and is done.
Entries that wait together are put together, in a transaction in which each has that condition.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from hashlib import blake2b
from typing import Any

import msgspec

from aws.clients import translated
from aws.failures import failure_of_code
from contracts.alerts import LogEntryKind
from contracts.failures import Conflict
from services.analytics.alert_log import StoredEntry
from services.analytics.alert_queries import StoredLogPage

KEPT_S = 400 * 24 * 3600
"""How long an entry is kept; DynamoDB deletes it by its `expiresAt` within some days after that."""
TRANSACTION_ENTRIES_MAX = 100
TRANSACTION_BYTES_MAX = 3 * 1024 * 1024
"""Of alerts; DynamoDB takes 4 MB, with all else that an item has."""
CONDITION_FAILED = "ConditionalCheckFailed"
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
        put = self._put(entry)
        with translated(WHAT):
            try:
                await self._client.put_item(**put)
            except self._client.exceptions.ConditionalCheckFailedException as refused:
                if not _is_same(refused.response, put):
                    raise _moved_on() from refused

    async def append_all(self, entries: Sequence[StoredEntry]) -> None:
        """Append entries, each customer's in order, as `append_if` does; more than one cost two write units each.

        Raises:
            Conflict: `SEQ_MOVED_ON`; of a customer whose log has moved on nothing is put, of others some may not be.
            Overloaded, Unavailable: some may be there; retry the same entries.
        """
        if len(entries) == 1:
            await self.append_if(entries[0])
            return
        for some in _transactions(entries):
            await self._append_together(some)

    async def _append_together(self, entries: Sequence[StoredEntry]) -> None:
        """Put what is not there yet, all or nothing, until nothing stands in the way of the rest."""
        fenced: set[str] = set()
        left = list(entries)
        while left:
            puts = [self._put(entry) for entry in left]
            there = await self._transact(puts)
            if not there:
                break
            others = [place for place, refused in there.items() if not _is_same(refused, puts[place])]
            fenced |= {left[place].customer_id for place in others}
            left = [one for place, one in enumerate(left) if place not in there and one.customer_id not in fenced]
        if fenced:
            raise _moved_on()

    async def _transact(self, puts: Sequence[dict[str, Any]]) -> dict[int, dict[str, Any]]:
        """Put all, or none and return by its place what stands in the way of which."""
        with translated(WHAT):
            try:
                await self._client.transact_write_items(TransactItems=[{"Put": put} for put in puts])
            except self._client.exceptions.TransactionCanceledException as cancelled:
                reasons = cancelled.response.get("CancellationReasons", [])
                codes = {reason["Code"] for reason in reasons} - {"None", CONDITION_FAILED}
                if codes or not reasons:
                    raise failure_of_code(min(codes, default=""), WHAT) from cancelled
                return {place: one for place, one in enumerate(reasons) if one["Code"] == CONDITION_FAILED}
        return {}

    def _put(self, entry: StoredEntry) -> dict[str, Any]:
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
        return {
            "TableName": self._table,
            "Item": item,
            "ConditionExpression": "attribute_not_exists(customerId)",
            # What stands in the way comes with the refusal: no second call to tell a repeat from a conflict.
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }

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

    async def everything(self) -> AsyncGenerator[list[StoredEntry]]:
        """Yield the entries of all customers, a megabyte at a time and in no order; those just written among them."""
        place: dict[str, Any] = {}
        while True:
            with translated(WHAT):
                answer = await self._client.scan(TableName=self._table, ConsistentRead=True, **place)
            yield [_entry(item) for item in answer["Items"]]
            if "LastEvaluatedKey" not in answer:
                return
            place = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

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


def _transactions(entries: Sequence[StoredEntry]) -> Iterator[Sequence[StoredEntry]]:
    start = size = 0
    for place, entry in enumerate(entries):
        is_full = place - start == TRANSACTION_ENTRIES_MAX or size + len(entry.alert) > TRANSACTION_BYTES_MAX
        if is_full and place > start:
            yield entries[start:place]
            start, size = place, 0
        size += len(entry.alert)
    yield entries[start:]


def _is_same(refused: dict[str, Any], put: dict[str, Any]) -> bool:
    """Say whether what stands in the way of an entry is itself."""
    is_same: bool = refused.get("Item", {}).get("entryId") == put["Item"]["entryId"]
    return is_same


def _moved_on() -> Conflict:
    return Conflict("The alert log has moved on.", code="SEQ_MOVED_ON")


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
