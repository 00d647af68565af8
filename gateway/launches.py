"""How an operation's executor is made: what all executors of one operation share is made once, not for each request.

graphql-core's own `Executor.build` looks through the document, reads the types of the variables and fills thirty
attributes each time. What two executors it makes have in common is shared here; what each has its own of is made when
it is first asked for, by its type, so that nothing of one request can be seen in another, and holds no executor: one
that held its own methods would keep all that a request loaded until garbage is collected. Variables are coerced by
graphql-core's functions; whatever is not plainly right about them goes through all of its own code, so that its errors
are exact.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from enum import Enum
from functools import cache
from typing import Any, NamedTuple, TypeGuard, cast
from weakref import ref

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    Undefined,
    VariableDefinitionNode,
    default_field_resolver,
    default_type_resolver,
    is_non_null_type,
)
from graphql.execution import Executor as AnyExecutor
from graphql.execution.collect_fields import FragmentDetails
from graphql.execution.executor import CollectedErrors
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource, get_variable_values
from graphql.pyutils import RefMap
from graphql.type.definition import GraphQLResolveInfoHelpers

from gateway.coercions import Coerce, Coercions

LAUNCHES_KEPT_MAX = 2_000
"""As many as documents are kept, with and without `@defer`; the least recently used one goes first."""
COERCION_ERRORS_MAX = 50
EMPTY = frozenset({set, list, dict, RefMap, CollectedErrors})
"""Types of what an executor has its own of: made by calling them."""
HELPERS = "async_helpers"
"""The attribute made of the executor's own methods."""
GIVEN = frozenset({HELPERS, "context_value", "variable_values"})
IMMUTABLE = (str, int, float, bool, type(None), Enum)

Executor = AnyExecutor[Any]
IsAwaitable = Callable[[Any], TypeGuard[Awaitable[Any]]]


class _Variable(NamedTuple):
    """A declared variable; `default` is its coerced default, Undefined where there is none or it is made each time."""

    signature: GraphQLVariableSignature
    is_omissible: bool
    is_nullable: bool
    default: Any
    coerce: Coerce
    """Takes no null."""


class _Own:
    """An attribute that each executor has its own of; most executions ask for few of them."""

    def __init__(self, name: str, make: Callable[[], Any]) -> None:
        self._name = name
        self._make = make

    def __get__(self, executor: Executor, _: type) -> Any:
        made = vars(executor)[self._name] = self._make()
        return made


class _Helpers:
    """The helpers resolvers are given with their info, which the executor may keep: so they do not hold it."""

    def __get__(self, executor: Executor, _: type) -> GraphQLResolveInfoHelpers:
        helpers = vars(executor)[HELPERS] = GraphQLResolveInfoHelpers(
            gather=_not_holding(executor, "gather_async_work"), track=_not_holding(executor, "track_async_work")
        )
        return helpers


def _not_holding(executor: Executor, name: str) -> Callable[..., Any]:
    held = ref(executor)  # a WeakMethod takes 5 µs more to make and to free

    def call(*arguments: Any) -> Any:
        found = held()
        if found is None:
            raise RuntimeError("The execution is over.")
        return getattr(found, name)(*arguments)

    return call


@cache
def _launched(executor_class: type[Executor], own: tuple[tuple[str, type], ...]) -> type[Executor]:
    """Return the class whose instances make what they have of their own when it is asked for."""
    attributes: dict[str, Any] = {name: _Own(name, make) for name, make in own}
    return type(executor_class.__name__, (executor_class,), {**attributes, HELPERS: _Helpers()})


