"""How many examples a property is tried on. A test names the count it is worth.

`.ci/run` tries that many (`HYPOTHESIS_PROFILE=landing`); `make check` and `make test` a quarter, so that all properties
together take seconds; `make test-thorough` and `make fuzz` fifty times as many.
"""

import os
from typing import Any

from hypothesis import settings

PROFILES = {"quick": 0.25, "landing": 1, "thorough": 50}
EXAMPLES_MIN = 3
"""Also where a quarter is less: one example alone shows little."""
TIMES = PROFILES[os.environ.get("HYPOTHESIS_PROFILE", "quick")]


def examples(count: int, **more: Any) -> settings:
    """Return the settings of a test that is worth `count` examples; no example is judged by the clock."""
    return settings(max_examples=max(min(count, EXAMPLES_MIN), round(count * TIMES)), deadline=None, **more)
