"""The server process of the gateway: settings in, served until SIGTERM."""

import os
import socket
from typing import Any

import uvicorn
from starlette.applications import Starlette

from contracts.logs import configure_logs
from contracts.servers import AnnouncingServer, freeze_memory
from contracts.settings import Settings, split_setting
from contracts.tls import public_tls
from gateway.app import create_app
from gateway.draining import Draining
from gateway.listeners import server_config
from gateway.workers import Workers, listening_socket, share_of

GC_THRESHOLDS = (50_000, 50, 1_000)
"""Default thresholds cost 2.2 times the CPU and 4 times the p99 with thousands of live subscribers (research: io)."""


class Server(AnnouncingServer):
    """The server of a gateway: live streams are drained before the end."""

    def __init__(self, config: uvicorn.Config, draining: Draining, drain_s: float) -> None:
        super().__init__(config, GC_THRESHOLDS)
        self._draining = draining
        self._drain_s = drain_s

    async def shutdown(self, sockets: list[Any] | None = None) -> None:
        """Let nobody in, drain, then stop."""
        for server in self.servers:
            server.close()  # a load balancer's next connection goes elsewhere
        if not self.force_exit:
            await self._draining.run(self._drain_s)
        await super().shutdown(sockets)


def serve_gateway(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT; then nobody is let in, streams are drained, requests get a few seconds to end.

    Return the exit code. With `settings.workers` above 1 (0: as many as cores), that many processes share the port.

    Raises:
        BadSetting: the gateway cannot run safely as it is set.
    """
    workers = settings.workers or len(os.sched_getaffinity(0))
    if workers == 1:
        serve(create_app(settings), settings)
        return 0
    configure_logs(settings.log_level)
    public_tls(settings)
    create_app(settings)  # what is wrong with the settings is said once, before any worker is there
    share = share_of(settings, workers)
    listening = listening_socket(settings)
    freeze_memory()
    run = Workers(workers, lambda shared: serve(create_app(share), share, shared), listening, drain_s=settings.drain_s)
    return run.run()


def serve(app: Starlette, settings: Settings, listening: socket.socket | None = None) -> None:
    """Serve an application as the gateway is served, until SIGTERM or SIGINT; on a socket where one is given."""
    configure_logs(settings.log_level)
    proxies = split_setting(settings.trusted_proxies)
    tls = public_tls(settings)
    config = server_config(app, host=settings.host, port=settings.port, tls=tls, trusted_proxies=proxies)
    sockets = None if listening is None else [listening]
    Server(config, app.state.draining, settings.drain_s).run(sockets)
