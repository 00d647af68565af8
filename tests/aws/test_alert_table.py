"""The alert log on DynamoDB: the common suite, and what only a network can do."""

import itertools
from collections.abc import AsyncIterator

import pytest

from aws.clients import aws_client, hot_client
from bench.aws_resources import make_alert_table
from contracts.failures import Conflict, NotFound
from services.analytics.alert_log import StoredEntry
from services.analytics.alert_table import DynamoAlertLog
from tests.contract.alert_log_contract import AlertLogContract, entry_of, seqs


class Together:
    """Puts each entry together with one of somebody else, so that every put is a transaction."""

    def __init__(self, log: DynamoAlertLog) -> None:
        self._numbers = itertools.count(1)
        self.last_seq, self.read_after = log.last_seq, log.read_after
        self._log = log

    async def append_if(self, entry: StoredEntry) -> None:
        await self._log.append_all([entry_of("other", "o", next(self._numbers)), entry])


@pytest.fixture(params=["signed", "client"])
async def log(aws: dict[str, str], name: str, request: pytest.FixtureRequest) -> AsyncIterator[DynamoAlertLog]:
    """Open a table of the test's own, by calls of ours and by the client's."""
    async with hot_client("dynamodb", request.param) as client:
        yield DynamoAlertLog(client, await make_alert_table(client, name))


class TestEntriesTogether(AlertLogContract):
    """Entries that are put in transactions keep every promise of the port."""

    @pytest.fixture
    def log(self, log: DynamoAlertLog) -> Together:
        """Open a table in which nothing is put alone."""
        return Together(log)


class TestDynamoAlertLog(AlertLogContract):
    """`DynamoAlertLog` keeps every promise of the port, and some of its own."""

    async def test_entries_of_many_customers_are_put_at_once(self, log: DynamoAlertLog) -> None:
        """More than a transaction holds: each customer's are all there, in order."""
        entries = [entry_of(f"c{number % 7}", f"a{number}", number // 7 + 1) for number in range(210)]
        await log.append_all(entries)
        for customer in range(7):
            assert seqs(await log.read_after(f"c{customer}", 0, 100)) == list(range(1, 31))

    async def test_of_entries_put_again_only_the_missing_are_added(self, log: DynamoAlertLog) -> None:
        """A writer that died half way puts all of them again."""
        entries = [entry_of(customer, f"a{seq}", seq) for seq in range(1, 5) for customer in ("ada", "ben")]
        await log.append_all(entries[:3])
        for _ in range(2):
            await log.append_all(entries)
        assert [seqs(await log.read_after(customer, 0, 9)) for customer in ("ada", "ben")] == [[1, 2, 3, 4]] * 2

    async def test_one_customers_other_writer_fences_only_that_customer(self, log: DynamoAlertLog) -> None:
        """Nothing is put after an entry of somebody else; what others have is not held up."""
        await log.append_if(entry_of("ada", "mine", 1))
        await log.append_if(entry_of("ada", "somebody's", 2))
        entries = [entry_of(customer, "mine", seq) for seq in range(1, 5) for customer in ("ada", "ben")]
        with pytest.raises(Conflict) as refused:
            await log.append_all(entries)
        assert refused.value.reason == "SEQ_MOVED_ON"
        assert [seqs(await log.read_after(customer, 0, 9)) for customer in ("ada", "ben")] == [[1, 2], [1, 2, 3, 4]]

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

    async def test_everything_is_read_once(self, log: DynamoAlertLog) -> None:
        """The entries of all customers, over the megabyte at which DynamoDB ends a page."""
        entries = [entry_of(f"c{number % 3}", "x" * 180_000, number // 3 + 1) for number in range(9)]
        for entry in entries:
            await log.append_if(entry)
        found = [entry async for page in log.everything() for entry in page]
        assert sorted((one.customer_id, one.seq, bytes(one.alert)) for one in found) == sorted(
            (one.customer_id, one.seq, bytes(one.alert)) for one in entries
        )

    async def test_more_than_a_megabyte_is_read_whole(self, log: DynamoAlertLog) -> None:
        """DynamoDB ends a page at 1 MB; the log does not."""
        for seq in range(1, 9):
            await log.append_if(entry_of("ada", "x" * 180_000, seq))
        assert seqs(await log.read_after("ada", 0, 8)) == list(range(1, 9))


async def test_a_table_that_is_not_there_is_said(aws: dict[str, str], name: str) -> None:
    """A typed failure, not the client's own."""
    async with aws_client("dynamodb") as client:
        log = DynamoAlertLog(client, name)
        for put in (log.append_if(entry_of("ada", "a", 1)), log.append_all([entry_of("ada", "a", n) for n in (1, 2)])):
            with pytest.raises(NotFound):
                await put
