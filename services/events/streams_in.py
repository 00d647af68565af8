"""An NDJSON request of any length in bounded memory: lines are cut, screened and appended while the next ones arrive.

One batch is being written, the next one is screened meanwhile, and nothing more is read until the first is durable:
TCP holds the producer back. Batches are written strictly one after the other, so the log has the producer's order even
when a batch had to wait for a place in the queue. A slow producer's lines are written whenever it pauses, a fast one's
in full batches.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from tempfile import SpooledTemporaryFile
from typing import IO

import msgspec

from contracts.failures import Overloaded
from contracts.ingest import IngestSummaryLine, RecordVerdict
from services.events.ingest import BATCH_RECORDS_MAX, Ingest, Tally
from services.events.lines import LineSplitter
from services.events.screening import Record

BATCH_BYTES_MAX = 1024 * 1024
LULL_S = 0.003
"""How long the producer may pause before the lines that came are written without waiting for a full batch."""
SPOOL_BYTES_MAX = 1024 * 1024
"""Verdicts of a stream kept in memory before they go to a temporary file."""
QUEUE_TRIES_MAX = 30
"""How often a stream that has begun asks for a place in a full queue before it is refused, a second apart."""

_encoder = msgspec.json.Encoder()


async def take_stream(ingest: Ingest, chunks: AsyncIterator[bytes]) -> IO[bytes]:
    """Append the lines of a byte stream; return the NDJSON answer, rewound. The caller closes it.

    A stream that is cut (`ConnectionError` from `chunks`) keeps its complete lines and not the broken one.

    Raises:
        Overloaded, Unavailable: the first lines may be stored; send all again, duplicates are recognised.
    """
    spool: IO[bytes] = SpooledTemporaryFile(SPOOL_BYTES_MAX)  # noqa: SIM115 - the answer outlives this function
    run = _StreamRun(ingest, spool)
    try:
        await run.consume(chunks)
        spool.write(_encoder.encode(IngestSummaryLine(await ingest.summary(run.tally))) + b"\n")
    except BaseException:
        run.abandon()
        spool.close()
        raise
    spool.seek(0)
    return spool


class _StreamRun:
    """One request under way: the lines that wait, and the batch being written."""

    def __init__(self, ingest: Ingest, spool: IO[bytes]) -> None:
        self.tally = Tally()
        self._ingest = ingest
        self._spool = spool
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._writing: asyncio.Future[list[RecordVerdict]] | None = None
        self._index = 0

    async def consume(self, chunks: AsyncIterator[bytes]) -> None:
        splitter = LineSplitter()
        try:
            while chunk := await self._next(chunks):
                self._take(splitter.feed(chunk))
                while self._has_full_batch():
                    await self._write_next()
            self._take(splitter.end())
        except ConnectionError:
            pass  # the producer is gone: what it sent whole is still accepted, nobody reads the verdicts
        while self._waiting:
            await self._write_next()
        await self._settle()

    async def _next(self, chunks: AsyncIterator[bytes]) -> bytes:
        """Return the next chunk, empty at the end; meanwhile write what waits once the producer pauses."""
        reading = asyncio.ensure_future(anext(chunks, b""))
        try:
            while not reading.done():
                pause_s = LULL_S if self._waiting and self._writing is None else None
                under_way = [future for future in (reading, self._writing) if future is not None]
                done, _ = await asyncio.wait(under_way, timeout=pause_s, return_when=asyncio.FIRST_COMPLETED)
                if not done:
                    await self._write_next()
                elif reading not in done:
                    await self._settle()
            return reading.result()
        finally:
            reading.cancel()

    def abandon(self) -> None:
        """Stop waiting for the batch under way; the log finishes what it has begun."""
        if self._writing is not None:
            self._writing.cancel()

    def _take(self, lines: list[bytes]) -> None:
        self._waiting += lines
        self._waiting_bytes += sum(map(len, lines))

    def _has_full_batch(self) -> bool:
        return len(self._waiting) >= BATCH_RECORDS_MAX or self._waiting_bytes >= BATCH_BYTES_MAX

    async def _write_next(self) -> None:
        records = await self._ingest.screened(self._next_batch())
        await self._settle()
        self._writing = asyncio.create_task(self._append(records, self._index))
        self._index += len(records)

    def _next_batch(self) -> list[bytes]:
        lines: list[bytes] = []
        size = 0
        while self._waiting and len(lines) < BATCH_RECORDS_MAX and size < BATCH_BYTES_MAX:
            lines.append(self._waiting.popleft())
            size += len(lines[-1])
        self._waiting_bytes -= size
        return lines

    async def _append(self, records: list[Record], first_index: int) -> list[RecordVerdict]:
        for _ in range(QUEUE_TRIES_MAX if first_index else 0):
            try:
                return await self._ingest.append(records, first_index)
            except Overloaded as full:
                await asyncio.sleep(full.retry_after_s or 1.0)
        return await self._ingest.append(records, first_index)

    async def _settle(self) -> None:
        if self._writing is not None:
            verdicts = await self._writing
            self._writing = None
            self.tally.add(verdicts)
            self._spool.write(_encoder.encode_lines(verdicts))
