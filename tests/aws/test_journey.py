"""The journey of the one machine with every part on AWS (Kinesis, DynamoDB, SNS, SQS), made by deploy/."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from aws.clients import aws_client
from bench.emulated_stack import SETTINGS, deploy
from bench.processes import running
from clients.alert_queue import PREFIX
from services.analytics.alert_table import DynamoAlertLog
from tests.journey.bank import Bank, kinds, take

CARDS = "{ viewer { cards { id status } } }"
FREEZE = "mutation ($id: ID!) { freezeCard(id: $id) { ... on FreezeCardSuccess { card { id status } } } }"
CREATE = """mutation ($input: AlertRuleInput!) { createAlertRule(input: $input) {
  ... on CreateAlertRuleSuccess { rule { name } } ... on InputErrors { errors { code path } } } }"""
UNREAD = "{ viewer { unreadAlertCount } }"
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


async def card_of(bank: Bank) -> Any:
    (card,) = (await bank.ask("anna", CARDS))["data"]["viewer"]["cards"]
    return card


async def stored(bank: Bank, count: int) -> list[Any]:
    """Wait until a customer's log in the table is so long."""
    async with asyncio.timeout(60):
        while True:
            entries = await bank.alert_log("anna")
            if len(entries) >= count:
                return entries
            await asyncio.sleep(0.02)


async def test_a_decision_outlives_the_disk(settings: dict[str, str], tmp_path: Path) -> None:
    """A card is frozen, a rule made, an alert answered; both files are lost: frozen, in force, answered still."""
    limit = {"amount": {"amount": {"amount": "25.00", "currency": "EUR"}, "direction": "DEBIT"}}
    async with running(tmp_path / "belfry", *EVERYTHING, settings=settings) as belfry, Bank(belfry) as bank:
        await bank.post(bank.customer("anna"), bank.account("shared", "anna"), bank.card("card-1", "shared", "anna"))
        told = await bank.post(
            bank.salary("shared"), bank.payment("shared", "4000.00", "tv"), bank.payment("shared", "30.00", "before")
        )
        await bank.applied(told["offset"])
        card = await card_of(bank)
        frozen = await bank.ask("anna", FREEZE, id=card["id"])
        made = await bank.ask("anna", CREATE, input={"name": "Mine", "severity": "INFO", "condition": limit})
        await bank.post(bank.payment("shared", "31.00", "after"))
        (first, _) = await stored(bank, 2)
        answer = f"{belfry.urls['analytics']}/alerts/{first['alert']['id']}/acknowledge"
        async with bank.http.post(answer, json={"customerId": "anna"}) as answered:
            assert answered.status == 200
        known = await stored(bank, 3)
        for service in ("accounts", "analytics"):
            belfry.kill(service)
            for file in belfry.data_dir.glob(f"{service}.sqlite3*"):
                file.unlink()
        await belfry.start("accounts", "analytics")
        await bank.post(bank.payment("shared", "32.00", "later"))
        entries = await stored(bank, 4)
        unread = (await bank.ask("anna", UNREAD))["data"]["viewer"]["unreadAlertCount"]
        found = await card_of(bank)
    assert (card["status"], frozen["data"]["freezeCard"]["card"], found) == (
        "ACTIVE",
        found,
        card | {"status": "FROZEN"},
    )
    assert made["data"]["createAlertRule"]["rule"]["name"] == "Mine"
    assert [entry["alert"]["amount"]["amount"] for entry in entries] == ["4000.00", "31.00", "4000.00", "32.00"]
    assert (entries[:3], unread) == (known, 2)
