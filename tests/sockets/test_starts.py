"""Programs in processes of their own: what they import, how they log, what they refuse."""

import json
import os
import subprocess
import sys
from pathlib import Path

from contracts.logs import MASK

ROOT = Path(__file__).parents[2]
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJjMSJ9.c2ln"
SERVERS = ("services.events.app", "services.accounts.app", "services.analytics.app", "gateway.server")


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True, cwd=ROOT)


def test_help_is_fast_because_nothing_heavy_is_imported() -> None:
    """What a command needs is imported when it runs."""
    program = "import sys, gateway.cli; print({'strawberry', 'litestar', 'rich', 'httpx'} & set(sys.modules))"
    assert _run("-c", program).stdout == "set()\n"


def test_the_command_line_runs_as_a_module() -> None:
    """`python -m gateway` is the console script."""
    assert _run("-m", "gateway", "settings").stdout.startswith("BELFRY_HOST=")


def test_processes_start_without_the_library_of_aws() -> None:
    """It is a quarter of a start, and most processes never call AWS: the first that imports it is named."""
    program = (
        "import sys; from importlib import import_module\n"
        "for name in sys.argv[1:]: import_module(name); print(name, {'aiobotocore', 'botocore'} & set(sys.modules))"
    )
    assert _run("-c", program, *SERVERS).stdout.splitlines() == [f"{name} set()" for name in SERVERS]


def test_libraries_log_the_same_way() -> None:
    """A line of JSON on standard error, masked, one line however many the text has; below WARNING nothing."""
    program = (
        "import logging; from contracts.logs import configure_logs; configure_logs('INFO');"
        f"logging.getLogger('uvicorn.error').error('%s\\nforged', '{TOKEN}', exc_info=ValueError('4111111111111111'));"
        "logging.getLogger('aiohttp').info('chatter')"
    )
    logged = [json.loads(line) for line in _run("-c", program).stderr.splitlines()]
    assert [(one["event"], one["logger"], one["level"]) for one in logged] == [
        (f"{MASK}\nforged", "uvicorn.error", "error")
    ]
    assert "4111" not in logged[0]["exception"]


def test_only_an_image_by_its_digest_is_deployed() -> None:
    """A tag can be moved between the test and the deployment."""
    by_tag, by_digest = "registry.example/belfry:latest", "registry.example/f@sha256:" + "a" * 64
    refused = subprocess.run(
        [ROOT / "deploy" / "deploy", "belfry", by_tag, by_digest],
        env=os.environ | {"PARAMETERS": "A=b"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert refused.returncode == 1
    assert "belfry:latest is no image by its digest" in refused.stderr
