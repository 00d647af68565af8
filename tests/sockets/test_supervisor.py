"""The supervisor starts, watches and stops real processes: small ones made for the purpose."""

import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from contracts.failures import TimedOut
from contracts.settings import BadSetting
from gateway import supervisor
from gateway.demo_folder import Seeding, clear, locked, read_seeding, write_seeding
from gateway.supervisor import Program, Supervisor

SERVER = """
import http.server, signal, sys
signal.signal(signal.SIGTERM, lambda *_: (print(sys.argv[2], "stops", flush=True), sys.exit(0)))
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Ready).serve_forever()
"""
STUBBORN = SERVER.replace("(signal.SIGTERM, ", "(signal.SIGTERM, signal.SIG_IGN) or (")
NEVER_READY = "import time; time.sleep(60)"
CRASHING = "import sys; print('first'); print('the reason', file=sys.stderr); sys.exit(7)"


def _program(name: str, code: str, *arguments: str, url: str = "http://127.0.0.1:1/") -> Program:
    return Program(name, [sys.executable, "-c", code, *arguments], url, {})


def _server(name: str, code: str = SERVER) -> Program:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    return _program(name, code, str(port), name, url=f"http://127.0.0.1:{port}/")


@asynccontextmanager
async def _supervised(folder: Path, *programs: Program) -> AsyncIterator[Supervisor]:
    running = Supervisor(folder)
    try:
        for program in programs:
            await running.start(program)
        yield running
    finally:
        await running.stop()


def _in_order_written(folder: Path) -> list[str]:
    logs = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns)
    return [log.read_text().split("\n")[-2] for log in logs]


async def test_children_are_ready_then_stopped_last_first(tmp_path: Path) -> None:
    """All answer; the one started last is asked to stop first."""
    async with _supervised(tmp_path, _server("a"), _server("b")) as running:
        await running.wait_until_ready()
    assert _in_order_written(tmp_path) == ["b stops", "a stops"]


async def test_a_crash_is_told_with_code_and_last_words(tmp_path: Path) -> None:
    """Nobody has to look for the log."""
    async with _supervised(tmp_path, _server("a"), _program("b", CRASHING)) as running:
        ended = await running.first_ended()
    assert (ended.name, ended.code, ended.last_lines[-1]) == ("b", 7, "the reason")
    assert "b ended with code 7" in str(ended)


async def test_the_words_of_an_earlier_run_are_not_told(tmp_path: Path) -> None:
    """Logs are appended; what is shown is of this run."""
    (tmp_path / "b.log").write_text("long ago\n")
    async with _supervised(tmp_path, _program("b", CRASHING)) as running:
        ended = await running.first_ended()
    assert sorted(ended.last_lines) == ["first", "the reason"]


async def test_a_kill_is_told_by_its_signal(tmp_path: Path) -> None:
    """SIGKILL from outside, as the kernel does when memory is short."""
    async with _supervised(tmp_path, _server("a")) as running:
        await running.wait_until_ready()
        os.kill(running._children[0].process.pid, signal.SIGKILL)
        assert "killed by SIGKILL" in str(await running.first_ended())


async def test_a_child_that_does_not_stop_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After its bound; stopping never hangs."""
    monkeypatch.setattr(supervisor, "STOP_S_MAX", 0.1)
    running = Supervisor(tmp_path)
    await running.start(_server("a", STUBBORN))
    await running.wait_until_ready()
    await running.stop()
    assert running._children[0].process.returncode == -signal.SIGKILL


async def test_a_child_that_never_gets_ready_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With where its log is."""
    monkeypatch.setattr(supervisor, "START_S_MAX", 0.1)
    async with _supervised(tmp_path, _program("slow", NEVER_READY)) as running:
        with pytest.raises(TimedOut, match=r"slow is not ready.*slow\.log"):
            await running.wait_until_ready()


async def test_children_do_not_see_a_ctrl_c(tmp_path: Path) -> None:
    """Each has a process group of its own."""
    async with _supervised(tmp_path, _server("a")) as running:
        await running.wait_until_ready()
        pid = running._children[0].process.pid
        assert os.getpgid(pid) == pid != os.getpgid(0)


def test_fresh_deletes_what_belfry_made_and_nothing_else(tmp_path: Path) -> None:
    """A file of somebody else in the data folder stays."""
    (tmp_path / "logs").mkdir()
    for name in ("events.sqlite3", "events.sqlite3-wal", "logs/events.log", "demo.json", "mine.txt"):
        (tmp_path / name).write_text("x")
    clear(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_one_demo_at_a_time_runs_in_a_folder(tmp_path: Path) -> None:
    """A second one is refused with the folder's name, and may start when the first is gone."""
    with locked(tmp_path), pytest.raises(BadSetting, match="another demo"), locked(tmp_path):
        pass
    with locked(tmp_path):
        pass


def test_what_was_seeded_is_remembered(tmp_path: Path) -> None:
    """The moment stays the same, so that an interrupted history goes on with the same events."""
    assert read_seeding(tmp_path) is None
    seeding = Seeding(datetime(2026, 1, 1, tzinfo=UTC))
    write_seeding(tmp_path, seeding)
    assert read_seeding(tmp_path) == seeding


def test_a_damaged_seeding_file_says_how_to_go_on(tmp_path: Path) -> None:
    """With --fresh."""
    (tmp_path / "demo.json").write_text("{")
    with pytest.raises(BadSetting, match="--fresh"):
        read_seeding(tmp_path)
