"""Decisions on DynamoDB: the common suite, and what only a network can do."""

from collections.abc import AsyncIterator

import pytest

from aws.clients import hot_client
from bench.aws_resources import make_decision_table
from contracts.failures import NotFound
from services.decision_table import Decision, DynamoDecisionTable, Head
from tests.contract.decision_table_contract import DecisionTableContract, put


@pytest.fixture(params=["signed", "client"])
async def table(aws: dict[str, str], name: str, request: pytest.FixtureRequest) -> AsyncIterator[DynamoDecisionTable]:
    """Open a table of the test's own, by calls of ours and by the client's."""
    async with hot_client("dynamodb", request.param) as client:
        yield DynamoDecisionTable(client, await make_decision_table(client, name), "accounts")


class TestDynamoDecisionTable(DecisionTableContract):
    """`DynamoDecisionTable` keeps every promise of the port, and some of its own."""

    async def test_more_than_a_megabyte_is_read_whole(self, table: DynamoDecisionTable) -> None:
        """DynamoDB ends a page at 1 MB; decisions go on."""
        head, decisions = Head(), [put(number, f"card-{number}", "x" * 180_000) for number in range(1, 9)]
        for decision in decisions:
            await table.commit_if(head, head := Head(decision.version, "w"), [decision])
        assert await table.read_after(0) == decisions

    @pytest.mark.usefixtures("aws")
    async def test_only_removals_that_may_be_forgotten_expire(self, name: str) -> None:
        """After 400 days; one that the log would undo is kept as long as the log."""
        async with hot_client("dynamodb", "signed") as client:
            await make_decision_table(client, name)
            table = DynamoDecisionTable(client, name, "accounts", clock_s=lambda: 1_000_000.0)
            removed = [Decision(1, "cards", "a", None, 7, expires=True), Decision(2, "devices", "b", None, 7)]
            await table.commit_if(Head(), Head(2, "w"), removed)
            items = (await client.scan(TableName=name, ConsistentRead=True))["Items"]
        expiries = {item["decision"]["S"]: item.get("expiresAt", {}).get("N") for item in items}
        assert expiries == {"#newest": None, "cards a": str(1_000_000 + 400 * 86_400), "devices b": None}

    @pytest.mark.usefixtures("aws")
    async def test_services_do_not_meet(self, name: str) -> None:
        """One table has the decisions of both, each with a head of its own."""
        async with hot_client("dynamodb", "signed") as client:
            await make_decision_table(client, name)
            accounts, analytics = (DynamoDecisionTable(client, name, one) for one in ("accounts", "analytics"))
            await accounts.commit_if(Head(), Head(1, "w"), [put(1, "a")])
            assert (await analytics.head(), await analytics.read_after(0)) == (Head(), [])


async def test_a_table_that_is_not_there_is_said(aws: dict[str, str], name: str) -> None:
    """A typed failure, not the client's own: a service does not start on it."""
    async with hot_client("dynamodb", "signed") as client:
        table = DynamoDecisionTable(client, name, "accounts")
        for call in (table.head(), table.read_after(0), table.commit_if(Head(), Head(1, "w"), [put(1, "a")])):
            with pytest.raises(NotFound):
                await call
