"""Phones that keep their feed over a bad network: on each transport, with what they received written down."""

import asyncio
import json
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from typing import Literal

import aiohttp

from resolvers.node_ids import decode_node_id
from tests.journey.bank import FEED, Json

Kind = Literal["websocket", "events", "parts"]
KINDS: tuple[Kind, ...] = ("websocket", "events", "parts", "websocket")
ACCEPT = {"events": "text/event-stream", "parts": 'multipart/mixed;subscriptionSpec="1.0", application/json'}
AGAIN_S_MAX = 0.3
"""A phone comes back after a random time up to this."""
UPRIGHT_S = 10.0
"""What a phone waits for its first event before it tries another line."""


class Phone:
    """One phone of a customer: resumes after its last cursor until it is cancelled."""

    def __init__(self, kind: Kind, host: str, mint: Callable[[], str], renew_after_s: float) -> None:
        self.kind = kind
        self._host = host
        self._mint = mint
        self._renew_after_s = renew_after_s
        self.received: list[tuple[str, str]] = []
        """(what, id of the alert), in the order they came."""
        self.cursor: str | None = None
        self.gaps: list[str] = []
        self.lines = 0
        self.renewals = 0
        self.surprises: list[str] = []
        """What no phone should ever see."""

    def __repr__(self) -> str:
        what = f"{len(self.received)} received on {self.lines} lines, gaps {self.gaps}, last {self.received[-1:]}"
        return f"<{self.kind} at {self.cursor}: {what}, surprises {self.surprises}>"

    async def run(self, http: aiohttp.ClientSession) -> None:
        """Keep the feed."""
        while True:
            lines = self._socket(http) if self.kind == "websocket" else self._stream(http)
            self.lines += 1
            try:
                async for event in lines:
                    self._take(event)
            except (aiohttp.ClientError, ConnectionError, TimeoutError):
                pass  # a line as phones have them
            finally:
                await lines.aclose()
            await asyncio.sleep(random.uniform(0, AGAIN_S_MAX))  # noqa: S311 - jitter, nothing secret

    def _take(self, payload: Json) -> None:
        if "errors" in payload:
            code = payload["errors"][0]["extensions"]["code"]
            if code not in {"UNAUTHENTICATED", "UNAVAILABLE", "DRAINING"}:
                self.surprises.append(json.dumps(payload))
            return
        event = payload["data"]["alertFeed"]
        match event["__typename"]:
            case "FeedGap":
                self.gaps.append(event["reason"])
            case "AlertRaised" | "AlertChanged" as what:
                self.received.append((what, decode_node_id(event["alert"]["id"])[1]))
        self.cursor = event["cursor"]

    async def _socket(self, http: aiohttp.ClientSession) -> AsyncGenerator[Json]:
        url = f"ws://{self._host}/graphql"
        async with http.ws_connect(url, protocols=["graphql-transport-ws"], autoping=True) as socket:
            await socket.send_json({"type": "connection_init", "payload": {"token": self._mint()}})
            payload = {"query": FEED, "variables": {"after": self.cursor}}
            renewing = asyncio.get_running_loop().call_later(self._renew_after_s, self._renew, socket)
            try:
                async with asyncio.timeout(UPRIGHT_S) as upright:
                    async for message in socket:
                        if message.type is not aiohttp.WSMsgType.TEXT:
                            return
                        said = json.loads(message.data)
                        if said["type"] == "connection_ack":
                            await socket.send_json({"type": "subscribe", "id": "1", "payload": payload})
                        elif said["type"] == "pong":
                            self.renewals += 1
                            renewing = asyncio.get_running_loop().call_later(self._renew_after_s, self._renew, socket)
                        elif said["type"] == "error":
                            yield {"errors": said["payload"]}
                            return
                        elif said["type"] == "complete":  # it could not begin: the answer before it says why
                            return
                        else:
                            upright.reschedule(None)
                            yield said["payload"]
            finally:
                renewing.cancel()

    def _renew(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        message = {"type": "ping", "payload": {"token": self._mint()}}
        self._sending = asyncio.ensure_future(_say(socket, message))

    async def _stream(self, http: aiohttp.ClientSession) -> AsyncGenerator[Json]:
        headers = {"Authorization": f"Bearer {self._mint()}", "Accept": ACCEPT[self.kind]}
        body = {"query": FEED, "variables": {"after": self.cursor}}
        async with asyncio.timeout(UPRIGHT_S) as upright:
            async with http.post(f"http://{self._host}/graphql", json=body, headers=headers) as response:
                if response.status == 503:
                    return
                if response.status != 200:
                    self.surprises.append(await response.text())
                    return
                async for line in response.content:
                    payload = _payload(line)
                    if payload is not None:
                        upright.reschedule(None)
                        yield payload


def _payload(line: bytes) -> Json | None:
    """Return what a line of events or of a part holds; a line that was cut is none."""
    if not line.endswith(b"\n"):
        return None
    if line.startswith(b"data: "):
        event: Json = json.loads(line[6:])
        return event
    if line.startswith(b"{") and line != b"{}\r\n":
        part: Json = json.loads(line)
        return part if part["payload"] is None else part["payload"]
    return None


async def _say(socket: aiohttp.ClientWebSocketResponse, message: Json) -> None:
    with suppress(aiohttp.ClientError, ConnectionError):  # the line is gone, and the phone sees it
        await socket.send_json(message)
