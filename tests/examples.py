"""How many examples a property is tried on: few in every run, so that all of them take seconds; many overnight.

`HYPOTHESIS_PROFILE=thorough` (`make test-thorough`) tries fifty times as many as each test names.
"""

import os
from typing import Any

from hypothesis import settings

PROFILES = {"quick": 1, "thorough": 50}
TIMES = PROFILES[os.environ.get("HYPOTHESIS_PROFILE", "quick")]


def examples(count: int, **more: Any) -> settings:
    """Return the settings of a test of `count` examples; no example is judged by the clock."""
    return settings(max_examples=count * TIMES, deadline=None, **more)
