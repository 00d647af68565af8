"""A line between client and server as a phone has it: it can be cut, or go dead without a word."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

CHUNK_BYTES = 64 * 1024


class Tunnel:
    """Passes bytes between any number of connections and one server."""

    def __init__(self) -> None:
        self._open: set[asyncio.StreamWriter] = set()
        self._dead: set[asyncio.StreamWriter] = set()

    def cut(self) -> int:
        """End every connection at both ends; returns how many there were."""
        count = len(self._open)
        for writer in self._open:
            writer.transport.abort()
        return count // 2

    def go_dead(self) -> int:
        """Pass nothing more on any present connection, and say nothing of it; returns how many there were."""
        self._dead |= self._open
        return len(self._open) // 2

    @asynccontextmanager
    async def listening(self, host: str, port: int) -> AsyncGenerator[str]:
        """Listen on a free port for connections to the server at `host` and `port`; yields `host:port` of its own."""

        async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                far_reader, far_writer = await asyncio.open_connection(host, port)
            except OSError:  # nobody listens there: what the near end sees too
                writer.transport.abort()
                return
            ends = {writer, far_writer}
            self._open |= ends
            try:
                await asyncio.gather(self._pass_on(reader, far_writer), self._pass_on(far_reader, writer))
            finally:
                self._open -= ends
                self._dead -= ends

        server = await asyncio.start_server(connect, "127.0.0.1", 0)
        own_host, own_port = server.sockets[0].getsockname()[:2]
        try:
            yield f"{own_host}:{own_port}"
        finally:
            server.close()
            self.cut()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Copy until either end is gone, then end the other."""
        with suppress(ConnectionError):
            while data := await reader.read(CHUNK_BYTES):
                if writer not in self._dead:
                    writer.write(data)
                    await writer.drain()
        writer.close()
