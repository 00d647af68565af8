"""Insights are shown from earlier when analytics fails, to the same customer only, and the answer names them."""

from collections.abc import Callable
from typing import Any

from clients.backends import Backends, backends_over
from clients.deadline import Aged, Errand
from resolvers.context import RequestContext
from resolvers.principal import Principal
from tests.unit.resolvers.services import ANNA, BEN, CURSORS, ONCE, SCHEMA, Feed, Services

QUERY = """{ viewer {
  monthly: spending(period: {start: "2026-11-01", end: "2026-11-30"}) { total { amount } }
  again: spending(period: {start: "2026-11-01", end: "2026-11-30"}) { total { amount } }
  unreadAlertCount } }"""


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


async def _ask(backends: Backends, customer_id: str, clock: Callable[[], float]) -> tuple[Any, list[Aged]]:
    errand = Errand.of(customer_id, 5, clock)
    context = RequestContext(Principal(customer_id, customer_id, frozenset(), 2e9), backends, errand, Feed(), CURSORS)
    result = await SCHEMA.execute(QUERY, context_value=context)
    assert result.data is not None
    return result.data["viewer"], context.aged


async def test_an_insight_from_earlier_is_shown_and_named(services: Services) -> None:
    """Each field by its path with its age; what is no insight is null, and another customer sees nothing of it."""
    clock = Clock()
    backends = backends_over(services, ONCE, clock)
    fresh, aged = await _ask(backends, ANNA, clock)
    assert (fresh["monthly"], aged) == ({"total": {"amount": "9.99"}}, [])
    services.away, clock.now = {"analytics"}, 42.0
    stale, aged = await _ask(backends, ANNA, clock)
    assert (stale["monthly"], stale["again"], stale["unreadAlertCount"]) == (fresh["monthly"], fresh["again"], None)
    assert sorted(aged) == [(("viewer", "again"), 42.0), (("viewer", "monthly"), 42.0)]
    other, aged = await _ask(backends, BEN, clock)
    assert (other["monthly"], aged) == (None, [])


async def test_reads_of_the_same_in_one_request_are_one_call(services: Services) -> None:
    """Two fields with the same arguments share it; two requests do not."""
    clock = Clock()
    backends = backends_over(services, ONCE, clock)
    for _ in range(2):
        await _ask(backends, ANNA, clock)
    assert services.paths().count("/spending") == 2
