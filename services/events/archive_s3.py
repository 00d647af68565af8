"""The archive below a prefix of an S3 bucket, a piece an object; S3 lists names in order, so the index is the list.

The client is aiobotocore's: there is a call every few seconds. Objects are encrypted as the bucket is set to, written
on the condition that none is there, and never deleted. A class of storage that does not answer at once would stop
readers: GLACIER_IR does, GLACIER does not.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from aws.clients import aws_client, translated
from contracts.failures import Unavailable
from services.events.archive import Piece, lowest_name, named

READ_TIMEOUT_S = 30.0
LISTED_MAX = 10
"""Names asked for at once: more than one, for files in between that are no pieces."""
WHAT = "archive"
THERE_ALREADY = frozenset({"PreconditionFailed", "412"})


class S3Archive:
    """`Archive` in a bucket, below `prefix`; used while `opened`."""

    def __init__(self, bucket: str, prefix: str) -> None:
        self._bucket = bucket
        self._prefix = f"{prefix}/"
        self._client: Any = None

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[None]:
        """Open the client for as long as the block runs.

        Raises:
            BadSetting: the environment is not fit to call AWS.
        """
        async with aws_client("s3", connections=4, read_timeout_s=READ_TIMEOUT_S) as self._client:
            yield

    async def find(self, offset: int) -> Piece | None:
        """See `Archive`."""
        after = f"{self._prefix}{lowest_name(offset)}"
        while True:
            with translated(WHAT):
                answer = await self._client.list_objects_v2(
                    Bucket=self._bucket, Prefix=self._prefix, StartAfter=after, MaxKeys=LISTED_MAX
                )
            keys = [one["Key"] for one in answer.get("Contents", [])]
            pieces = (named(key.removeprefix(self._prefix)) for key in keys)
            piece = next(filter(None, pieces), None)
            if piece is not None or not keys:
                return piece
            after = keys[-1]

    async def get(self, piece: Piece) -> bytes:
        """See `Archive`."""
        with translated(WHAT):
            answer = await self._client.get_object(Bucket=self._bucket, Key=self._prefix + piece.name)
            async with answer["Body"] as body:
                file: bytes = await body.read()
        return file

    async def put(self, piece: Piece, file: bytes) -> None:
        """See `Archive`."""
        try:
            with translated(WHAT):
                await self._client.put_object(
                    Bucket=self._bucket, Key=self._prefix + piece.name, Body=file, IfNoneMatch="*",
                    ContentType="application/gzip",
                )  # fmt: skip
        except Unavailable as failure:
            if failure.detail not in THERE_ALREADY:
                raise
