"""Facts about who may run an operation: decided from the document, before anything is executed."""

from typing import Any

import pytest
import strawberry
from graphql import get_introspection_query

from contracts.scopes import TokenScope
from gateway.authorization import Authorization, MissingScope
from gateway.documents import Documents
from gateway.step_up import StepUp, StepUpRequired
from resolvers.principal import Principal
from schema.demands import STEP_UP, RequiresScopes
from tests.cases import each

NOW = 1_800_000_000.0


def _field(resolver: Any, *demands: object) -> Any:
    return strawberry.field(resolver=resolver, directives=demands)


def _text() -> str:
    return "text"


def _box() -> "Box":
    return Box()


@strawberry.type
class Box:
    open: str = _field(_text)
    locked: str = _field(_text, RequiresScopes(scopes=[["keys", "hands"], ["master"]]))


@strawberry.type
class Query:
    free: str = _field(_text)
    box: Box = _field(_box, RequiresScopes(scopes=[["look"]]))


@strawberry.type
class Mutation:
    burn: str = _field(_text, STEP_UP)


SCHEMA = strawberry.Schema(Query, Mutation)._schema
DOCUMENTS = Documents(SCHEMA)


def principal(*scopes: str, acr: str | None = None, auth_time: int | None = None) -> Principal:
    return Principal("c1", "c1", frozenset(scopes), NOW + 60, acr, auth_time)


def demand(text: str, who: Principal, name: str | None = None) -> None:
    prepared = DOCUMENTS.prepare(text)
    deciding = Authorization(SCHEMA, StepUp(acrs=["strong"], max_age_s=300, clock=lambda: NOW))
    deciding.demand(prepared, prepared.operation(name), who)


HIDING_PLACES = {
    "plain": "{ box { locked } }",
    "aliased": "{ free: box { free: locked } }",
    "inline fragment": "{ ... on Query { box { ... { locked } } } }",
    "fragment": "query { ...a } fragment a on Query { box { ...b } } fragment b on Box { locked }",
    "skipped": "query ($yes: Boolean = true) { box @skip(if: $yes) { locked } }",
    "beside another operation": "query { box { ...b } } fragment b on Box { locked }",
}


@each("text", HIDING_PLACES.values())
@each("scopes", [(), ("look",), ("look", "keys"), ("keys", "hands"), ("developer",)])
def test_a_field_is_found_wherever_it_hides(text: str, scopes: tuple[str, ...]) -> None:
    """Aliases, fragments and directives do not help without all the scopes on the way."""
    with pytest.raises(MissingScope):
        demand(text, principal(*scopes))


@each("text", HIDING_PLACES.values())
@each("scopes", [("look", "keys", "hands"), ("look", "master")])
def test_one_list_of_scopes_is_enough(text: str, scopes: tuple[str, ...]) -> None:
    """All scopes of one of the alternatives."""
    demand(text, principal(*scopes))


def test_only_the_chosen_operation_counts() -> None:
    """What stands beside it in the document is not executed and demands nothing."""
    text = "query a { free } query b { box { open } }"
    demand(text, principal(), "a")
    with pytest.raises(MissingScope):
        demand(text, principal(), "b")


@pytest.mark.parametrize(
    "text", [get_introspection_query(), '{ __type(name: "Box") { name } }', "{ x: __schema { types { name } } }"]
)
def test_introspection_is_for_developers(text: str) -> None:
    """By scope; `__typename` is free, as clients add it to everything."""
    demand(text, principal(TokenScope.DEVELOPER))
    demand("{ __typename }", principal())
    with pytest.raises(MissingScope):
        demand(text, principal("look", "master"))


@each(
    "who",
    [
        principal(),
        principal(acr="weak"),
        principal(auth_time=int(NOW) - 301),
        principal(auth_time=int(NOW) + 31),
        principal(acr="weak", auth_time=0),
    ],
)
def test_an_old_or_weak_authentication_must_step_up(who: Principal) -> None:
    """The error says what will do."""
    with pytest.raises(StepUpRequired) as caught:
        demand("mutation { burn }", who)
    assert caught.value.hints == {"acr": ["strong"], "maxAge": 300}
    assert caught.value.challenge.endswith('max_age=300, acr_values="strong"')


@pytest.mark.parametrize("who", [principal(acr="strong"), principal(auth_time=int(NOW) - 299)])
def test_a_strong_or_fresh_authentication_passes(who: Principal) -> None:
    """Either is enough."""
    demand("mutation { burn }", who)


def test_the_demands_are_part_of_the_schema() -> None:
    """A client can read them in the SDL."""
    printed = strawberry.Schema(Query, Mutation).as_str()
    assert "directive @requiresScopes(scopes: [[String!]!]!) on FIELD_DEFINITION" in printed
    assert '@requiresScopes(scopes: [["look"]])' in printed
    assert "burn: String! @requiresStepUp" in printed
