"""The capacity plan: arithmetic that must hold whatever the load."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.failures import Rejected
from gateway.capacity import (
    MEASURED,
    SHARD_BYTES_S,
    SHARD_RECORDS_S,
    Load,
    limits,
    monthly_usd,
    plan,
    read_load,
    read_per_core,
    shards_for,
    usd_per_million_events,
)
from tests.examples import examples

loads = st.builds(
    Load,
    events_per_hour=st.floats(1, 1e10),
    peak_factor=st.floats(1, 10),
    event_bytes=st.floats(100, 65_536),
    alert_share=st.floats(0.0001, 1),
    phones=st.floats(1, 1e8),
    queries_per_s=st.floats(1, 1e6),
)


@examples(40)
@given(loads)
def test_the_shards_carry_the_peak(load: Load) -> None:
    """No shard is asked for more records or bytes than it takes."""
    shards = shards_for(load)
    assert load.peak_events_s / shards <= SHARD_RECORDS_S
    assert load.peak_events_s * load.event_bytes / shards <= SHARD_BYTES_S * (1 + 1e-9)


@examples(40)
@given(loads, st.floats(1, 100))
def test_a_larger_load_is_never_cheaper(load: Load, factor: float) -> None:
    """Growth costs, and brings every limit nearer."""
    grown = load.times(factor)
    assert monthly_usd(plan(grown)) >= monthly_usd(plan(load)) * (1 - 1e-9)
    nearer = {one.name: one.share for one in limits(grown)}
    assert all(nearer[one.name] >= one.share * (1 - 1e-9) for one in limits(load))


def test_the_bank_s_load_is_planned_as_documented() -> None:
    """35 million events an hour at twice the mean are 20 shards, and no limit is near."""
    load = Load()
    assert shards_for(load) == math.ceil(35e6 / 3600 * 2 / 1000) == 20
    assert limits(load)[0].share < 0.5
    assert 0.05 < usd_per_million_events(load, plan(load)) < 0.5


@pytest.mark.parametrize("given_", [{"alert_share": 1.5}, {"retention_hours": 12.0}, {"peak_factor": 0.5}])
def test_what_the_plan_does_not_cover_is_refused(given_: dict[str, float]) -> None:
    """A wrong figure is named, not computed with."""
    with pytest.raises(Rejected, match="--"):
        read_load(given_)


def test_measured_costs_can_be_given_anew() -> None:
    """What is not given stays as measured."""
    assert read_per_core({"query_us": 500.0, "command": None}).query_us == 500
    assert read_per_core({}) == MEASURED
