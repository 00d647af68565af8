"""The log as its readers follow it: NDJSON from an offset, then long-polling for what is appended next.

It wakes on appends and on nothing else but its own heartbeat; what it sends are the bytes as stored.
"""

import asyncio
from collections.abc import AsyncGenerator

from services.events.store import EventLog

PAGE_ENTRIES_MAX = 1000
"""Entries read from the store at once."""
WAIT_S_MAX = 60
HEARTBEAT_S = 5.0
"""A blank line at least this often tells the reader that the log is quiet, not gone."""


async def follow(
    log: EventLog, after: int, limit: int, wait_s: float, heartbeat_s: float = HEARTBEAT_S
) -> AsyncGenerator[bytes]:
    """Yield lines after an offset: `limit` entries (0: no bound), or until nothing new came for `wait_s` seconds."""
    loop = asyncio.get_running_loop()
    left = limit
    quiet_since = loop.time()
    while True:
        appended = log.appended()
        page = await log.read(after, min(left, PAGE_ENTRIES_MAX) if limit else PAGE_ENTRIES_MAX)
        if page.count:
            yield page.lines
            after, left, quiet_since = page.last, left - page.count, loop.time()
            if limit and left <= 0:
                return
            continue
        remaining_s = quiet_since + wait_s - loop.time()
        if remaining_s <= 0:
            return
        try:
            await asyncio.wait_for(appended.wait(), min(remaining_s, heartbeat_s))
        except TimeoutError:
            yield b"\n"
