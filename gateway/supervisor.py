"""Run several processes as one: start together, wait until all are ready, notice the first that ends, stop in order.

Each child has its own process group, so that a Ctrl-C at the terminal reaches the supervisor alone and the children
are stopped one after the other: those started last first, each by SIGTERM, then after `STOP_S_MAX` by SIGKILL.
"""

import asyncio
import os
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx
import msgspec

from contracts.failures import TimedOut, Unavailable

START_S_MAX = 30.0
"""From the start of a child until it answers that it is ready."""
STOP_S_MAX = 8.0
"""From SIGTERM until SIGKILL; longer than a server lets open requests end."""
POLL_S = 0.05
LOG_LINES_SHOWN = 12
LOG_TAIL_BYTES = 16 * 1024


class Program(msgspec.Struct, frozen=True):
    """What to run and where it says that it is ready; an environment on top of the supervisor's."""

    name: str
    command: Sequence[str]
    ready_url: str
    environment: Mapping[str, str]


class Ended(msgspec.Struct, frozen=True):
    """A child that ended by itself; `code` is negative for the signal that killed it."""

    name: str
    code: int
    last_lines: list[str]

    def __str__(self) -> str:
        """Say it for people."""
        how = f"was killed by {signal.Signals(-self.code).name}" if self.code < 0 else f"ended with code {self.code}"
        shown = "".join(f"\n    {line}" for line in self.last_lines)
        return f"{self.name} {how}; its last log lines:{shown or ' none'}"


class _Child:
    def __init__(self, program: Program, process: asyncio.subprocess.Process, log: Path, log_start: int) -> None:
        self.program = program
        self.process = process
        self.log = log
        self.log_start = log_start

    def signal(self, number: signal.Signals) -> None:
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            return  # the whole group is gone already

    async def stop(self) -> None:
        if self.process.returncode is None:
            self.signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self.process.wait(), STOP_S_MAX)
            except TimeoutError:
                self.signal(signal.SIGKILL)
                await self.process.wait()


class Supervisor:
    """Starts and stops programs; their output goes to `<log folder>/<name>.log`, appended."""

    def __init__(self, log_dir: Path) -> None:
        self._log_dir = log_dir
        self._children: list[_Child] = []

    async def start(self, program: Program) -> None:
        """Start one program; what is started last is stopped first.

        Raises:
            OSError: it cannot be started.
        """
        self._log_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._log_dir / f"{program.name}.log"
        with path.open("ab") as log:
            log_start = log.tell()
            process = await asyncio.create_subprocess_exec(
                *program.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **program.environment},
                start_new_session=True,
            )
        self._children.append(_Child(program, process, path, log_start))

    async def wait_until_ready(self) -> None:
        """Return once every child answers 200 on its ready URL.

        Raises:
            TimedOut: one does not within `START_S_MAX`; names it. `first_ended` says it when one ended instead.
        """
        deadline = time.monotonic() + START_S_MAX
        async with httpx.AsyncClient(timeout=2.0, trust_env=False) as http:
            for child in self._children:
                while not await _is_ready(http, child.program.ready_url):
                    if time.monotonic() > deadline:
                        raise TimedOut(f"{child.program.name} is not ready after {START_S_MAX:g} s; see {child.log}.")
                    await asyncio.sleep(POLL_S)

    async def first_ended(self) -> Ended:
        """Wait until any child ends by itself.

        Raises:
            Unavailable: there are no children.
        """
        if not self._children:
            raise Unavailable("No process was started.")
        waits = {asyncio.create_task(child.process.wait()): child for child in self._children}
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()
        child = waits[next(iter(done))]
        return Ended(child.program.name, child.process.returncode or 0, _last_lines(child.log, child.log_start))

    async def stop(self) -> None:
        """Stop all children, those started last first; each ends within `STOP_S_MAX`. May be called twice."""
        for child in reversed(self._children):
            await child.stop()


async def _is_ready(http: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await http.get(url)).status_code == 200
    except httpx.TransportError:
        return False


def _last_lines(path: Path, start: int) -> list[str]:
    with path.open("rb") as log:
        log.seek(max(start, path.stat().st_size - LOG_TAIL_BYTES))
        return log.read().decode(errors="replace").splitlines()[-LOG_LINES_SHOWN:]
