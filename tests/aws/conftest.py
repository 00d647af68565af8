"""One emulator for all tests of this folder; each test has resources of its own in it.

Skipped where the emulator is not installed (`make test-aws` installs it), unless REQUIRE_AWS=1.
"""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.emulated_aws import PYTHON, emulated_aws


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Start the emulator; the standard chain of this process and of those it starts finds it."""
    if not PYTHON.exists():
        if os.environ.get("REQUIRE_AWS"):
            pytest.fail("the AWS emulator is not installed: make test-aws")
        pytest.skip("the AWS emulator is not installed: make test-aws")
    folder: Path = tmp_path_factory.mktemp("aws")
    with emulated_aws(folder) as found, pytest.MonkeyPatch.context() as environment:
        for name, value in found.items():
            environment.setenv(name, value)
        yield found


@pytest.fixture
def name() -> str:
    """A name no other test uses."""
    return f"belfry-{uuid.uuid4().hex[:12]}"
