"""The journey of the one machine with every part on AWS (Kinesis, DynamoDB, SNS, SQS), made by deploy/."""

from pathlib import Path
from typing import Any

import pytest

from aws.clients import aws_client
from bench.emulated_stack import SETTINGS, deploy
from bench.processes import running
from clients.alert_queue import PREFIX
from services.analytics.alert_table import DynamoAlertLog
from tests.journey.bank import Bank, kinds, take

EVERYTHING = ("events", "accounts", "analytics", "gateway")
A_SECOND = f"{1 / 86_400:f}"


@pytest.fixture
async def settings(aws: dict[str, str], name: str) -> dict[str, str]:
    """The settings that put each part on AWS, from the outputs of a stack; cursor keys are in Secrets Manager."""
    outputs = await deploy(name, shards=2)
    async with aws_client("secretsmanager") as secrets:
        made = await secrets.create_secret(Name=name, SecretString="k" * 64)
    stack = {setting: outputs[output] for setting, output in SETTINGS.items()}
    archive = {"BELFRY_ARCHIVE": f"s3://{outputs['ArchiveBucket']}/log", "BELFRY_ARCHIVE_PIECE_BYTES": "4096"}
    return stack | archive | {"BELFRY_LOG_DAYS": A_SECOND, "BELFRY_CURSOR_KEYS_SECRET": made["ARN"]}


async def queues(sqs: Any) -> list[str]:
    return list((await sqs.list_queues(QueueNamePrefix=PREFIX)).get("QueueUrls", []))


async def test_an_event_becomes_an_alert_on_every_holders_phone(settings: dict[str, str], tmp_path: Path) -> None:
    """In order, once, on both transports, over a restart of analytics; then nothing of the gateway is left.

    The log meanwhile moves to S3, and is read from there.
    """
    async with aws_client("sqs") as sqs, aws_client("dynamodb") as dynamodb:
        others = await queues(sqs)  # of tests before this one
        async with running(tmp_path / "belfry", *EVERYTHING, settings=settings) as belfry, Bank(belfry) as bank:
            await bank.post(bank.customer("anna"), bank.customer("ben"), bank.account("shared", "anna", "ben"))
            await bank.post(bank.salary("shared"))
            async with bank.websocket("anna") as annas, bank.sse("ben") as bens:
                caught_up = [*await take(annas, 1), *await take(bens, 1)]
                await bank.post(bank.payment("shared", "4000.00", "tv"))
                first = [*await take(annas, 1), *await take(bens, 1)]
            belfry.kill("analytics")
            await bank.post(bank.payment("shared", "3000.00", "sofa"))
            await belfry.start("analytics")
            async with bank.sse("anna", first[0]["cursor"]) as annas:
                missed = await take(annas, 2)
            attached = await queues(sqs)
            offset = (await bank.post(*(bank.customer(f"customer-{n}") for n in range(12))))["offset"]
            await bank.archived(2)
            assert await bank.offsets() == list(range(1, offset + 1))
        stored = await DynamoAlertLog(dynamodb, settings["BELFRY_ALERT_TABLE"]).read_after("anna", 0, 10)
        left = await queues(sqs)
    assert kinds([*caught_up, *first]) == ["FeedCaughtUp"] * 2 + ["AlertRaised"] * 2
    assert kinds(missed) == ["AlertRaised", "FeedCaughtUp"]
    assert [entry.seq for entry in stored] == [1, 2]
    assert (len(set(attached) - set(others)), sorted(left)) == (1, sorted(others))
