"""The alert log as the gateways follow it: NDJSON of all customers' entries after an offset, in the order committed.

It wakes on commits and on nothing else but its own heartbeat; the alerts are spliced in as they are stored.
"""

import asyncio
from collections.abc import AsyncGenerator
from functools import partial

import msgspec

from contracts.failures import BadCursor
from services.analytics.alert_queries import entries_after, last_offset
from services.analytics.signals import Signal
from services.database import Database

PAGE_ENTRIES_MAX = 500
"""Entries read from the store at once."""
WAIT_S_MAX = 60
HEARTBEAT_S = 5.0
"""A blank line at least this often tells the reader that the log is quiet, not gone."""
FROM_NOW = -1

_encode_lines = msgspec.json.Encoder().encode_lines


async def start_of(database: Database, after: int) -> int:
    """Return the offset a stream starts after; `FROM_NOW` is the end.

    Raises:
        BadCursor: the offset lies beyond the end of the log.
    """
    end = await database.read(last_offset)
    if after > end:
        raise BadCursor("The offset lies beyond the end of the alert log.")
    return end if after == FROM_NOW else after


async def follow(
    database: Database,
    appended: Signal,
    after: int,
    wait_s: float,
    *,
    announce: bool = False,
    heartbeat_s: float = HEARTBEAT_S,
) -> AsyncGenerator[bytes]:
    """Yield lines after an offset until nothing new came for `wait_s` seconds; `announce` begins with the offset."""
    loop = asyncio.get_running_loop()
    if announce:
        yield b'{"offset":%d}\n' % after
    quiet_since = loop.time()
    while True:
        bell = appended.next()
        entries = await database.read(partial(entries_after, offset=after, limit=PAGE_ENTRIES_MAX))
        if entries:
            yield _encode_lines(entries)
            after, quiet_since = entries[-1].offset, loop.time()
            continue
        remaining_s = quiet_since + wait_s - loop.time()
        if remaining_s <= 0:
            return
        try:
            await asyncio.wait_for(bell.wait(), min(remaining_s, heartbeat_s))
        except TimeoutError:
            yield b"\n"