class Launch:
    """Makes the executors of one operation."""

    def __init__(
        self,
        executor_class: type[Executor],
        schema: GraphQLSchema,
        document: DocumentNode,
        node: OperationDefinitionNode,
        is_awaitable: IsAwaitable,
        coercions: Coercions,
    ) -> None:
        """Take an operation of a valid document.

        Raises:
            TypeError: graphql-core's executors have something of their own that is not known here.
        """
        self._schema = schema
        self._held = document  # launches are found by the identity of what they hold
        self._definitions = tuple(node.variable_definitions or ())
        self._variables = [_variable(schema, definition, coercions) for definition in self._definitions]
        named = {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}
        fragments = {name: FragmentDetails(one, None) for name, one in named.items()}
        values = VariableValues({}, {})
        first, second = (
            vars(
                executor_class(
                    schema, named, fragments, None, None, node, values, default_field_resolver, default_type_resolver,
                    default_field_resolver, is_awaitable=is_awaitable, hide_suggestions=True,
                )
            )
            for _ in range(2)
        )  # fmt: skip
        self._shared = {name: value for name, value in first.items() if value is second[name] and name not in GIVEN}
        own = [(name, type(value)) for name, value in first.items() if name not in {*self._shared, *GIVEN}]
        unknown = [name for name, type_ in own if type_ not in EMPTY]
        if unknown:
            raise TypeError(f"Executors have their own {unknown}.")
        self._class: type[Executor] = _launched(cast("Any", executor_class), tuple(own))

    def executor(
        self, context: object, variables: dict[str, Any], *, writes: bool = False
    ) -> Executor | list[GraphQLError]:
        """Return an executor for one request, or what is wrong with its variables.

        `writes`: the answer is only encoded, so that parts of it may be `Written` (gateway/plans/texts.py).
        """
        values = self._coerced(variables)
        if isinstance(values, list):
            return values
        executor = self.bare(context, values)
        if writes:
            executor.__dict__["writes"] = True
        return executor

    def bare(self, context: object, values: VariableValues) -> Executor:
        """Return an executor with variables that are coerced already."""
        executor = object.__new__(self._class)
        executor.__dict__ = attributes = self._shared.copy()
        attributes["context_value"] = context
        attributes["variable_values"] = values
        return executor

    def _coerced(self, given: dict[str, Any]) -> VariableValues | list[GraphQLError]:
        sources: dict[str, VariableValueSource] = {}
        coerced: dict[str, Any] = {}
        for signature, is_omissible, is_nullable, default, coerce in self._variables:
            name = signature.name
            value = given.get(name, Undefined)
            if value is not Undefined:
                sources[name] = VariableValueSource(signature, value)
                if value is not None:
                    value = _coerced(value, coerce)
                if value is Undefined or (value is None and not is_nullable):
                    return self._judged(given)
                coerced[name] = value
            elif not is_omissible:
                return self._judged(given)
            else:
                sources[name] = VariableValueSource(signature)
                if default is not Undefined:
                    coerced[name] = default
        return VariableValues(sources, coerced)

    def _judged(self, given: dict[str, Any]) -> VariableValues | list[GraphQLError]:
        return get_variable_values(
            self._schema, self._definitions, given, max_errors=COERCION_ERRORS_MAX, hide_suggestions=True
        )


def _coerced(value: Any, coerce: Coerce) -> Any:
    try:
        return coerce(value)
    except Exception:  # noqa: BLE001 (a scalar may raise anything: graphql-core will say what)
        return Undefined


def _variable(schema: GraphQLSchema, definition: VariableDefinitionNode, coercions: Coercions) -> _Variable:
    signature = get_variable_signature(schema, definition)
    if isinstance(signature, GraphQLError):
        raise signature
    is_nullable, coerce = not is_non_null_type(signature.type), coercions.to(signature.type)
    if definition.default_value is None:
        return _Variable(signature, is_nullable, is_nullable, Undefined, coerce)
    values = get_variable_values(schema, [definition], {}, hide_suggestions=True)
    if isinstance(values, list) or not isinstance(values.coerced.get(signature.name, Undefined), IMMUTABLE):
        return _Variable(signature, False, is_nullable, Undefined, coerce)
    return _Variable(signature, True, is_nullable, values.coerced[signature.name], coerce)


class Launches:
    """The launches of the operations executed most recently, for one schema and way of executing."""

    def __init__(self, executor_class: type[Executor], schema: GraphQLSchema, is_awaitable: IsAwaitable) -> None:
        self._class = executor_class
        self._schema = schema
        self._is_awaitable = is_awaitable
        self._coercions = Coercions()
        self._kept: OrderedDict[tuple[int, str | None], Launch] = OrderedDict()

    def find(self, document: DocumentNode, name: str | None) -> Launch:
        """Return the launch of the operation of that name, or of the only one, in a document that has it."""
        key = (id(document), name)
        found = self._kept.get(key)
        if found is None:
            node = _operation(document, name)
            found = Launch(self._class, self._schema, document, node, self._is_awaitable, self._coercions)
            self._kept[key] = found
            if len(self._kept) > LAUNCHES_KEPT_MAX:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(key)
        return found

    def prepare(self, document: DocumentNode, name: str | None) -> None:
        """Make what the executor class keeps of an operation, before it is first executed."""
        plans = getattr(self._class, "plans", None)
        if plans is not None:
            plans.prepare(self.find(document, name).bare(None, VariableValues({}, {})))


def _operation(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    operations = (one for one in document.definitions if isinstance(one, OperationDefinitionNode))
    return next(one for one in operations if name is None or (one.name and one.name.value == name))
