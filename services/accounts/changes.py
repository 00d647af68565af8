"""The recent account changes, kept in memory for the gateways that follow them: a hint, never the truth.

What a commit changed is encoded once for all followers. One that falls behind what is kept misses what fell out.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sequence

import msgspec

from contracts.feed import AccountChange

COMMITS_KEPT_MAX = 64
"""Commits kept for followers that come back: at most 2,000 changes of some 70 bytes each."""
WAIT_S_MAX = 60
HEARTBEAT_S = 5.0
FROM_NOW = -1

_json = msgspec.json.Encoder()


class Changes:
    """The last commits' changes; one writer, any number of followers, all in one event loop."""

    def __init__(self) -> None:
        self._commits: deque[tuple[int, bytes]] = deque(maxlen=COMMITS_KEPT_MAX)
        self._published = asyncio.Event()
        self._offset = 0

    def start_at(self, offset: int) -> None:
        """Set what "now" is before the first commit: the offset the projection starts from."""
        self._offset = offset

    def publish(self, offset: int, changes: Sequence[AccountChange]) -> None:
        """Wake the followers with what a commit changed; `offset` is the one it reached."""
        self._offset = offset
        if changes:
            self._commits.append((changes[-1].offset, _json.encode_lines(changes)))
            self._published.set()
            self._published = asyncio.Event()

    async def follow(self, after: int, wait_s: float, heartbeat_s: float = HEARTBEAT_S) -> AsyncGenerator[bytes]:
        """Yield NDJSON of what is kept after an offset and of what comes, until nothing came for `wait_s` seconds.

        From now (`FROM_NOW`) the first line is `{"offset": n}`; where it is quiet, an empty line each `heartbeat_s`.
        """
        loop = asyncio.get_running_loop()
        if after == FROM_NOW:
            after = self._offset
            yield _json.encode({"offset": after}) + b"\n"
        quiet_since = loop.time()
        while True:
            published = self._published
            news = [commit for commit in self._commits if commit[0] > after]
            if news:
                after, quiet_since = news[-1][0], loop.time()
                yield b"".join(lines for _, lines in news)
                continue
            remaining_s = quiet_since + wait_s - loop.time()
            if remaining_s <= 0:
                return
            try:
                await asyncio.wait_for(published.wait(), min(remaining_s, heartbeat_s))
            except TimeoutError:
                yield b"\n"
