"""Calling a Strawberry resolver directly: its own chain, without the links that this field has no use for.

Strawberry wraps each resolver in functions for extensions, permissions, exception handlers and argument conversion. A
field without the first three is called as the innermost function would be, with converted arguments. What the wrapper
is made of is read from the wrapper itself; where it is not exactly what this module knows, the chain is used as it is.
"""

import inspect
from collections.abc import Callable
from enum import Enum
from typing import Any, NamedTuple, Protocol

import msgspec
from graphql import GraphQLField
from strawberry import Info
from strawberry.schema.config import StrawberryConfig
from strawberry.types.field import StrawberryField
from strawberry.types.fields.resolver import StrawberryResolver

from gateway.plans.conversions import Arguments, Conversions
from schema.views import EACH

IMMUTABLE = (str, int, float, bool, type(None), Enum)
"""Arguments that resolvers cannot change: made once for an execution. Others are made anew for each call."""


def are_immutable(arguments: Arguments) -> bool:
    """Say whether resolvers cannot change any of these."""
    for value in arguments.values():  # noqa: SIM110 (on every request: a generator takes twice as long)
        if not isinstance(value, IMMUTABLE):
            return False
    return True


class Given:
    """The arguments given to a field at one place, and what Strawberry makes of them."""

    __slots__ = ("arguments", "converted", "is_shared")

    def __init__(self, arguments: Arguments) -> None:
        self.arguments = arguments
        self.converted: Arguments | None = None
        self.is_shared = are_immutable(arguments)
        """Whether every call of this execution may be given them."""

    def convert(self, convert: Callable[[Arguments, Any], Arguments], info: Any) -> Arguments:
        """Return the converted arguments, made once where that makes no difference to resolvers."""
        if self.converted is not None:
            return self.converted.copy()
        converted = convert(self.arguments, info)
        if self.is_shared and are_immutable(converted):
            self.converted = converted.copy()
        return converted


NONE_GIVEN = Given({})


class Infos(Protocol):
    """The executor, as what makes graphql-core's info of a planned field."""

    def info_of(self, field: Any, path: Any) -> Any:
        """Return it."""


class RawInfo(msgspec.Struct, eq=False):
    """graphql-core's info of one field, made when someone asks for more of it than context and path."""

    context: Any
    _infos: Infos
    _field: Any
    path: Any

    def made(self) -> Any:
        """Return it."""
        return self._infos.info_of(self._field, self.path)


class PlannedInfo(Info[Any, Any]):
    """Strawberry's info, over graphql-core's or over what makes it."""

    context: Any = None  # asked for by nearly every resolver: no property

    def __init__(self, raw_info: Any, field: Any) -> None:  # the dataclass's own costs three times as much
        self.__dict__ = {"context": raw_info.context, "given": raw_info, "_field": field}

    @property
    def _raw_info(self) -> Any:  # type: ignore[override]
        given = self.__dict__["given"]
        if type(given) is RawInfo:
            given = self.__dict__["given"] = given.made()
        return given

    @property
    def path(self) -> Any:
        """Where the field stands in the answer."""
        return self.__dict__["given"].path


Resolve = Callable[[Any, Any, Given], Any]
ResolveEach = Callable[[list[Any], Any, Given], Any]


class Known(NamedTuple):
    """A field whose resolver's chain is exactly what this module knows."""

    field: StrawberryField
    resolver: StrawberryResolver[Any]
    conversions: Conversions
    config: StrawberryConfig


def direct_call(definition: GraphQLField) -> Resolve | None:
    """Return what calls the field's resolver; None where only Strawberry's chain will do.

    It takes the source, graphql-core's info and the arguments.
    """
    known = _known(definition)
    return None if known is None else _calling(*known)


def each_call(definition: GraphQLField) -> ResolveEach | None:
    """Return what resolves the field for many sources at once; None where it must be asked for one at a time.

    It takes the sources, the context and the arguments, and returns a load for each source.
    """
    known = _known(definition)
    each = None if known is None else getattr(known.resolver.wrapped_func, EACH, None)
    if known is None or each is None:
        return None
    own = known.field.arguments
    convert = known.conversions.known(own)
    if convert is None:
        return None
    if not own:
        return lambda sources, context, _: each(sources, context)
    return lambda sources, context, given: each(sources, context, **given.convert(convert, None))


def _known(definition: GraphQLField) -> Known | None:
    field: Any = definition.extensions.get("strawberry-definition")
    if not isinstance(field, StrawberryField) or field.base_resolver is None or field.extensions:
        return None
    wrapper = _cells(definition.resolve)
    links = _cells(wrapper.get("_get_result_with_extensions"))
    is_known = (
        type(field).get_result is StrawberryField.get_result
        and getattr(definition.resolve, "__name__", "") in {"_resolver", "_async_resolver"}
        and wrapper.get("field_exception_handlers") == ()
        and links.get("field") is field
    )
    if not is_known or (field.is_async and not inspect.iscoroutinefunction(field.base_resolver.wrapped_func)):
        return None
    converter = links["self"]
    conversions = Conversions(converter.scalar_registry, converter.config)
    return Known(field, field.base_resolver, conversions, converter.config)


def _cells(function: Any) -> dict[str, Any]:
    """Return what a function encloses, by name."""
    closure = getattr(function, "__closure__", None)
    if closure is None:
        return {}
    return dict(zip(function.__code__.co_freevars, [cell.cell_contents for cell in closure], strict=True))


def _calling(
    field: StrawberryField, resolver: StrawberryResolver[Any], conversions: Conversions, config: StrawberryConfig
) -> Resolve:
    function: Any = resolver.wrapped_func
    info_class = PlannedInfo if config.info_class is Info else config.info_class
    parameters = (resolver.parent_parameter, resolver.root_parameter)
    roots = [parameter.name for parameter in parameters if parameter is not None]
    info_name = resolver.info_parameter.name if resolver.info_parameter is not None else None
    takes_self, own = bool(resolver.self_parameter), field.arguments
    convert = conversions.of(own)

    def call(source: Any, raw_info: Any, given: Given) -> Any:
        info: Any = None
        if info_name is not None or own:
            info = info_class(raw_info, field)
        named = given.convert(convert, info) if own else {}
        for name in roots:
            named[name] = source
        if info_name is not None:
            named[info_name] = info
        return function(source, **named) if takes_self else function(**named)

    async def call_async(source: Any, raw_info: Any, given: Given) -> Any:
        return await call(source, raw_info, given)

    # Without arguments to convert nothing can fail before the coroutine runs: it needs no other around it.
    return call_async if field.is_async and own else call
