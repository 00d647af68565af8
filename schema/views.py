"""How a GraphQL type is written here: as a view on a contracts struct, which is what resolvers return.

A view is never instantiated. Its annotations name GraphQL types; a field without a resolver is a plain attribute read
of the struct (no copy: measured +85 µs for 67 transactions). A field that needs a service to answer is nullable: null
with an error at its path says that this part failed, and the rest of the answer stands.
"""

import inspect
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any, TypeVar

import strawberry
from strawberry.types.field import StrawberryField

from resolvers.context import Info
from resolvers.node_ids import encode_node_id

COMPUTED = "computed"
"""The key of a field's metadata under which its function is found."""
EACH = "each"
"""The attribute under which a resolver's `each` is found."""

T = TypeVar("T")
C = TypeVar("C", bound=type)

_type_names: dict[type, str] = {}
STRUCTS: dict[str, tuple[type, ...]] = {}
"""Which structs each object type is a view of."""


def field(
    description: str,
    *,
    resolver: Callable[..., Any] | None = None,
    computed: Callable[[Any], Any] | None = None,
    each: Callable[..., Sequence[Any]] | None = None,
    name: str | None = None,
    costs: Sequence[object] = (),
    demands: Sequence[object] = (),
) -> Any:
    """Declare a field: read from the struct, computed from it, or answered by a resolver.

    What is `computed` takes the struct alone, has no effect and asks no one: plans call it like they read an attribute.
    `each` resolves the field for many objects at once: it takes the list of them, the context and the arguments, and
    returns a load for each, in their order. It has no other effect, as it may be asked again, for one of them alone.
    `costs` are directives of schema/costs.py, `demands` of schema/demands.py.
    """
    directives = [*costs, *demands]
    if computed is not None:
        metadata = {COMPUTED: computed}
        return strawberry.field(
            description=description, name=name, resolver=computed, directives=directives, metadata=metadata
        )
    if each is not None:
        resolver = _one_of(each)
    if resolver is None:
        return strawberry.field(description=description, name=name, directives=directives)
    return strawberry.field(description=description, name=name, resolver=resolver, directives=directives)


def _one_of(each: Callable[..., Sequence[Any]]) -> Callable[..., Any]:
    """Return the resolver that asks an `each` for one object, as graphql-core calls it."""

    def resolve(root: Any, info: Info, **arguments: Any) -> Any:
        return each([root], info.context, **arguments)[0]

    _, _, *arguments = inspect.signature(each).parameters.values()
    own = list(inspect.signature(resolve).parameters.values())[:2]
    resolve.__signature__ = inspect.Signature([*own, *arguments])  # type: ignore[attr-defined]
    resolve.__name__, resolve.__module__ = each.__name__, each.__module__
    setattr(resolve, EACH, each)
    return resolve


def view(*structs: type, description: str, exact: bool = False) -> Callable[[C], C]:
    """Make the class a GraphQL object type over the structs.

    `exact` (implied by interfaces): GraphQL must tell it from other types, by the struct's exact class.
    """

    def decorate(cls: C) -> C:
        if exact or any(hasattr(base, "__strawberry_definition__") for base in cls.__mro__[1:]):
            cls.is_type_of = classmethod(lambda _, value, __: type(value) in structs)  # type: ignore[attr-defined]
            _type_names.update(dict.fromkeys(structs, cls.__name__))
        STRUCTS[cls.__name__] = structs
        return strawberry.type(cls, description=description)

    return decorate


def type_name_of(value: object) -> str | None:
    """Return the GraphQL type of a struct that is viewed exactly; None when there is none."""
    return _type_names.get(type(value))


class NodeIdField(StrawberryField):
    """The global id: made of the type's name and the struct's own `id`, without the cost of a resolver.

    Its Python name is `node_id`, which no struct has: code that takes it for a plain attribute fails at once.
    """

    def get_result(self, source: Any, info: Any, args: list[Any], kwargs: Any) -> str:  # noqa: ARG002 - the base's
        """Return the id of `source`."""
        return encode_node_id(self.metadata["kind"], source.id)


def node_id(kind: str) -> Any:
    """Declare the global id of a type; `kind` is what `node` finds it by."""
    description = f"Global id of this {kind}; opaque, stable."
    return NodeIdField(graphql_name="id", description=description, metadata={"kind": kind})


def enum(cls: type[Enum], description: str, **values: str) -> None:
    """Publish an enum of the contracts under its member names, each with its description."""
    published: Any = strawberry.enum(cls, description=description)
    definition = published.__strawberry_definition__
    for value in definition.values:
        value.description = values.pop(value.name)
    if values:
        raise ValueError(f"{cls.__name__} has no {sorted(values)}")


def argument(description: str, name: str | None = None) -> Any:
    """Describe an argument, for use in `Annotated`."""
    return strawberry.argument(description=description, name=name)
