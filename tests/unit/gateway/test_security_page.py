"""docs/security.md claims nothing that is not there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "security.md").read_text()
NAMED = sorted(set(re.findall(r"`([a-z_]+(?:/[a-z_.]+)+/?|[a-z]+/)`", PAGE)) - {"audit/"})
TESTS = sorted(set(re.findall(r"`(test_\w+)`", PAGE)))


def test_every_file_named_exists() -> None:
    """Code, tests and snapshots."""
    assert [path for path in NAMED if not (ROOT / path).exists()] == []
    assert len(NAMED) > 20


def test_every_test_named_exists() -> None:
    """By its exact name."""
    written = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^ *(?:async )?def (test_\w+)", path.read_text(), re.MULTILINE)
    }
    assert set(TESTS) <= written
    assert len(TESTS) > 30
