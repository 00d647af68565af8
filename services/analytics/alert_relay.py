"""Carry the alert log to AWS: each entry into the DynamoDB table at its seq, then as a live hint onto the SNS topic.

    this service's log ──offset──▶ entries ──customers side by side──▶ table ──▶ topic ──▶ a queue for each gateway

A file without alerts, such as one that was lost, has them from the table first (`restored_alerts.py`). Then this is an
outbox: the offset relayed is kept beside the log, and moved after the fact. So after a crash entries are put
again, and find themselves. If another entry is found at a seq, another writer has taken this one's place: the relay
ends, and readiness says so. A gateway reads the log from the table; the hints may be lost, doubled or late.
"""

import asyncio
import sqlite3
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from functools import partial
from typing import Any

import msgspec
import structlog
from prometheus_client import Counter

from aws.clients import aws_client, hot_client, translated
from contracts.failures import Conflict, Overloaded, Unavailable
from services.analytics import restored_alerts
from services.analytics.alert_log import StoredEntry
from services.analytics.alert_queries import StoredLogPage, entries_after
from services.analytics.alert_table import KEPT_S, DynamoAlertLog
from services.analytics.handoffs import Bounds
from services.analytics.instants import SECOND_US, time_text
from services.analytics.signals import Signal
from services.database import Database
from services.isolating import Patience

ENTRIES_AT_ONCE_MAX = 500
WRITES_AT_ONCE_MAX = 16
"""Also the connections to DynamoDB. More customers than that share writes, at two write units an entry for one."""
HINT_BYTES_MAX = 200 * 1024
"""One message carries as many entries as fit; SNS takes 256 KiB."""
RETRY_S_MIN = 0.1
RETRY_S_MAX = 5.0

RELAYED = Counter("belfry_alerts_relayed", "Alert log entries carried to AWS.")
_encode = msgspec.json.Encoder().encode
_log = structlog.get_logger(__name__)


class AlertRelay:
    """Relays for ever once `running`; `topic` is an SNS ARN, `table` a DynamoDB table."""

    def __init__(self, database: Database, appended: Signal, table: str, topic: str, calls: str = "signed") -> None:
        """`calls`: see `aws.clients.hot_client`."""
        self._database = database
        self._appended = appended
        self._table = table
        self._topic = topic
        self._calls = calls
        self._sns: Any = None
        self._alerts: DynamoAlertLog | None = None

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[None]:
        """Open the clients for as long as the block runs."""
        async with AsyncExitStack() as clients:
            self._sns = await clients.enter_async_context(aws_client("sns", connections=4))
            made = hot_client("dynamodb", self._calls, connections=WRITES_AT_ONCE_MAX)
            dynamodb = await clients.enter_async_context(made)
            self._alerts = DynamoAlertLog(dynamodb, self._table)
            yield

    async def restore(self, bounds: Bounds | None, now_us: int) -> None:
        """Take the log from the table where the file has none; waits for a table that is away. Call before any append.

        `bounds`: of handing over, None where alerts are not.
        """

        async def take_all() -> int:
            taken = 0
            async with aclosing(self._opened().everything()) as pages:
                async for entries in pages:
                    await self._database.write(partial(restored_alerts.take, entries=entries))
                    taken += len(entries)
            before = time_text(now_us - KEPT_S * SECOND_US)
            await self._database.write(lambda c: restored_alerts.finish(c, bounds, now_us, before))
            return taken

        async def restored() -> int:
            return await take_all() if await self._database.write(restored_alerts.begin) else 0

        if taken := await Patience().patiently(restored):
            _log.info("alerts restored", entries=taken)

    async def page(self, customer_id: str, after: int, limit: int) -> StoredLogPage:
        """Read a customer's log from the table.

        Raises:
            Unavailable, Overloaded: it cannot be read now.
        """
        return await self._opened().page(customer_id, after, limit)

    async def run(self) -> None:
        """Relay what the log has and will have; goes on after failures.

        Raises:
            Conflict: another writer has the log of one of the customers.
        """
        offset = await self._database.read(relayed_offset)
        delay_s = RETRY_S_MIN
        while True:
            bell = self._appended.next()
            try:
                entries = await self._database.read(partial(entries_after, offset=offset, limit=ENTRIES_AT_ONCE_MAX))
                if not entries:
                    await bell.wait()
                    continue
                await self.relay(entries)
                offset, delay_s = entries[-1].offset, RETRY_S_MIN
                await self._database.write(partial(keep_offset, offset=offset))
            except (Unavailable, Overloaded) as failure:
                _log.error("alerts not relayed", code=failure.reason, detail=failure.detail, after=offset)
                await asyncio.sleep(delay_s)
                delay_s = min(delay_s * 2, RETRY_S_MAX)

    async def relay(self, entries: Sequence[StoredEntry]) -> None:
        """Put entries into the table, each customer's in order, all customers at once; then hint at them.

        Raises:
            Conflict: see `run`.
            Unavailable, Overloaded: some may be there; relay them all again.
        """
        writes = [self._opened().append_all(some) for some in writes_of(entries, WRITES_AT_ONCE_MAX)]
        outcomes = await asyncio.gather(*writes, return_exceptions=True)
        failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        if failures:
            raise next((one for one in failures if isinstance(one, Conflict)), failures[0])
        with translated("alert topic"):
            for message in messages_of(entries):
                await self._sns.publish(TopicArn=self._topic, Message=message)
        RELAYED.inc(len(entries))

    def _opened(self) -> DynamoAlertLog:
        if self._alerts is None:
            raise Unavailable("The alert log is not open.")
        return self._alerts


def writes_of(entries: Sequence[StoredEntry], count_max: int) -> list[list[StoredEntry]]:
    """Deal entries into at most so many writes, a customer's into one of them and in order."""
    chains: defaultdict[str, list[StoredEntry]] = defaultdict(list)
    for entry in entries:
        chains[entry.customer_id].append(entry)
    writes: list[list[StoredEntry]] = [[] for _ in range(min(count_max, len(chains)))]
    for place, chain in enumerate(chains.values()):
        writes[place % count_max] += chain
    return writes


def messages_of(entries: Sequence[StoredEntry]) -> Iterator[str]:
    """Yield entries as NDJSON texts of at most `HINT_BYTES_MAX`; one that is larger goes by the log alone."""
    lines: list[bytes] = []
    size = 0
    for entry in entries:
        line = _encode(entry)
        if len(line) >= HINT_BYTES_MAX:
            continue
        if size + len(line) >= HINT_BYTES_MAX:
            yield b"\n".join(lines).decode()
            lines, size = [], 0
        lines.append(line)
        size += len(line) + 1
    if lines:
        yield b"\n".join(lines).decode()


def relayed_offset(connection: sqlite3.Connection) -> int:
    """Return the last offset relayed, 0 at first."""
    row = connection.execute("SELECT log_offset FROM relayed").fetchone()
    return 0 if row is None else int(row[0])


def keep_offset(connection: sqlite3.Connection, offset: int) -> None:
    """Note the last offset relayed."""
    connection.execute(
        "INSERT INTO relayed VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET log_offset = excluded.log_offset", (offset,)
    )
