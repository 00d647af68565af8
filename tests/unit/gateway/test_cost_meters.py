"""Facts about what answers did cost, on the bank's own schema and over HTTP."""

from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cost_meters import CostMeter
from gateway.costs import CostModel
from gateway.demo_issuer import DemoIssuer
from gateway.documents import Documents
from schema.build import build_schema
from tests.examples import examples

SCHEMA = build_schema()._schema
MODEL = CostModel(SCHEMA)
METER = CostMeter(SCHEMA, MODEL, limit=20_000)
DOCUMENTS = Documents(SCHEMA)
PAGE = """
query($n: Int!) { viewer { ...Page more: transactions(first: $n) { nodes { amount { amount } } } } }
fragment Page on Customer { transactions(first: $n) { nodes { id account { id } } } }
"""


def actual(query: str, data: Any) -> int:
    prepared = DOCUMENTS.prepare(query)
    return METER.actual(prepared, prepared.operations[0], data)


def _page(count: int, node: dict[str, Any]) -> dict[str, Any]:
    return {"nodes": [node] * count}


def test_an_answer_costs_its_objects() -> None:
    """Those that are there: what is null or empty costs nothing below."""
    query = "{ viewer { givenName accounts { id balance { amount { amount } } } } }"
    account, empty = {"id": "1", "balance": {"amount": {"amount": "1"}}}, {"id": "2", "balance": None}
    assert actual(query, {"viewer": {"givenName": "A", "accounts": [account, account, empty]}}) == 1 + 3 + 2 * 2
    assert actual(query, {"viewer": None}) == actual(query, None) == 0


def test_weights_count_where_the_field_was_answered() -> None:
    """A report that failed was computed all the same; a mutation has its base."""
    report = "query($p: PeriodInput!) { viewer { spending(period: $p) { total { amount } } } }"
    assert actual(report, {"viewer": {"spending": None}}) == 1 + 20
    freeze = 'mutation { freezeCard(id: "1") { __typename ... on InputErrors { errors { code } } } }'
    answered = {"freezeCard": {"__typename": "InputErrors", "errors": [{"code": "x"}]}}
    assert actual(freeze, answered) == 10 + 1 + 1
    assert actual("{ __schema { queryType { name } } }", {"__schema": {"queryType": {"name": "Query"}}}) == 50


@examples(30)
@given(st.integers(1, 100), st.integers(0, 100), st.integers(0, 100))
def test_an_answer_never_costs_more_than_was_estimated(asked: int, one: int, other: int) -> None:
    """Whatever part of a page there was; and exactly the estimate when it was full."""
    prepared = DOCUMENTS.prepare(PAGE)
    estimated = MODEL.estimate(prepared, prepared.operations[0], {"n": asked})
    pages = {
        "transactions": _page(min(one, asked), {"id": "1", "account": {"id": "a"}}),
        "more": _page(min(other, asked), {"amount": {"amount": "1"}}),
    }
    measured = actual(PAGE, {"viewer": pages})
    assert measured <= estimated
    assert (measured == estimated) == (min(one, asked) == min(other, asked) == asked)


@pytest.mark.parametrize(
    ("scopes", "extensions", "told"),
    [
        (["developer"], {"cost": True}, True),
        (["developer"], {"cost": 1}, False),
        (["developer"], {}, False),
        (["accounts"], {"cost": True}, False),
    ],
)
async def test_a_developer_who_asks_is_told(
    anonymous: httpx.AsyncClient, issuer: DemoIssuer, scopes: list[str], extensions: dict[str, Any], told: bool
) -> None:
    """What was charged, what it came to and what is allowed; nobody else sees more than the answer."""
    headers = {"Authorization": f"Bearer {issuer.mint_token('customer-1', scopes)}"}
    body = {"query": "{ item { items { name } } }", "extensions": extensions}
    answer = (await anonymous.post("/graphql", json=body, headers=headers)).json()
    expected = {"cost": {"estimated": 11, "actual": 4, "limit": 1_000}} if told else None
    assert answer.get("extensions") == expected
