"""The schema is a set of true, described views, and the committed snapshot is what it is."""

from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    is_introspection_type,
    is_specified_scalar_type,
)
from strawberry.types.base import StrawberryObjectDefinition

from contracts.alerts import AnyAlert
from contracts.vocabulary import AccountKind, AlertKind
from schema import alerts
from schema.build import build_schema
from schema.demands import RequiresScopes, RequiresStepUp
from schema.nodes import ACCOUNT_KINDS
from schema.views import STRUCTS, NodeIdField

SCHEMA = build_schema()
SNAPSHOT = Path(__file__).parents[3] / "schema" / "schema.graphql"
TYPES = {
    name: type_
    for name, type_ in SCHEMA._schema.type_map.items()
    if not is_introspection_type(type_) and not is_specified_scalar_type(type_)
}
ROOTS = {"Query", "Mutation", "Subscription"}


def _described(type_: GraphQLNamedType) -> list[str]:
    """Return what of a type lacks a description."""
    missing = [] if type_.description else [type_.name]
    if isinstance(type_, GraphQLEnumType):
        missing += [f"{type_.name}.{name}" for name, value in type_.values.items() if not value.description]
    if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
        for name, field in type_.fields.items():
            missing += [] if field.description else [f"{type_.name}.{name}"]
            arguments = getattr(field, "args", {})
            missing += [f"{type_.name}.{name}({key}:)" for key, one in arguments.items() if not one.description]
    return missing


def test_the_snapshot_is_the_schema() -> None:
    """schema/schema.graphql is what the code builds; `make schema` writes it."""
    assert SNAPSHOT.read_text() == SCHEMA.as_str() + "\n"


def _unexplained(type_: GraphQLNamedType) -> list[str]:
    """Return the fields of a type that may be null and do not say what that means."""
    if not isinstance(type_, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
        return []
    nullable = {key: field for key, field in type_.fields.items() if not str(field.type).endswith("!")}
    return [f"{type_.name}.{key}" for key, field in nullable.items() if "null" not in (field.description or "").lower()]


def test_every_element_is_described() -> None:
    """Types, fields, arguments, inputs and enum values all say what they mean."""
    assert [missing for type_ in TYPES.values() for missing in _described(type_)] == []


def test_every_nullable_field_says_what_null_means() -> None:
    """A field that may be null explains it."""
    never_null = "AlertConditionInput"  # @oneOf: its fields may be left out and never be null
    assert [one for name, type_ in TYPES.items() if name != never_null for one in _unexplained(type_)] == []


def _definition(type_: GraphQLObjectType) -> StrawberryObjectDefinition:
    definition = type_.extensions["strawberry-definition"]
    assert isinstance(definition, StrawberryObjectDefinition)
    return definition


def test_every_plain_field_is_an_attribute_of_its_structs() -> None:
    """A view without a resolver reads what the struct really has."""
    for name, structs in STRUCTS.items():
        type_ = TYPES[name]
        assert isinstance(type_, GraphQLObjectType)
        fields = _definition(type_).fields
        plain = {one.python_name for one in fields if not one.base_resolver and not isinstance(one, NodeIdField)}
        for struct in structs:
            assert plain - set(struct.__struct_fields__) == set(), name  # type: ignore[attr-defined]


def test_every_object_type_is_a_view() -> None:
    """Nothing but the roots stands for anything else than a struct."""
    objects = {name for name, type_ in TYPES.items() if isinstance(type_, GraphQLObjectType)}
    assert objects == set(STRUCTS) | ROOTS


def test_every_alert_struct_has_its_type() -> None:
    """A kind of alert that analytics may raise can be shown."""
    assert {struct for kind in alerts.KINDS for struct in STRUCTS[kind.__name__]} == set(AnyAlert.__args__)
    assert {struct.__struct_config__.tag for struct in AnyAlert.__args__} == {kind.value for kind in AlertKind}


def test_every_kind_of_account_has_its_type() -> None:
    """No account of the account service is without a view."""
    assert set(ACCOUNT_KINDS) == set(AccountKind)
    assert set(ACCOUNT_KINDS.values()) <= set(STRUCTS)


def test_every_node_can_be_asked_for_by_its_id() -> None:
    """What implements Node has an id made of its own type or interface."""
    node = TYPES["Node"]
    assert isinstance(node, GraphQLInterfaceType)
    for type_ in SCHEMA._schema.get_possible_types(node):
        kinds = {one.metadata["kind"] for one in _definition(type_).fields if isinstance(one, NodeIdField)}
        assert kinds <= {type_.name, *(interface.name for interface in type_.interfaces)}
        assert len(kinds) == 1


@pytest.mark.parametrize("name", sorted(ROOTS))
def test_every_root_field_demands_a_scope(name: str) -> None:
    """Whatever path is taken begins there, so nothing can be had with a token that was granted nothing."""
    root = SCHEMA._schema.type_map[name]
    assert isinstance(root, GraphQLObjectType)
    for field in root.fields.values():
        directives = field.extensions["strawberry-definition"].directives
        assert any(isinstance(one, RequiresScopes) and all(one.scopes) for one in directives)


def test_what_is_sensitive_demands_step_up() -> None:
    """Fraud answers, cards and devices."""
    mutation = SCHEMA._schema.mutation_type
    assert mutation is not None
    found = {
        name
        for name, field in mutation.fields.items()
        if any(isinstance(one, RequiresStepUp) for one in field.extensions["strawberry-definition"].directives)
    }
    assert found == {
        "respondToAlert",
        "freezeCard",
        "unfreezeCard",
        "registerDevice",
        "removeDevice",
        "registerPushToken",
    }
