"""graphql-core's own tests pass on plans: `make test-core`, with its execution tests alone in `make test`.

They are fetched from the package index at test time, pinned and hashed, and kept under .cache; where that is not
possible they are skipped, unless REQUIRE_CORE=1. CORE_TESTS=all runs the rest of graphql-core's tests as well.
"""

import os
import re
import shutil
import subprocess
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PINS = Path(__file__).parent / "requirements.txt"
VERSION = version("graphql-core")
CACHE = ROOT / ".cache" / f"graphql-core-{VERSION}"
SOURCE = CACHE / f"graphql_core-{VERSION}"
EXECUTION = (
    "tests/execution",
    "--ignore=tests/execution/incremental",
    # Seconds of recursion in what coerces variables, which no plan replaces.
    "--deselect=tests/execution/test_variables.py::describe_too_deeply_nested_variable_values",
)
ALL = ("tests", "--ignore=tests/benchmarks")
COMPILED_MIN = 200
"""Executions on plans below which the run proves too little."""
DOWNLOAD_S, RUN_S = 120, 300

pytestmark = pytest.mark.journey


@pytest.fixture(scope="module")
def suite() -> Path:
    """The unpacked source distribution, and what it needs beside it."""
    if not SOURCE.exists():
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
        command += ["--no-binary=graphql-core", f"--dest={CACHE / 'packages'}", f"--requirement={PINS}"]
        fetched = subprocess.run(command, capture_output=True, text=True, check=False, timeout=DOWNLOAD_S)
        if fetched.returncode != 0 and os.environ.get("REQUIRE_CORE") != "1":
            pytest.skip("graphql-core's source distribution cannot be fetched here")
        assert fetched.returncode == 0, fetched.stderr
        [plugin] = (CACHE / "packages").glob("*.whl")
        shutil.unpack_archive(plugin, CACHE / "site", "zip")
        [source] = (CACHE / "packages").glob("*.tar.gz")
        # Its hash is pinned; what it may do is bounded where Python can bound that (3.11.4).
        bounds: Any = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        shutil.unpack_archive(source, CACHE, **bounds)
    return SOURCE


def test_the_pinned_tests_are_those_of_the_installed_version() -> None:
    """Whoever takes a new graphql-core takes its tests too."""
    assert f"graphql-core=={VERSION} " in PINS.read_text()


def test_graphql_cores_own_tests_pass_on_plans(suite: Path) -> None:
    """All of them, with enough executions on plans to mean something."""
    chosen = ALL if os.environ.get("CORE_TESTS") == "all" else EXECUTION
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "compiled_plugin",
        "-p",
        "no:cacheprovider",
        "-o",
        "addopts=",
    ]
    paths = os.pathsep.join(map(str, (CACHE / "site", ROOT, Path(__file__).parent)))
    run = subprocess.run(
        [*command, "-W", "ignore", *chosen], cwd=suite, env={**os.environ, "PYTHONPATH": paths}, capture_output=True,
        text=True, check=False, timeout=RUN_S,
    )  # fmt: skip
    print(run.stdout[-600:])  # noqa: T201 (shown by make test-core)
    assert run.returncode == 0, run.stdout[-4000:]
    compiled = re.search(r"executions: (\d+) compiled", run.stdout)
    assert compiled is not None
    assert int(compiled.group(1)) >= COMPILED_MIN
