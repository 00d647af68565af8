"""The archive on S3: the common suite, and what only a bucket can have."""

from collections.abc import AsyncIterator

import pytest

from aws.clients import aws_client
from contracts.failures import Unavailable
from services.events.archive import Archive
from services.events.archive_s3 import LISTED_MAX, S3Archive
from tests.contract.archive_contract import ArchiveContract, piece

pytestmark = pytest.mark.usefixtures("aws")


@pytest.fixture
async def bucket(aws: dict[str, str], name: str) -> str:
    """A bucket of the test's own."""
    async with aws_client("s3") as s3:
        place = {"LocationConstraint": aws["AWS_DEFAULT_REGION"]}
        await s3.create_bucket(Bucket=name, CreateBucketConfiguration=place)
    return name


class TestS3Archive(ArchiveContract):
    """`S3Archive` keeps every promise of the port."""

    @pytest.fixture
    async def archive(self, bucket: str) -> AsyncIterator[Archive]:
        """Open a prefix of that bucket."""
        archive = S3Archive(bucket, "cell-1/log")
        async with archive.opened():
            yield archive


async def test_other_objects_are_not_in_the_way(bucket: str) -> None:
    """Those of another prefix are not seen, those that are no pieces are passed, however many."""
    one, file = piece(1, 10)
    archive, other = S3Archive(bucket, "log"), S3Archive(bucket, "log-2")
    async with archive.opened(), other.opened(), aws_client("s3") as s3:
        await other.put(*piece(1, 5))
        for number in range(LISTED_MAX + 1):
            await s3.put_object(Bucket=bucket, Key=f"log/0000000000000002-note-{number:02}", Body=b"")
        assert await archive.find(1) is None
        await archive.put(one, file)
        assert await archive.find(1) == one


async def test_what_is_there_is_not_written_over(bucket: str) -> None:
    """An object that was changed stays as it is, to be found and told."""
    one, file = piece(1, 10)
    archive = S3Archive(bucket, "log")
    async with archive.opened(), aws_client("s3") as s3:
        await s3.put_object(Bucket=bucket, Key=f"log/{one.name}", Body=b"changed")
        await archive.put(one, file)
        assert await archive.get(one) == b"changed"


async def test_a_bucket_that_is_not_there_is_unavailable(name: str) -> None:
    """Nothing is archived, and what waits stays on the disk."""
    archive = S3Archive(name, "log")
    async with archive.opened():
        for call in (archive.find(1), archive.put(*piece(1, 2)), archive.get(piece(1, 2)[0])):
            with pytest.raises(Unavailable):
                await call
