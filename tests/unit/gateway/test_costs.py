"""Facts about what operations cost, on the bank's own schema."""

from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.costs import CostMode, CostModel
from gateway.documents import Documents
from gateway.rate_limits import BYTES_FREE, RateLimits
from schema.build import build_schema
from tests.examples import examples

SCHEMA = build_schema()._schema
MODEL = CostModel(SCHEMA)
DOCUMENTS = Documents(SCHEMA)


def cost(query: str, **variables: Any) -> int:
    prepared = DOCUMENTS.prepare(query)
    return MODEL.estimate(prepared, prepared.operations[0], variables)


PAGE = "query($n: Int! = 20) { viewer { transactions(first: $n) { nodes { id } } } }"


def test_a_page_costs_its_size() -> None:
    """The viewer, the connection, and an object for each item."""
    assert cost("{ viewer { transactions(first: 5) { nodes { id } } } }") == 1 + 1 + 5
    assert (cost(PAGE), cost(PAGE, n=50)) == (1 + 1 + 20, 1 + 1 + 50)
    assert cost("{ viewer { transactions { nodes { id } } } }") == 1 + 1 + 20


def test_nested_pages_multiply() -> None:
    """A page within each item of a page."""
    inner = "nodes { account { transactions(first: 10) { nodes { id } } } }"
    nested = f"{{ viewer {{ transactions(first: 10) {{ {inner} }} }} }}"
    assert cost(nested) == 1 + 1 + 10 * (1 + 1 + 1 + 10)


def test_a_field_costs_what_the_schema_says() -> None:
    """Reports are computed; a rule's preview reads a year."""
    report = "{ viewer { recurringPayments { counterparty } } }"
    assert cost(report) == 1 + 20 + 10
    assert cost("{ viewer { givenName } }") == 1


def test_ids_are_counted() -> None:
    """Many nodes in one request cost like many requests, as literals and as a variable."""
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    assert cost(query, ids=["a"] * 30) == cost("{ nodes(ids: [" + '"a" ' * 30 + "]) { id } }") == 30


def test_a_whole_float_is_the_number_it_is() -> None:
    """100.0 is an Int to GraphQL: it must not cost less than 100."""
    assert cost(PAGE, n=100.0) == cost(PAGE, n=100)


CASH_FLOW = "query($p: PeriodInput!) { viewer { cashFlow(period: $p, interval: DAY) { start net { amount } } } }"
DAYS = 'query($from: Date!, $to: Date! = "2026-03-31") { viewer { %s } }'


def test_a_period_costs_its_days() -> None:
    """However it is written: ten years of days are not charged like ten days."""
    march = {"start": "2026-03-01", "end": "2026-03-31"}
    assert cost(CASH_FLOW, p=march) == 1 + 20 + 31 * 2
    flow = "cashFlow(period: { start: %s, end: %s }, interval: DAY) { start net { amount } }"
    literal = "{ viewer { " + flow % ('"2026-03-01"', '"2026-03-31"') + " } }"
    mixed = DAYS % flow % ("$from", "$to")
    default = CASH_FLOW.replace("!)", ' = { start: "2026-03-01", end: "2026-03-31" })')
    assert cost(literal) == cost(mixed, **{"from": "2026-03-01"}) == cost(default) == cost(CASH_FLOW, p=march)
    decade = {"start": "2016-11-01", "end": "2026-11-25"}
    assert cost(CASH_FLOW, p=decade) > 7_000
    assert cost("query($p: PeriodInput!) { viewer { spending(period: $p) { groups { key } } } }", p=decade) > 3_600
    assert cost("query($d: Int!) { viewer { forecast(days: $d) { points { date } } } }", d=365) == 1 + 20 + 1 + 365
    history = "query($p: PeriodInput!) { viewer { accounts { balanceHistory(period: $p) { type } } } }"
    assert cost(history, p=march) == 1 + 10 * (1 + 31)


@pytest.mark.parametrize("p", [{}, {"start": "2026-03-02"}, {"start": "2026-03-02", "end": "2026-03-01"}, {"end": 5}])
def test_what_is_no_period_has_no_size(p: Any) -> None:
    """It is refused later, for what it is."""
    assert cost(CASH_FLOW, p=p) <= 1 + 20 + 10 * 2


def test_a_fragment_costs_the_same_as_its_text() -> None:
    """Spread twice, counted twice; through a fragment the page's size still counts."""
    page = "fragment P on TransactionConnection { nodes { id } }"
    spread = "{ viewer { a: transactions(first: 7) { ...P } b: transactions(first: 3) { ...P } } }"
    assert cost(f"{spread} {page}") == 1 + (1 + 7) + (1 + 3)


def test_doubled_fragments_are_measured_once() -> None:
    """The estimate is exact and immediate where walking it would never end."""
    fragments = " ".join(f"fragment F{i} on Customer {{ ...F{i + 1} ...F{i + 1} }}" for i in range(40))
    prepared = DOCUMENTS.prepare_trusted(
        f"{{ viewer {{ ...F0 }} }} {fragments} fragment F40 on Customer {{ accounts {{ id }} }}"
    )
    assert MODEL.estimate(prepared, prepared.operations[0], {}) == 1 + 2**40 * 10


