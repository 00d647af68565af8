"""ministack on a free port of 127.0.0.1, from its own virtual environment, for as long as a test session runs."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from bench.processes import free_ports

PYTHON = Path(sys.prefix) / "aws" / "bin" / "python"
READY_S_MAX = 20.0
STOP_S_MAX = 5.0
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@contextmanager
def emulated_aws(folder: Path) -> Generator[dict[str, str]]:
    """Run the emulator; yield the environment in which the standard chain finds it.

    Raises:
        RuntimeError: it ended or did not answer; its log is in the message.
    """
    (port,) = free_ports(1)
    address = f"http://127.0.0.1:{port}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "BELFRY_"))}
    environment = kept | {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "LAMBDA_EXECUTOR": "local"}
    log = folder / "emulator.log"
    with log.open("ab") as out:
        process = subprocess.Popen([PYTHON, "-m", "ministack"], env=environment, cwd=folder, stdout=out, stderr=out)
    try:
        _wait_until_ready(f"{address}/_ministack/health", process, log)
        yield CREDENTIALS | {"AWS_ENDPOINT_URL": address}
    finally:
        process.terminate()
        try:
            process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_S_MAX)


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + READY_S_MAX
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=1):  # noqa: S310 - an address of ours
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"the emulator did not start:\n{log.read_text()[-2000:]}")
