"""The alert log on DynamoDB: the common suite, and what only a network can do."""

from collections.abc import AsyncIterator

import pytest

from aws.clients import aws_client
from bench.aws_resources import make_alert_table
from contracts.failures import NotFound
from services.analytics.alert_table import DynamoAlertLog
from tests.contract.alert_log_contract import AlertLogContract, entry_of, seqs


@pytest.mark.usefixtures("aws")
class TestDynamoAlertLog(AlertLogContract):
    """`DynamoAlertLog` keeps every promise of the port, and some of its own."""

    @pytest.fixture
    async def log(self, name: str) -> AsyncIterator[DynamoAlertLog]:
        """Open a table of the test's own."""
        async with aws_client("dynamodb") as client:
            yield DynamoAlertLog(client, await make_alert_table(client, name))

    async def test_an_entry_put_again_is_the_same_entry(self, log: DynamoAlertLog) -> None:
        """A writer that does not know whether its entry arrived puts it again: no error, no second entry."""
        for _ in range(2):
            await log.append_if(entry_of("ada", "a", 1))
        assert seqs(await log.read_after("ada", 0, 10)) == [1]

    async def test_a_page_says_where_the_log_begins_and_ends(self, log: DynamoAlertLog) -> None:
        """After old entries expired the log does not begin at 1."""
        for seq in range(5, 9):
            await log.append_if(entry_of("ada", f"a{seq}", seq))
        page = await log.page("ada", 5, 2)
        empty = await log.page("ben", 0, 2)
        assert (seqs(page.entries), page.first_seq, page.last_seq) == ([6, 7], 5, 8)
        assert (empty.entries, empty.first_seq, empty.last_seq) == ([], 1, 0)

    async def test_more_than_a_megabyte_is_read_whole(self, log: DynamoAlertLog) -> None:
        """DynamoDB ends a page at 1 MB; the log does not."""
        for seq in range(1, 9):
            await log.append_if(entry_of("ada", "x" * 180_000, seq))
        assert seqs(await log.read_after("ada", 0, 8)) == list(range(1, 9))


async def test_a_table_that_is_not_there_is_said(aws: dict[str, str], name: str) -> None:
    """A typed failure, not the client's own."""
    async with aws_client("dynamodb") as client:
        with pytest.raises(NotFound):
            await DynamoAlertLog(client, name).append_if(entry_of("ada", "a", 1))
