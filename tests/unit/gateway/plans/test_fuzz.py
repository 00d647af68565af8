"""Drawn documents over drawn, often faulty, data are executed alike; bugs planted in the compiler are found this way.

Each case is a document, its twin and four sets of variables.
"""

import asyncio

import strawberry
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from gateway.plans.cache import PlanCache
from gateway.plans.executor import compiled_executor
from tests.examples import examples
from tests.unit.gateway.plans.differences import difference
from tests.unit.gateway.plans.odd_schema import OddTypes, odd_schema

RUN = examples(12, suppress_health_check=list(HealthCheck))
SEEDS = st.integers(min_value=0, max_value=2**48)


def _compiled() -> tuple[strawberry.Schema, PlanCache]:
    plans = PlanCache(OddTypes(), compile_after=0)
    return odd_schema(compiled_executor(plans)), plans


def test_any_document_over_any_data_is_executed_alike() -> None:
    """Data, order of keys, errors with their paths, effects and batches are the same."""
    stock, (compiled, plans) = odd_schema(), _compiled()

    @RUN
    @given(seed=SEEDS)
    def run(seed: int) -> None:
        found = asyncio.run(difference(seed, stock, compiled))
        assert found is None, found

    run()
    assert plans.compiled >= 4 * RUN.max_examples
    assert plans.interpreted == 0
