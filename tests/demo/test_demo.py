"""The demo as a newcomer meets it: what README.md says to type, typed."""

import asyncio
import json
import os
import re
import shutil
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from bench.processes import prepare
from tests.journey.bank import PATIENCE_S

pytestmark = [
    pytest.mark.journey,
    pytest.mark.skipif(shutil.which("curl") is None, reason="README.md's commands need curl"),
]

ROOT = Path(__file__).parents[2]
COMMANDS = re.findall(r"\n\n((?: {4}.*\n)+)", (ROOT / "README.md").read_text())


@dataclass(frozen=True)
class Demo:
    """A running demo, and a shell to type commands into."""

    process: asyncio.subprocess.Process
    environment: dict[str, str]

    async def said(self, text: str) -> str:
        """Wait until the demo prints a line with the text; return that line."""
        return await _line_with(self.process, text)

    async def type(self, command: str) -> asyncio.subprocess.Process:
        """Start a command of README.md, here and on this demo's ports."""
        command = command.replace("127.0.0.1:8000", f"127.0.0.1:{self.environment['BELFRY_PORT']}")
        command = command.replace("127.0.0.1:8101", f"127.0.0.1:{self.environment['BELFRY_EVENTS_PORT']}")
        command = command.replace(".venv/bin/belfry", f"{sys.executable} -m gateway")
        return await asyncio.create_subprocess_exec(
            "bash", "-euc", command, cwd=ROOT, env=self.environment, stdout=asyncio.subprocess.PIPE
        )

    async def answer(self, command: str) -> str:
        """Type a command and return all it prints."""
        process = await self.type(command)
        async with asyncio.timeout(PATIENCE_S):
            printed, _ = await process.communicate()
        return printed.decode()


async def _line_with(process: asyncio.subprocess.Process, text: str) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE_S):
        async for line in process.stdout:
            if text in line.decode():
                return line.decode()
    pytest.fail(f"It ended with {await process.wait()} and never said {text!r}.")


@asynccontextmanager
async def demo(folder: Path) -> AsyncGenerator[Demo]:
    """Run the demo without its simulator, so that only what a test does happens."""
    environment = {name: value for name, value in prepare(folder).environment.items() if name != "PYTHONUNBUFFERED"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway", "demo", "--no-simulator", cwd=ROOT, env=environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        running = Demo(process, environment)
        await running.said("Ctrl-C stops it")
        yield running
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        await process.communicate()


def _command(word: str) -> str:
    [found] = [command for command in COMMANDS if word in command]
    return str(found)


async def test_what_readme_says_to_type_works_and_the_demo_ends_as_it_should(tmp_path: Path) -> None:
    """A query, a subscription, an event, its alert; Ctrl-C; a start that kept the data; a child killed and named."""
    async with demo(tmp_path) as first:
        await _readme_leads_to_an_alert_once(first)
        first.process.send_signal(signal.SIGINT)
        assert await first.process.wait() == 0
    async with demo(tmp_path) as second:
        assert "another demo runs in" in await second.answer(".venv/bin/belfry demo 2>&1 || true")
        assert '"conflict"' in await second.answer(_command("specversion"))
        children = psutil.Process(second.process.pid).children(recursive=True)
        [analytics] = [child for child in children if "services.analytics" in child.cmdline()]
        os.kill(analytics.pid, signal.SIGKILL)
        await second.said("analytics was killed by SIGKILL")
        assert await second.process.wait() == 1
        assert [child for child in children if child.is_running()] == []


async def _readme_leads_to_an_alert_once(running: Demo) -> None:
    query, subscription, event = _command("{ viewer"), _command("text/event-stream"), _command("specversion")
    token = query[: query.index("curl")]
    assert json.loads(await running.answer(query))["data"]["viewer"]["givenName"] == "Anna"
    feed = await running.type(f"{token}exec {subscription.strip()}")
    await _line_with(feed, "FeedCaughtUp")
    now, curl = event[: event.index("curl")], event[event.index("curl") :]
    verdicts = await running.answer(f"{now}{curl}\n{curl}\nNOW=2026-01-01T00:00:00Z\n{curl}")
    assert re.findall(r'"verdict":"(\w+)"', verdicts) == ["accepted", "duplicate", "conflict"]
    assert "Large payment: 4,999.00 EUR" in await _line_with(feed, "Piano House")
    feed.terminate()
    await feed.wait()
