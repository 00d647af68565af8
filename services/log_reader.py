"""Follow the event service's log from an offset, for ever: what the account and analytics services consume.

The stream is only transport: the caller keeps its own offset beside its state, so a cut, a restart or a repeat
of the connection changes nothing. Each connection begins with the entry applied last, by which the log is known again.
Back-pressure is TCP's: nothing is read while the caller works on a batch.
"""

import asyncio
import random
import ssl
from collections.abc import AsyncGenerator
from contextlib import aclosing
from math import ceil

import aiohttp
import msgspec
import structlog

from contracts.events import LogEntry
from contracts.stored_events import log_entries
from services.followed import mark_of
from services.gathering import LineTooLong, gathered

WAIT_S = 30
"""How long the event service keeps a quiet stream open."""
BACKOFF_S_MAX = 5.0
BACKOFF_S_MIN = 0.1
HEALTHY_WITHIN_S = 10.0
AHEAD_BYTES = 512 * 1024
"""Read from the socket while the caller works on a batch, up to twice this: what came is the next batch. So batches are
small on a quiet log and large behind a busy one (measured: 1,600 entries at the median instead of 530 with the client's
default of 64 KiB, a tenth less CPU an event)."""
GATHER_S = 0.08
"""Least time from one batch of a busy log to the next (`services/gathering.py`), unless told otherwise: batches of 200
cost a tenth more CPU an event than such of 800."""

_log = structlog.get_logger(__name__)


class AnotherLog(Exception):
    """The entry at the applied offset is not the one that was applied: nothing of this log may be."""


_AWAY = (aiohttp.ClientError, TimeoutError, ConnectionError, msgspec.DecodeError, LineTooLong, AnotherLog)


class LogReader:
    """An endless reader of the event log at `events_url`; one consumer each."""

    def __init__(
        self,
        events_url: str,
        *,
        token: str = "",
        tls: ssl.SSLContext | None = None,
        batch_max: int = 2000,
        gather_s: float = GATHER_S,
        idle_s: float = 1.0,
    ) -> None:
        self._url = f"{events_url}/events/stream"
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._tls = tls
        self._batch_max = batch_max
        self._gather_s = gather_s
        self._idle_s = idle_s
        self._heard_at = float("-inf")

    @property
    def healthy(self) -> bool:
        """Whether the event service was heard within the last ten seconds."""
        return asyncio.get_running_loop().time() - self._heard_at < HEALTHY_WITHIN_S

    async def batches(self, after: int, mark: str = "") -> AsyncGenerator[list[LogEntry]]:
        """Yield the entries after offset `after`, in order and without holes, at most `batch_max` at a time.

        An empty list means: caught up, and nothing new for about `idle_s` seconds. Never ends by itself. `mark` is that
        of the entry at `after` (`services/followed.py`), empty where it is not known: a log that has another one there
        is not read, nor is it `healthy`.
        """
        backoff_s = BACKOFF_S_MIN
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=2.0, sock_read=HEALTHY_WITHIN_S)
        connector = aiohttp.TCPConnector(ssl=True if self._tls is None else self._tls)
        async with aiohttp.ClientSession(
            connector=connector, timeout=timeout, headers=self._headers, read_bufsize=AHEAD_BYTES
        ) as session:
            while True:
                try:
                    async for batch in self._known(session, after, mark):
                        backoff_s = BACKOFF_S_MIN
                        if batch:
                            after, mark = batch[-1].offset, mark_of(batch[-1])
                        yield batch
                except _AWAY as error:
                    _log.warning(
                        "event log away", error=type(error).__name__, after=after, retry_in_s=round(backoff_s, 2)
                    )
                    await asyncio.sleep(backoff_s * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, nothing secret
                    backoff_s = min(backoff_s * 2, BACKOFF_S_MAX)

    async def _known(self, session: aiohttp.ClientSession, after: int, mark: str) -> AsyncGenerator[list[LogEntry]]:
        async with aclosing(self._follow(session, after - 1 if mark else after)) as batches:
            async for batch in batches:
                if not mark or not batch:
                    yield batch
                    continue
                if mark_of(batch[0]) != mark:
                    self._heard_at = float("-inf")
                    raise AnotherLog
                mark = ""
                if len(batch) > 1:
                    yield batch[1:]

    async def _follow(self, session: aiohttp.ClientSession, after: int) -> AsyncGenerator[list[LogEntry]]:
        parameters = {"after": str(after), "limit": "0", "wait": str(WAIT_S)}
        async with session.get(self._url, params=parameters, raise_for_status=True) as response:
            self._heard_at = asyncio.get_running_loop().time()  # a quiet log answers at once and then says nothing

            async def hear() -> bytes:
                chunk = await response.content.readany()
                self._heard_at = asyncio.get_running_loop().time()
                return chunk

            async with aclosing(gathered(hear, gather_s=self._gather_s, idle_s=self._idle_s)) as gathering:
                async for lines in gathering:
                    if not lines:
                        yield []
                    for batch in self._batches(lines, after):
                        after = batch[-1].offset
                        yield batch

    def _batches(self, lines: bytes, after: int) -> list[list[LogEntry]]:
        entries = log_entries.decode_lines(lines)
        for number, entry in enumerate(entries, start=after + 1):
            if entry.offset != number:
                raise aiohttp.ClientPayloadError(f"the event log answered offset {entry.offset} instead of {number}")
        if not entries:
            return []
        count = ceil(len(entries) / self._batch_max)
        size = ceil(len(entries) / count)  # alike: a rest of a few entries would be taken for a quiet log
        return [entries[start : start + size] for start in range(0, len(entries), size)]
