"""Makes the tables, streams and topics that the adapters use, as deploy/ makes them on AWS.

A new emulator may be slow to answer; the client then asks again, and finds that what it asked for is there.
"""

from contextlib import suppress
from typing import Any


async def make_alert_table(dynamodb: Any, table: str) -> str:
    """Make a table for the alert log."""
    await _make_table(dynamodb, table, customerId="S", seq="N")
    await _let_expire(dynamodb, table)
    return table


async def make_state_table(dynamodb: Any, table: str) -> str:
    """Make a table for keyed state."""
    await _make_table(dynamodb, table, key="S")
    return table


async def make_decision_table(dynamodb: Any, table: str) -> str:
    """Make a table for what customers decide."""
    await _make_table(dynamodb, table, service="S", decision="S")
    await _let_expire(dynamodb, table)
    return table


async def make_stream(kinesis: Any, stream: str, shards: int) -> str:
    """Make a stream and wait until it takes records."""
    with suppress(kinesis.exceptions.ResourceInUseException):
        await kinesis.create_stream(StreamName=stream, ShardCount=shards)
    await kinesis.get_waiter("stream_exists").wait(StreamName=stream, WaiterConfig={"Delay": 1})
    return stream


async def make_topic(sns: Any, topic: str) -> str:
    """Make a topic and return its ARN."""
    arn: str = (await sns.create_topic(Name=topic))["TopicArn"]
    return arn


async def _make_table(dynamodb: Any, table: str, **key: str) -> None:
    """Make a table whose key is made of these attributes, by their types: what is told apart, then its order."""
    with suppress(dynamodb.exceptions.ResourceInUseException):
        await dynamodb.create_table(
            TableName=table,
            KeySchema=[
                {"AttributeName": name, "KeyType": role} for name, role in zip(key, ("HASH", "RANGE"), strict=False)
            ],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": kind} for name, kind in key.items()],
            BillingMode="PAY_PER_REQUEST",
        )


async def _let_expire(dynamodb: Any, table: str) -> None:
    expiry = {"Enabled": True, "AttributeName": "expiresAt"}
    await dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=expiry)
