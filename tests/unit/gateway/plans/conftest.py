"""What tests of plans start from."""

import pytest

from gateway.plans.cache import PlanCache
from gateway.plans.executor import compiled_executor
from tests.unit.gateway.plans.odd_schema import OddTypes, odd_schema
from tests.unit.gateway.plans.ways import Ways

STOCK = odd_schema()


@pytest.fixture(scope="module")
def ways() -> Ways:
    """The odd schema, executed both ways; plans from the first execution on."""
    plans = PlanCache(OddTypes(), compile_after=0)
    return Ways(STOCK, odd_schema(compiled_executor(plans)), plans)
