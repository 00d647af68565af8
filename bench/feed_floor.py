"""The floor of the live feed: a bare uvloop server that does nothing but write the bytes of a message to each socket.

It says to `bench.phones.Phone` what that waits for, whatever it is sent; alerts are one frame of constant bytes, as
long as Belfry's. So its CPU for a message is what the kernel, uvloop and a loop over the connections take.
"""

import asyncio
import json
from typing import Any

from gateway.socket_connections import text_frame

MESSAGE_BYTES = 398
"""A message of the benchmark's subscription, as Belfry sends it."""

_ALERT = b'{"id":"1","type":"next","payload":{"data":{"alertFeed":{"__typename":"AlertRaised"'
ALERT = text_frame(_ALERT + b" " * (MESSAGE_BYTES - len(_ALERT) - 4) + b"}}}}")
SAID = (
    b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    text_frame(b'{"type":"connection_ack"}'),
    text_frame(b'{"payload":{"data":{"alertFeed":{"__typename":"FeedCaughtUp","cursor":"c"}}}}'),
)


class Connection(asyncio.Protocol):
    """One phone."""

    def __init__(self, connections: "set[Connection]") -> None:
        self._connections = connections
        self._turns = iter(SAID)

    def connection_made(self, transport: Any) -> None:
        """Listen from here on."""
        self.transport = transport
        self._connections.add(self)

    def data_received(self, data: bytes) -> None:  # noqa: ARG002
        """Say what is waited for next."""
        self.transport.write(next(self._turns, b""))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Listen no longer."""
        self._connections.discard(self)


class Trigger(asyncio.DatagramProtocol):
    """Writes to everybody for each datagram."""

    def __init__(self, connections: set[Connection]) -> None:
        self._connections = connections

    def datagram_received(self, data: bytes, addr: Any) -> None:  # noqa: ARG002
        """Write."""
        for _ in range(json.loads(data)["count"]):
            for connection in self._connections:
                connection.transport.write(ALERT)


async def serve() -> None:
    """Serve for ever; ports go to standard output."""
    connections: set[Connection] = set()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(connections), "127.0.0.1", 0, backlog=1024)
    trigger, _ = await loop.create_datagram_endpoint(lambda: Trigger(connections), local_addr=("127.0.0.1", 0))
    port = server.sockets[0].getsockname()[1]
    print(json.dumps({"port": port, "trigger": trigger.get_extra_info("sockname")[1]}), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve())