@examples(40)
@given(st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.lists(st.none()), st.floats()))
def test_any_variable_is_survived(value: Any) -> None:
    """Estimating comes before coercion: wrong values are met here first."""
    assert cost(PAGE, n=value) >= 0


async def test_a_costly_operation_is_refused_before_it_runs(client: httpx.AsyncClient) -> None:
    """The message says what it costs and what is allowed."""
    deep = "{ item { items { items { items { items { name } } } } } }"
    error = (await client.post("/graphql", json={"query": deep})).json()["errors"][0]
    assert error["extensions"]["code"] == "COST_TOO_HIGH"
    assert error["message"] == "The operation costs 11111; at most 1000 is allowed."


async def test_where_cost_is_only_measured_it_runs(client: httpx.AsyncClient, engine: Any) -> None:
    """Mode measure counts and lets pass."""
    engine._toll._mode = CostMode.MEASURE
    deep = "{ item { items { items { items { items { name } } } } } }"
    assert "data" in (await client.post("/graphql", json={"query": deep})).json()


async def test_answers_say_what_is_left(client: httpx.AsyncClient) -> None:
    """The RateLimit fields count down by cost."""
    first = await client.post("/graphql", json={"query": "{ item { items { name } } }"})
    assert first.headers["ratelimit-policy"] == '"cost";q=1000000;w=60'
    assert first.headers["ratelimit"].startswith('"cost";r=999989;t=')


async def test_a_large_body_is_paid_for_before_it_is_read(client: httpx.AsyncClient, rates: RateLimits) -> None:
    """By its size, whatever is in it; bodies as apps send them are free."""
    body = {"query": "{ hello }", "variables": {"x": "x" * (BYTES_FREE - 1_000)}}
    rates._customers._levels["customer-1"] = (100.0, rates._customers._clock())
    assert "data" in (await client.post("/graphql", json=body)).json()
    refused = await client.post("/graphql", content=b"[" * 200_000, headers={"Content-Type": "application/json"})
    assert (refused.status_code, refused.json()["errors"][0]["extensions"]["code"]) == (429, "RATE_LIMITED")


async def test_a_customer_who_asks_too_much_waits(client: httpx.AsyncClient, rates: RateLimits) -> None:
    """429 with the time to wait, charged by cost."""
    rates._customers._levels["customer-1"] = (-1_000_000.0, rates._customers._clock())
    response = await client.post("/graphql", json={"query": "{ item { items { items { name } } } }"})
    assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (429, "RATE_LIMITED")
    assert response.headers["ratelimit-policy"] == '"cost";q=1000000;w=60'
    assert response.headers["ratelimit"].startswith('"cost";r=0;t=')
    assert int(response.headers["retry-after"]) >= response.json()["errors"][0]["extensions"]["retryAfter"]


async def test_an_address_is_limited_before_its_token_is_read(anonymous: httpx.AsyncClient, rates: RateLimits) -> None:
    """Guessing tokens costs the guesser."""
    rates._addresses._levels["127.0.0.1"] = (0.0, rates._addresses._clock())
    rates._addresses._refill = 0.0001
    refused = await anonymous.post("/graphql", json={"query": "{ hello }"})
    assert (refused.status_code, refused.headers["ratelimit"][:14]) == (429, '"requests";r=0')


async def test_what_has_to_be_parsed_is_paid_for_first(client: httpx.AsyncClient, rates: RateLimits) -> None:
    """Ever new documents cost by their size, run or not; those seen before do not; without credit none is parsed."""
    rates._customers._refill = 1e-9  # time brings nothing back meanwhile

    async def price(text: str) -> int:
        before = rates.charge("customer-1", 1).remaining
        await client.post("/graphql", json={"query": text})
        return before - rates.charge("customer-1", 1).remaining - 1

    comment, wrong = "#" + "x" * 16_000, "{ nothing }" + " " * 16_000
    assert await price("{ hello }") in (1, 2)
    assert await price("{ hello } " + comment) >= 1_000
    assert await price("{ hello } " + comment) <= 2
    assert await price(wrong) >= 1_000
    assert await price(wrong) <= 1
    rates._customers._levels["customer-1"] = (-1_000_000.0, rates._customers._clock())
    assert (await client.post("/graphql", json={"query": "{ hello } # new"})).status_code == 429


@pytest.fixture
def clock() -> list[float]:
    """A clock whose hand is turned by the test."""
    return [0.0]


def test_a_bucket_refills_steadily(clock: list[float]) -> None:
    """Half a minute brings back half a minute's worth, and never more than the whole."""
    rates = RateLimits(customer_cost_per_minute=60, address_requests_per_minute=1, clock=lambda: clock[0])
    assert rates.charge("c", 60).remaining == 0
    clock[0] = 30.0
    assert rates.charge("c", 10).remaining == 20
    clock[0] = 1_000.0
    assert rates.charge("c", 1).remaining == 59


def test_one_customer_does_not_pay_for_another(clock: list[float]) -> None:
    """Each has a bucket."""
    rates = RateLimits(customer_cost_per_minute=10, address_requests_per_minute=1, clock=lambda: clock[0])
    rates.charge("a", 10)
    assert rates.charge("b", 10).remaining == 0
