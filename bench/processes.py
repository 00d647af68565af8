"""Start the real services (and gateways) on free ports in a fresh data folder, wait until they are ready, stop them.

Shared by benchmarks and journey tests: nothing here is a stand-in. `gateway-2` is a second replica of the gateway.
"""

import asyncio
import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

READY_S_MAX = 90.0
STOP_S_MAX = 10.0
STOP_ORDER = ("gateway", "gateway-2", "analytics", "accounts", "events")
MODULES = {
    "events": ("services.events",),
    "accounts": ("services.accounts",),
    "analytics": ("services.analytics",),
    "gateway": ("gateway", "gateway"),
    "gateway-2": ("gateway", "gateway"),
}


def free_ports(count: int) -> list[int]:
    """Return ports nobody listens on now; bound all at once so that they differ."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@dataclass
class Belfry:
    """One running Belfry; `start`, `kill` and `stop` act on single processes by name."""

    data_dir: Path
    environment: dict[str, str]
    urls: dict[str, str]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    """How to ask over https, where it speaks that."""

    async def start(self, *names: str) -> None:
        """Start processes at once and wait until each says it is ready.

        Raises:
            RuntimeError: one ended; its log is in the message.
            TimeoutError: one was not ready in time.
        """
        for name in names:
            self._launch(name)
        async with self.session() as session, asyncio.timeout(READY_S_MAX):
            for name in names:
                while not await _ready(session, self.urls[name]):
                    if (code := self.processes[name].poll()) is not None:
                        raise RuntimeError(f"{name} ended with {code}:\n{self.log(name)}")
                    await asyncio.sleep(0.05)

    def session(self) -> aiohttp.ClientSession:
        """Return a client of all of them; whoever asks for it closes it."""
        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=True if self.tls is None else self.tls))

    def _launch(self, name: str) -> None:
        with (self.data_dir / f"{name}.log").open("ab") as log:
            command = [sys.executable, "-m", *MODULES[name]]
            environment = self.environment
            if name.startswith("gateway"):
                environment = environment | {"BELFRY_PORT": self.urls[name].rpartition(":")[2]}
            self.processes[name] = subprocess.Popen(command, env=environment, stderr=log, stdout=log)

    def log(self, name: str) -> str:
        """Return the last lines a process logged."""
        return (self.data_dir / f"{name}.log").read_text(errors="replace")[-4000:]

    def kill(self, name: str) -> None:
        """End a process the hard way (SIGKILL)."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait(STOP_S_MAX)

    def stop(self) -> None:
        """End everything that still runs, consumers first."""
        ending = [self.processes.pop(name) for name in STOP_ORDER if name in self.processes]
        for process in ending:
            process.send_signal(signal.SIGTERM)
        for process in ending:
            try:
                process.wait(STOP_S_MAX)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(STOP_S_MAX)


async def _ready(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(f"{url}/health/ready") as response:
            return response.status == 200
    except aiohttp.ClientError:
        return False


def prepare(data_dir: Path, settings: Mapping[str, str] | None = None) -> Belfry:
    """Choose ports and settings for a Belfry in `data_dir`; starts nothing."""
    data_dir.mkdir(parents=True, exist_ok=True)
    events, accounts, analytics, gateway, replica = free_ports(5)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BELFRY_")}
    environment = kept | {
        "BELFRY_DATA_DIR": str(data_dir),
        "BELFRY_EVENTS_PORT": str(events),
        "BELFRY_ACCOUNTS_PORT": str(accounts),
        "BELFRY_ANALYTICS_PORT": str(analytics),
        "BELFRY_PORT": str(gateway),
        "BELFRY_DEMO": "true",
        **(settings or {}),
    }
    ports = {"events": events, "accounts": accounts, "analytics": analytics, "gateway": gateway, "gateway-2": replica}
    return Belfry(data_dir, environment, {name: f"http://127.0.0.1:{port}" for name, port in ports.items()})


@asynccontextmanager
async def running(data_dir: Path, *names: str, settings: Mapping[str, str] | None = None) -> AsyncGenerator[Belfry]:
    """Run the named processes for as long as the block."""
    belfry = prepare(data_dir, settings)
    try:
        await belfry.start(*names)
        yield belfry
    finally:
        belfry.stop()
