"""An application served as the gateway is served, on a free port, in the loop of the test."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from gateway.listeners import server_config


class Server(uvicorn.Server):
    """A server that tells when it listens and stops when it is told; uvicorn looks every 100 ms."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening, self._stopping = asyncio.Event(), asyncio.Event()

    async def startup(self, sockets: list[Any] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    async def main_loop(self) -> None:
        await self.on_tick(0)
        await self._stopping.wait()

    def stop(self) -> None:
        """Begin to end, as on SIGTERM."""
        self.should_exit = True
        self._stopping.set()


@asynccontextmanager
async def serving(app: ASGIApp) -> AsyncGenerator[tuple[str, int]]:
    """Serve the application; yields host and port."""
    async with listening(server_config(app, host="127.0.0.1", port=0)) as address:
        yield address


@asynccontextmanager
async def listening(config: uvicorn.Config) -> AsyncGenerator[tuple[str, int]]:
    """Serve as a configuration says; yields host and port."""
    server = Server(config)
    task = asyncio.create_task(server.serve())
    await server.listening.wait()
    try:
        yield server.servers[0].sockets[0].getsockname()[:2]
    finally:
        server.stop()
        await task
