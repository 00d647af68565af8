"""deploy/data.yaml makes what the adapters' own tests and benchmarks make, and what the adapters name."""

from typing import Any

import pytest

from aws.clients import aws_client
from bench.aws_resources import make_alert_table, make_decision_table, make_state_table
from bench.emulated_stack import deploy


@pytest.fixture
async def outputs(aws: dict[str, str], name: str) -> dict[str, str]:
    """The outputs of a stack in the emulator."""
    return await deploy(name, shards=3)


async def shape(dynamodb: Any, table: str) -> dict[str, Any]:
    described = (await dynamodb.describe_table(TableName=table))["Table"]
    return {
        "key": described["KeySchema"],
        "attributes": sorted(described["AttributeDefinitions"], key=lambda one: str(one["AttributeName"])),
        "billing": described["BillingModeSummary"]["BillingMode"],
    }


async def test_a_stack_has_the_tables_the_adapters_are_tested_on(outputs: dict[str, str], name: str) -> None:
    """Keys, attributes and billing are the same, and the stream has its shards (expiry: tests/unit/deploy)."""
    async with aws_client("dynamodb") as dynamodb, aws_client("kinesis") as kinesis:
        alerts = await shape(dynamodb, await make_alert_table(dynamodb, f"{name}-a"))
        state = await shape(dynamodb, await make_state_table(dynamodb, f"{name}-s"))
        decisions = await shape(dynamodb, await make_decision_table(dynamodb, f"{name}-d"))
        assert await shape(dynamodb, outputs["AlertTable"]) == alerts
        assert await shape(dynamodb, outputs["DecisionTable"]) == decisions
        assert await shape(dynamodb, outputs["StateTable"]) == state
        shards = await kinesis.list_shards(StreamName=outputs["EventStream"])
        stream = await kinesis.describe_stream_summary(StreamName=outputs["EventStream"])
    assert len(shards["Shards"]) == 3
    assert stream["StreamDescriptionSummary"]["RetentionPeriodHours"] == 168


async def test_what_the_intake_queue_cannot_hand_over_goes_to_its_dead_letters(outputs: dict[str, str]) -> None:
    """The queue names the dead letters of the same stack, and keeps a message hidden longer than a function runs."""
    async with aws_client("sqs") as sqs:
        asked = await sqs.get_queue_attributes(QueueUrl=outputs["IntakeQueueUrl"], AttributeNames=["All"])
    assert outputs["IntakeDeadLettersName"] in asked["Attributes"]["RedrivePolicy"]
    assert int(asked["Attributes"]["VisibilityTimeout"]) >= 6 * 30
