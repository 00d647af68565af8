"""A service that waits at its start for what it cannot go without."""

import os
import signal
import subprocess
import sys
from pathlib import Path

NOBODY = "http://127.0.0.1:9"
AWS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_ENDPOINT_URL": NOBODY,
}
END_S_MAX = 20


def test_a_service_that_waits_for_its_decisions_ends_when_told(tmp_path: Path) -> None:
    """It answers nobody without them, however long their table is away, and SIGTERM ends it as any other."""
    settings = {"BELFRY_DECISION_TABLE": "decisions", "BELFRY_DATA_DIR": str(tmp_path), "BELFRY_ACCOUNTS_PORT": "0"}
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("BELFRY_", "AWS_"))}
    command = [sys.executable, "-m", "services.accounts"]
    with subprocess.Popen(command, env=environment | AWS | settings, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = [next(process.stderr) for _ in range(2)]
        process.send_signal(signal.SIGTERM)
        assert process.wait(END_S_MAX) == -signal.SIGTERM
        said += list(process.stderr)
    assert all("store away" in line for line in said[:2])
    assert not any("listening" in line for line in said)
