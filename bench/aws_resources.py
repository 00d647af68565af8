"""Makes the tables, streams and topics that the adapters use, as deploy/ makes them on AWS.

A new emulator may be slow to answer; the client then asks again, and finds that what it asked for is there.
"""

from contextlib import suppress
from typing import Any


async def make_alert_table(dynamodb: Any, table: str) -> str:
    """Make a table for the alert log."""
    with suppress(dynamodb.exceptions.ResourceInUseException):
        await dynamodb.create_table(
            TableName=table,
            KeySchema=[
                {"AttributeName": "customerId", "KeyType": "HASH"},
                {"AttributeName": "seq", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "customerId", "AttributeType": "S"},
                {"AttributeName": "seq", "AttributeType": "N"},
            ],
            BillingMode="PAY_PER_REQUEST",
        )
    expiry = {"Enabled": True, "AttributeName": "expiresAt"}
    await dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=expiry)
    return table


async def make_state_table(dynamodb: Any, table: str) -> str:
    """Make a table for keyed state."""
    with suppress(dynamodb.exceptions.ResourceInUseException):
        await dynamodb.create_table(
            TableName=table,
            KeySchema=[{"AttributeName": "key", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "key", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
    return table


async def make_decision_table(dynamodb: Any, table: str) -> str:
    """Make a table for what customers decide."""
    with suppress(dynamodb.exceptions.ResourceInUseException):
        await dynamodb.create_table(
            TableName=table,
            KeySchema=[
                {"AttributeName": "service", "KeyType": "HASH"},
                {"AttributeName": "decision", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "service", "AttributeType": "S"},
                {"AttributeName": "decision", "AttributeType": "S"},
            ],
            BillingMode="PAY_PER_REQUEST",
        )
    expiry = {"Enabled": True, "AttributeName": "expiresAt"}
    await dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=expiry)
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
