"""What a figure was measured on, printed at the head of every benchmark, and the CPU time of a process."""

import os
import platform
import sqlite3
from importlib.metadata import version
from pathlib import Path

import psutil

LIBRARIES = ("msgspec", "orjson", "uvicorn", "uvloop", "aiohttp", "litestar", "graphql-core", "strawberry-graphql")


def describe_machine() -> str:
    """Return processor, cores, Python and library versions in a few lines."""
    cpu = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    versions = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return (
        f"machine   {cpu}, {os.cpu_count()} cores, {platform.system()} {platform.release()}\n"
        f"versions  Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {versions}"
    )


def cpu_s_of(pid: int) -> float:
    """Return the CPU time a process has used, in user and in system mode."""
    used = psutil.Process(pid).cpu_times()
    return float(used.user + used.system)
