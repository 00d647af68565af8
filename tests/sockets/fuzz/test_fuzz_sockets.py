"""Whatever is sent over a WebSocket, it ends by the protocol's own codes, and the gateway is as it was.

Each example is a seed; `make fuzz` tries fifty times as many.
"""

import asyncio
import base64
import json
from random import Random
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from gateway.websocket_protocol import SUBPROTOCOL, CloseCode
from tests.sockets.fuzz.attacks import BENS, exchange, many, scribe_of
from tests.sockets.fuzz.conftest import WAIT_S, Target

ENDS = {*CloseCode, 1000, 1002, 1007, 1009}
"""1011 and 1006 would be the gateway's own mistakes."""
QUIET_S = 0.1
TYPES = ["subscribe", "complete", "ping", "pong", "connection_init", "next", "", None, 5]
HANDSHAKE = (
    b"GET /graphql HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
    + base64.b64encode(bytes(16))
    + b"\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)


async def test_any_sequence_of_messages_ends_by_the_protocol(target: Target) -> None:
    """Valid ones, odd ones and text that is none, operations of the schema's own grammar among them."""

    async def attack(seed: int) -> None:
        random = Random(seed)  # noqa: S311 - drawn, nothing secret
        url = f"ws://127.0.0.1:{target.port}/graphql"
        async with connect(url, subprotocols=[Subprotocol(SUBPROTOCOL)]) as socket, asyncio.timeout(WAIT_S):
            heard = asyncio.create_task(_hear(socket))
            try:
                await socket.send(json.dumps(_init(target, random)))
                for _ in range(random.randint(0, 8)):
                    await socket.send(_message(seed, random))
                await socket.send(json.dumps({"type": "ping", "payload": {"last": True}}))
            except ConnectionClosed:
                pass  # what was sent before ended it
            for text in await heard:
                assert '"INTERNAL"' not in text, (seed, text)
                assert not [secret for secret in BENS if secret in text], (seed, text)
            await socket.close()
        assert socket.close_code in ENDS, (seed, socket.close_code, socket.close_reason)

    await many(attack)
    await target.is_quiet_again()


async def test_any_frames_leave_the_gateway_as_it_was(target: Target) -> None:
    """Bytes that are frames only by chance, after a handshake or in the middle of one."""

    async def attack(seed: int) -> None:
        random = Random(seed)  # noqa: S311 - drawn, nothing secret
        frames = b"".join(
            bytes([random.choice([0x81, 0x01, 0x00, 0x80, 0x82, 0x88, 0x89, 0x8A, 0xC1, random.randrange(256)])])
            + random.randbytes(random.choice([1, 2, 8, 40]))
            for _ in range(random.randint(1, 6))
        )
        head = HANDSHAKE if random.random() < 0.8 else HANDSHAKE[: random.randrange(len(HANDSHAKE))]
        answered = await exchange(target.port, head, frames)
        assert not answered.startswith(b"HTTP/1.1 5"), (seed, answered)

    await many(attack)
    await target.is_quiet_again()


def _init(target: Target, random: Random) -> dict[str, Any]:
    token = random.choice([target.token] * 9 + ["x", "", target.token[:-2]])
    return {"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}}


def _message(seed: int, random: Random) -> Any:
    kind = random.random()
    if kind < 0.7:
        payload = scribe_of(seed + random.randrange(1_000)).operation()
        return json.dumps({"type": "subscribe", "id": str(random.randrange(40)), "payload": payload})
    if kind < 0.9:
        odd: dict[str, Any] = {"type": random.choice(TYPES), "id": random.choice(["1", "", 5, None, "x" * 200, []])}
        return json.dumps({**odd, "payload": random.choice([None, {}, [], 5, "x", {"query": 5}, {"token": "x"}])})
    return random.choice(["", "{", "[]", "null", '"', '{"type":"ping","type":"pong"}', "\ud7ff", b"binary", "[" * 500])


async def _hear(socket: ClientConnection) -> list[str]:
    """Return all messages up to the answer of the last ping, or the end."""
    heard: list[str] = []
    try:
        while True:
            text = str(await asyncio.wait_for(socket.recv(), QUIET_S))
            heard.append(text)
            assert json.loads(text)["type"] in {"connection_ack", "next", "error", "complete", "ping", "pong"}
    except (ConnectionClosed, TimeoutError):
        return heard
