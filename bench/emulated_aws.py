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

WARMING = ("DynamoDB_20120810.ListTables", "Kinesis_20131202.ListStreams")
"""It loads a service when it is first called, which takes longer than the leases of tests last."""
CALL_S_MAX = 30.0


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
        for call in WARMING:
            _ask(address, call)
        yield CREDENTIALS | {"AWS_ENDPOINT_URL": address}
    finally:
        process.terminate()
        try:
            process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_S_MAX)


def _ask(address: str, call: str) -> None:
    headers = {"X-Amz-Target": call, "Content-Type": "application/x-amz-json-1.1"}
    asked = urllib.request.Request(address, b"{}", headers)  # noqa: S310 - an address of ours
    with urllib.request.urlopen(asked, timeout=CALL_S_MAX):  # noqa: S310
        return


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + READY_S_MAX
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=1):  # noqa: S310 - an address of ours
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"the emulator did not start:\n{log.read_text()[-2000:]}")
