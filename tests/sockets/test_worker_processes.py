"""What a worker that cannot start means to the parent of real ones."""

import subprocess
import sys
from pathlib import Path

from gateway.workers import CANNOT_START

PARENT = """
import os, signal, sys
from pathlib import Path
from contracts.settings import BadSetting, Settings
from gateway.workers import Workers, listening_socket

started = Path(sys.argv[1])

def refuse(_):
    raise BadSetting("no")

def fail(_):
    with started.open("a") as file:
        file.write("x")
    if started.stat().st_size > 2:
        os.kill(os.getppid(), signal.SIGTERM)
    raise ValueError("broken")

run = {"refuse": refuse, "fail": fail}[sys.argv[2]]
sys.exit(Workers(1, run, listening_socket(Settings(port=0)), drain_s=0).run())
"""


def parent_of(kind: str, started: Path) -> subprocess.CompletedProcess[str]:
    """Run a parent in a process of its own: it forks, and a test process has threads."""
    command = [sys.executable, "-c", PARENT, str(started), kind]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)


def test_a_worker_that_refuses_its_settings_stops_all(tmp_path: Path) -> None:
    """Another one would refuse them, too."""
    ended = parent_of("refuse", tmp_path / "started")
    assert ended.returncode == CANNOT_START
    assert ended.stdout.count("worker cannot start") == 1


def test_workers_that_fail_at_once_are_started_with_pauses(tmp_path: Path) -> None:
    """Longer ones each time, so that they do not take a core; and the parent still stops when told."""
    ended = parent_of("fail", tmp_path / "started")
    assert ended.returncode == 0
    assert "again_in_s=0.5" in ended.stdout
    assert "again_in_s=1.0" in ended.stdout
    assert (tmp_path / "started").read_text() == "xxx"
