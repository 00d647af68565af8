"""Ten thousand phones in one process: the least a client can do, so that one core plays all of them."""

import asyncio
import base64
import json
import os
import time
from collections.abc import Callable, Sequence
from typing import Any

FEED = """subscription Feed($after: FeedCursor) { alertFeed(after: $after) { __typename
  ... on AlertRaised { cursor alert { id title body severity state occurredAt reasons { code observed threshold } } }
  ... on FeedCaughtUp { cursor } } }"""
PEER_FEED = FEED.replace("($after: FeedCursor)", "").replace("(after: $after)", "")
CONNECTING_MAX = 256
TEXT, PING, CLOSE = 1, 9, 8


class Tally:
    """What all phones have received, and what waits for it."""

    def __init__(self) -> None:
        self.received = 0
        self.delays: list[float] = []
        self.sent_at = 0.0
        self._wanted = -1
        self._reached = asyncio.Event()

    def count(self) -> None:
        """Count one alert."""
        self.received += 1
        if self.sent_at:
            self.delays.append(time.perf_counter() - self.sent_at)
        if self.received == self._wanted:
            self._reached.set()

    async def reach(self, wanted: int, within_s: float = 60.0) -> None:
        """Wait until so many alerts were received in all.

        Raises:
            TimeoutError: they did not come.
        """
        self._wanted = wanted
        self._reached.clear()
        if self.received < wanted:
            await asyncio.wait_for(self._reached.wait(), within_s)


class Phone(asyncio.Protocol):
    """One phone over graphql-transport-ws."""

    def __init__(self, tally: Tally, token: str, query: str, after: str | None = None) -> None:
        self.tally, self.token, self.query, self.after = tally, token, query, after
        self.cursor = after
        self.caught_up: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._rest = b""
        self._upgraded = False

    def connection_made(self, transport: Any) -> None:
        """Ask for the upgrade."""
        self.transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            "GET /graphql HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        """Read frames."""
        data = self._rest + data if self._rest else data
        if not self._upgraded:
            head, found, data = data.partition(b"\r\n\r\n")
            if not found:
                self._rest = head
                return
            assert head.startswith(b"HTTP/1.1 101"), head
            self._upgraded = True
            self._say({"type": "connection_init", "payload": {"token": self.token}})
        at, end = 0, len(data)
        while end - at >= 2:
            size, start = data[at + 1] & 127, at + 2
            if size == 126:
                size, start = int.from_bytes(data[at + 2 : at + 4]), at + 4
            if end - start < size:
                break
            self._take(data[at] & 15, data[start : start + size])
            at = start + size
        self._rest = data[at:]

    def _take(self, opcode: int, payload: bytes) -> None:
        if opcode == TEXT:
            if self.caught_up.done():
                self.tally.count()
            elif b'"connection_ack"' in payload:
                variables = {"after": self.after} if self.after else {}
                self._say({"id": "1", "type": "subscribe", "payload": {"query": self.query, "variables": variables}})
            elif b"FeedCaughtUp" in payload:
                self.cursor = json.loads(payload)["payload"]["data"]["alertFeed"]["cursor"]
                self.caught_up.set_result(None)
            elif b"AlertRaised" in payload:
                self.tally.count()
            else:
                raise RuntimeError(payload)
        elif opcode == PING:
            self._frame(0x8A, payload)
        elif opcode == CLOSE:
            self.transport.close()

    def _say(self, message: dict[str, Any]) -> None:
        self._frame(0x81, json.dumps(message).encode())

    def _frame(self, first: int, payload: bytes) -> None:
        size = len(payload)
        head = bytes([first, 0x80 | size]) if size < 126 else bytes([first, 0xFE]) + size.to_bytes(2)
        self.transport.write(head + b"\0\0\0\0" + payload)  # a mask of zeroes is a mask


class EventPhone(Phone):
    """One phone over server-sent events."""

    def connection_made(self, transport: Any) -> None:
        """Ask for the stream."""
        self.transport = transport
        body = json.dumps({"query": self.query, "variables": {"after": self.after}}).encode()
        transport.write(
            "POST /graphql HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n"
            f"Authorization: Bearer {self.token}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )

    def data_received(self, data: bytes) -> None:
        """Count events; here none is ever cut in the middle of its first line."""
        for _ in range(data.count(b"event: next")):
            if self.caught_up.done():
                self.tally.count()
            else:
                self.caught_up.set_result(None)


async def connect(port: int, phones: Sequence[Phone], address: str | None = None) -> None:
    """Connect phones, some at a time, from an address of this machine, and wait until each is caught up."""
    loop = asyncio.get_running_loop()
    places = asyncio.Semaphore(CONNECTING_MAX)

    async def one(phone: Phone) -> None:
        async with places:
            local = None if address is None else (address, 0)
            await loop.create_connection(lambda: phone, "127.0.0.1", port, local_addr=local)
            await asyncio.wait_for(asyncio.shield(phone.caught_up), 20)

    await asyncio.gather(*map(one, phones))


async def hang_up(phones: Sequence[Phone]) -> None:
    """Cut all connections at once."""
    for phone in phones:
        phone.transport.abort()
    await asyncio.sleep(0.5)


Maker = Callable[[Tally, int], Phone]
