"""What the server processes of services and gateway have in common: they say where they listen; memory is settled."""

import asyncio
import gc
import os
from types import FrameType
from typing import Any

import structlog
import uvicorn

_log = structlog.get_logger(__name__)


class AnnouncingServer(uvicorn.Server):
    """uvicorn's server; once it listens it collects garbage seldom, by the thresholds given."""

    def __init__(self, config: uvicorn.Config, gc_thresholds: tuple[int, int, int]) -> None:
        super().__init__(config)
        self._gc_thresholds = gc_thresholds
        self._starting: asyncio.Task[Any] | None = None

    async def startup(self, sockets: list[Any] | None = None) -> None:
        """Start listening. What starts may wait for others, such as a table on AWS: a signal ends that too."""
        self._starting = asyncio.current_task()
        try:
            await super().startup(sockets)
        except asyncio.CancelledError:
            if not self.should_exit:
                raise
        self._starting = None
        if self.started and self.servers:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            freeze_memory()
            gc.set_threshold(*self._gc_thresholds)
            gc.enable()
            scheme = "https" if self.config.is_ssl else "http"
            _log.info("listening", url=f"{scheme}://{host}:{port}", pid=os.getpid())

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop: called by the signal's handler."""
        super().handle_exit(sig, frame)
        if self._starting is not None:
            self._starting.get_loop().call_soon_threadsafe(self._starting.cancel)


def freeze_memory() -> None:
    """Take what there is now out of garbage collection: it stays, and forked processes go on sharing its pages."""
    gc.collect()
    gc.freeze()
