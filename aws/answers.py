"""What AWS answers to the hot operations, as its client gives it: dicts, with bytes and times where JSON has text.

A field that is not named here is left out of what is returned.
"""

from datetime import datetime
from typing import Any, TypedDict

import msgspec


class AttributeValue(TypedDict, total=False):
    S: str
    N: str
    B: bytes
    BOOL: bool
    NULL: bool
    SS: list[str]
    NS: list[str]
    BS: list[bytes]
    L: "list[AttributeValue]"
    M: "dict[str, AttributeValue]"


"""A value of DynamoDB: one of the keys, by its type."""

Item = dict[str, AttributeValue]


class ItemAnswer(TypedDict, total=False):
    Item: Item


class PutAnswer(TypedDict, total=False):
    Attributes: Item


class QueryAnswer(TypedDict, total=False):
    Items: list[Item]
    Count: int
    ScannedCount: int
    LastEvaluatedKey: Item


class TransactAnswer(TypedDict, total=False):
    """Nothing is asked of it but that it is there."""


class PutRecordsEntry(TypedDict, total=False):
    SequenceNumber: str
    ShardId: str
    ErrorCode: str
    ErrorMessage: str


class PutRecordsAnswer(TypedDict, total=False):
    FailedRecordCount: int
    Records: list[PutRecordsEntry]
    EncryptionType: str


class Record(TypedDict, total=False):
    SequenceNumber: str
    ApproximateArrivalTimestamp: datetime
    Data: bytes
    PartitionKey: str
    EncryptionType: str


class ChildShard(TypedDict, total=False):
    ShardId: str
    ParentShards: list[str]
    HashKeyRange: dict[str, str]


class GetRecordsAnswer(TypedDict, total=False):
    Records: list[Record]
    NextShardIterator: str
    MillisBehindLatest: int
    ChildShards: list[ChildShard]


class CancellationReason(TypedDict, total=False):
    Item: Item
    Code: str
    Message: str


Refusal = TypedDict(
    "Refusal",
    {
        "__type": str,
        "message": str,
        "Message": str,
        "Item": Item,
        "CancellationReasons": list[CancellationReason],
    },
    total=False,
)
"""What an error says: its type, and for a condition that did not hold what stands in the way."""

REFUSALS = msgspec.json.Decoder(Refusal)

ANSWERS: dict[str, dict[str, tuple[str, Any]]] = {
    "dynamodb": {
        "get_item": ("GetItem", ItemAnswer),
        "put_item": ("PutItem", PutAnswer),
        "query": ("Query", QueryAnswer),
        "transact_write_items": ("TransactWriteItems", TransactAnswer),
    },
    "kinesis": {
        "get_records": ("GetRecords", GetRecordsAnswer),
        "put_records": ("PutRecords", PutRecordsAnswer),
    },
}
"""By service and method of its client: the operation's name, and what answers it."""
