"""Facts about what developers are told beyond what is wrong: bounded, paid for, and theirs alone."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import httpx
import pytest
import strawberry
from graphql.pyutils.suggestion_list import LexicalDistance

from contracts.scopes import TokenScope
from gateway.costs import CostMode, CostModel
from gateway.demo_issuer import DemoIssuer
from gateway.documents import Documents, InvalidDocument
from gateway.rate_limits import RateLimits
from gateway.suggestions import ERRORS_MAX, TYPES_MAX, Suggestions, nearest
from gateway.toll import PARSED_BYTES_PER_COST, SUGGESTIONS_COST, Toll
from resolvers.principal import Principal
from schema.build import build_schema

DEVELOPER, OTHER = ["accounts", "developer"], ["accounts", "alerts", "cards", "devices"]
MISSPELT: list[tuple[dict[str, Any], str]] = [
    ({"query": "{ helo }"}, "'hello'"),
    ({"query": "{ hello(nam: 1) }"}, "'name'"),
    ({"query": "{ item { ... on Itm { name } } }"}, "'Item'"),
    ({"query": "{ painted(colour: CRIMSN) }"}, "'CRIMSON'"),
    ({"query": "query($c: Colour!) { painted(colour: $c) }", "variables": {"c": "CRIMSN"}}, "'CRIMSON'"),
]
"""What is sent, and the name that was meant."""


def bearer(issuer: DemoIssuer, scopes: list[str]) -> dict[str, str]:
    return {"Authorization": f"Bearer {issuer.mint_token('customer-1', scopes)}"}


async def test_the_errors_are_otherwise_the_same(anonymous: httpx.AsyncClient, issuer: DemoIssuer) -> None:
    """As many, in the same order, at the same places, with the same codes: only the first have more to say."""
    query = "query($unused: Int) { helo itm { name } item { nam curser items { nme } } }"
    answers = [
        (await anonymous.post("/graphql", json={"query": query}, headers=bearer(issuer, scopes))).json()["errors"]
        for scopes in (OTHER, DEVELOPER)
    ]
    plain, told = answers
    assert len(plain) > ERRORS_MAX + 1
    assert sum("Did you mean" in error["message"] for error in told) == ERRORS_MAX - 1  # one is about no name
    for one, other in zip(plain, told, strict=True):
        assert other == {**one, "message": one["message"] + other["message"].removeprefix(one["message"])}


def principal(scope: TokenScope) -> Principal:
    return Principal("customer-1", "customer-1", frozenset({scope}), 0.0)


@pytest.fixture(scope="module")
def bank() -> strawberry.Schema:
    return build_schema()


@pytest.fixture
def limits() -> RateLimits:
    return RateLimits(customer_cost_per_minute=100_000, address_requests_per_minute=1, clock=lambda: 0.0)


@pytest.fixture
def suggestions(bank: strawberry.Schema, limits: RateLimits) -> Suggestions:
    core = bank._schema
    return Suggestions(core, Toll(CostModel(core), limits, mode=CostMode.ENFORCE, cost_max=1_000))


def invalid(schema: strawberry.Schema, text: str) -> InvalidDocument:
    with pytest.raises(InvalidDocument) as caught:
        Documents(schema._schema).prepare(text)
    return caught.value


def comparisons(run: Callable[[], object]) -> int:
    """Count how often two names are compared letter by letter."""
    measured = 0

    def count(frame: FrameType, event: str, _: object) -> None:
        nonlocal measured
        measured += event == "call" and frame.f_code is LexicalDistance.measure.__code__

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        run()
    finally:
        sys.setprofile(before)
    return measured


NAMES_MAX = 40
"""Fields of a type, arguments of a field, values of an enum, fields of an input: more would make suggestions slow."""


def forty(pattern: str) -> str:
    return " ".join(pattern.replace("#", str(number)) for number in range(40))


ATTACKS = {
    "types": f"{{ viewer {{ {forty('... on AlertRuleInputt# { id }')} }} }}",
    "long types": f"{{ viewer {{ {forty('... on ' + 'AlertRule' * 30 + '# { id }')} }} }}",
    "fields": f"{{ viewer {{ accounts {{ transactions {{ nodes {{ {forty('amountt#')} }} }} }} }} }}",
    "arguments": f"{{ viewer {{ accounts {{ transactions({forty('firs#: 1')}) {{ nodes {{ id }} }} }} }} }}",
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_few_names_are_compared_however_many_are_wrong(
    bank: strawberry.Schema, suggestions: Suggestions, attack: str
) -> None:
    """The first mistakes, each with the names of one place, types with the nearest of them."""
    bad = invalid(bank, ATTACKS[attack])
    most = (ERRORS_MAX + 1) * (TYPES_MAX if attack.endswith("types") else NAMES_MAX)
    assert 0 < comparisons(lambda: suggestions.of_document(bad, principal(TokenScope.DEVELOPER))) <= most
    assert comparisons(lambda: suggestions.of_document(bad, principal(TokenScope.ACCOUNTS))) == 0


def test_no_place_of_the_schema_has_many_names(bank: strawberry.Schema) -> None:
    """What a misspelt name is compared with; where this grows, suggestions need another bound."""
    for type_ in bank._schema.type_map.values():
        fields: dict[str, Any] = getattr(type_, "fields", {})
        assert max(len(fields), len(getattr(type_, "values", ())), 0) <= NAMES_MAX, type_.name
        assert all(len(getattr(one, "args", ())) <= NAMES_MAX for one in fields.values()), type_.name


@pytest.mark.parametrize("name", ["Acount", "ccAount", "Trasaction", "TransactionEdgee", "periodInput"])
def test_the_type_that_was_meant_is_among_the_nearest(bank: strawberry.Schema, name: str) -> None:
    """A letter left out, swapped, doubled or in another case."""
    meant = {"Acount": "Account", "ccAount": "Account", "Trasaction": "Transaction", "periodInput": "PeriodInput"}
    found = nearest(name, bank._schema.type_map)
    assert len(found) == TYPES_MAX
    assert meant.get(name, "TransactionEdge") in found


def test_suggestions_are_paid_for_each_time_by_those_who_get_them(
    bank: strawberry.Schema, suggestions: Suggestions, limits: RateLimits
) -> None:
    """The text is validated again for them; who gets none pays nothing."""
    text = "{ viewr { id } }" + " " * 16_000
    bad = invalid(bank, text)

    def price(scope: TokenScope) -> int:
        before = limits.charge("customer-1", 1).remaining
        suggestions.of_document(bad, principal(scope))
        return before - limits.charge("customer-1", 1).remaining - 1

    assert price(TokenScope.ACCOUNTS) == 0
    dear = SUGGESTIONS_COST + len(text) // PARSED_BYTES_PER_COST
    assert [price(TokenScope.DEVELOPER), price(TokenScope.DEVELOPER)] == [dear, dear]


async def test_without_credit_there_are_none(
    anonymous: httpx.AsyncClient, issuer: DemoIssuer, rates: RateLimits
) -> None:
    """The request is refused like any other that is too much; one whose mistakes are only named is not."""
    rates._customers._refill = 1e-9  # time brings nothing back meanwhile
    for body, _ in MISSPELT:
        rates._customers._levels["customer-1"] = (SUGGESTIONS_COST - 1.0, rates._customers._clock())
        told, plain = [
            await anonymous.post("/graphql", json=body, headers=bearer(issuer, scopes)) for scopes in (DEVELOPER, OTHER)
        ]
        assert (told.status_code, plain.status_code) == (429, 200), body
        assert told.json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"


async def test_a_syntax_error_costs_nothing_more(
    anonymous: httpx.AsyncClient, issuer: DemoIssuer, rates: RateLimits
) -> None:
    """There is no name in it to look for."""
    rates._customers._levels["customer-1"] = (SUGGESTIONS_COST - 1.0, rates._customers._clock())
    answer = await anonymous.post("/graphql", json={"query": "{ hello"}, headers=bearer(issuer, DEVELOPER))
    assert answer.json()["errors"][0]["extensions"]["code"] == "GRAPHQL_PARSE_FAILED"
