"""A Lambda function on this machine: AWS's own runtime client under AWS's own runtime emulator, without containers.

The emulator's binary comes with aws-sam-cli, which has an environment of its own (`make test-aws` makes it).
"""

import os
import platform
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bench.processes import free_ports

ARCHITECTURES = {"x86_64": "x86_64", "aarch64": "arm64"}
EMULATOR = next(
    iter(
        (Path(sys.prefix) / "tools" / "templates").glob(
            f"lib/python*/site-packages/samcli/local/rapid/aws-lambda-rie-{ARCHITECTURES[platform.machine()]}"
        )
    ),
    None,
)
LISTENS_S_MAX = 10.0
STOP_S_MAX = 5.0


@contextmanager
def emulated_function(handler: str, folder: Path, settings: Mapping[str, str]) -> Generator[str]:
    """Run a handler for as long as the block; yield the endpoint that `invoke` reaches it at, named `function`.

    Raises:
        RuntimeError: the emulator is not installed, or does not listen.
    """
    if EMULATOR is None:
        raise RuntimeError("the runtime emulator is not installed: make test-aws")
    listens, runtime = free_ports(2)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "BELFRY_"))}
    program = folder / "emulator"
    program.write_bytes(EMULATOR.read_bytes())
    program.chmod(0o700)  # the package carries it without the right to run
    command: list[str] = [
        str(program), "--runtime-interface-emulator-address", f"127.0.0.1:{listens}",
        "--runtime-api-address", f"127.0.0.1:{runtime}", sys.executable, "-m", "awslambdaric", handler,
    ]  # fmt: skip
    log = folder / "function.log"
    with log.open("ab") as out:
        process = subprocess.Popen(command, env=kept | dict(settings), stdout=out, stderr=out, start_new_session=True)
    try:
        _wait_until_listening(listens, log)
        yield f"http://127.0.0.1:{listens}"
    finally:
        process.terminate()  # ends what it started, too
        try:
            process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_S_MAX)


def _wait_until_listening(port: int, log: Path) -> None:
    until = time.monotonic() + LISTENS_S_MAX
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError(f"the function does not listen:\n{log.read_text()[-2000:]}")
