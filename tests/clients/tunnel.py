"""A line between client and server that can be cut, as a phone's is in a tunnel: nothing is said, it just ends."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

CHUNK_BYTES = 64 * 1024


class Tunnel:
    """Passes bytes between any number of connections and one server."""

    def __init__(self) -> None:
        self._open: set[asyncio.StreamWriter] = set()

    def cut(self) -> int:
        """End every connection at both ends; returns how many there were."""
        count = len(self._open)
        for writer in self._open:
            writer.transport.abort()
        return count // 2

    @asynccontextmanager
    async def listening(self, host: str, port: int) -> AsyncGenerator[str]:
        """Listen on a free port for connections to the server at `host` and `port`; yields `host:port` of its own."""

        async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            far_reader, far_writer = await asyncio.open_connection(host, port)
            ends = {writer, far_writer}
            self._open |= ends
            try:
                await asyncio.gather(_pass_on(reader, far_writer), _pass_on(far_reader, writer))
            finally:
                self._open -= ends

        server = await asyncio.start_server(connect, "127.0.0.1", 0)
        own_host, own_port = server.sockets[0].getsockname()[:2]
        try:
            yield f"{own_host}:{own_port}"
        finally:
            server.close()
            self.cut()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until either end is gone, then end the other."""
    with suppress(ConnectionError):
        while data := await reader.read(CHUNK_BYTES):
            writer.write(data)
            await writer.drain()
    writer.close()
