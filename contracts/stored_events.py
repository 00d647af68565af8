"""Events as consumers read them back from the log: the same types, decoded without checking patterns and lengths again.

The event service has checked every record against `contracts/events.py` before it was logged. Its regular expressions
are most of what decoding costs (measured: 5.0 µs with, 0.9 without, for a card booking). A value of the wrong JSON type
is still an error. Each type here is a subclass of its original, with the same fields, so that `isinstance` and
annotations speak of the originals; `by_type` makes a table by type find both.

The event service itself decodes types without their patterns (`unpatterned`), and checks these by what it has seen.
"""

import types
from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from contracts.events import EVENT_TYPES, LogEntry

S = TypeVar("S", bound=msgspec.Struct)
V = TypeVar("V")

Loosen = Callable[[msgspec.Meta], msgspec.Meta | None]
"""What stays of a constraint; None for nothing."""

_made: dict[tuple[type[msgspec.Struct], Loosen], type[msgspec.Struct]] = {}


def stored(kind: type[S]) -> type[S]:
    """Return the unchecked subclass of an event's type, always the same one."""
    return _loosened(kind, _nothing)


def unpatterned(kind: type[S]) -> type[S]:
    """Return the subclass of an event's type that is checked for all but patterns, always the same one."""
    return _loosened(kind, _without_pattern)


def _nothing(_: msgspec.Meta) -> None:
    return None


def _without_pattern(meta: msgspec.Meta) -> msgspec.Meta | None:
    if meta.pattern is None:
        return meta
    lengths = msgspec.Meta(min_length=meta.min_length, max_length=meta.max_length)
    return None if lengths == msgspec.Meta() else lengths


def _loosened(kind: type[S], loosen: Loosen) -> type[S]:
    made = _made.get((kind, loosen))
    if made is None:
        hints = get_type_hints(kind, include_extras=True)
        fields = [_field(field, _loose(hints[field.name], loosen)) for field in msgspec.structs.fields(kind)]
        made = msgspec.defstruct(
            kind.__name__, fields, bases=(kind,), module=__name__, frozen=True, gc=False, kw_only=True
        )
        _made[kind, loosen] = made
    return made  # type: ignore[return-value]  # it is made as a subclass of `kind`


def by_type(
    table: Mapping[type[Any], V], made: Callable[[type[msgspec.Struct]], type[msgspec.Struct]] = stored
) -> dict[type[Any], V]:
    """Return a table keyed by event types that finds their subclasses made here too."""
    return {**table, **{made(kind): value for kind, value in table.items()}}


def _field(field: msgspec.structs.FieldInfo, hint: Any) -> Any:
    if field.required:
        return field.name, hint, msgspec.field(name=field.encode_name)
    if field.default is not msgspec.NODEFAULT:
        return field.name, hint, msgspec.field(default=field.default, name=field.encode_name)
    return field.name, hint, msgspec.field(default_factory=field.default_factory, name=field.encode_name)


def _loose(hint: Any, loosen: Loosen) -> Any:
    """Return a hint with its constraints loosened, whatever it is made of."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        kept = [meta for each in arguments[1:] if (meta := loosen(each)) is not None]
        bare = _loose(arguments[0], loosen)
        return Annotated[(bare, *kept)] if kept else bare
    if origin in (types.UnionType, Union):
        return Union[tuple(_loose(each, loosen) for each in arguments)]  # noqa: UP007 - of computed members
    if origin is list:
        return list[_loose(arguments[0], loosen)]  # type: ignore[misc]  # computed
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        within = get_type_hints(hint, include_extras=True).values()
        return hint if all(_loose(each, loosen) == each for each in within) else _loosened(hint, loosen)
    return hint


log_entries = msgspec.json.Decoder(stored(LogEntry))
"""Decodes a line of the log's stream."""

DATA_DECODERS: dict[str, msgspec.json.Decoder[Any]] = {
    name: msgspec.json.Decoder(stored(kind)) for name, kind in EVENT_TYPES.items()
}
"""Decodes the data of an event by its type's name."""
