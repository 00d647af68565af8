"""Which plan an execution has: by operation and fragments, and by the values its conditions depend on.

Documents are parsed once and kept (gateway/documents.py, by text), so an operation is known by the identity of its
nodes. Fragments count as well: a document without `@defer` can share its operation with the one it was made from.
Belongs to one event loop's thread.
"""

from collections import OrderedDict
from collections.abc import Iterable
from itertools import product
from typing import Any

from graphql import DocumentNode, FragmentDefinitionNode, GraphQLSchema, OperationDefinitionNode, Visitor, visit
from graphql.execution import Executor
from graphql.execution.execute import assume_not_awaitable
from graphql.execution.values import VariableValues
from graphql.language import ArgumentNode, DirectiveNode, VariableNode
from graphql.pyutils.is_awaitable import is_awaitable
from strawberry.execution import optimized_is_awaitable

from gateway.plans.plan import Plan, plan_of
from gateway.plans.reads import RuntimeTypes

OPERATIONS_KEPT_MAX = 1_000
"""As many as documents are kept; the least recently executed one goes first."""
VARIANTS_MAX = 16
"""Plans of one operation: one for each set of values of its condition variables; others go to graphql-core."""
_PREDICATES: tuple[Any, ...] = (is_awaitable, optimized_is_awaitable, assume_not_awaitable)
PREDICATES = frozenset(_PREDICATES)
"""Ways of telling awaitables that agree on structs, strings and the other exact types of generated code."""
CONDITIONS = frozenset({"skip", "include"})
INCREMENTAL = frozenset({"defer", "stream"})
MISSING = object()

Node = OperationDefinitionNode | FragmentDefinitionNode


class _Conditions(Visitor):
    """Finds the variables that selections depend on, and what no plan can do."""

    def __init__(self) -> None:
        super().__init__()
        self.variables: set[str] = set()
        self.is_incremental = False

    def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
        """Note a condition's variable, or incremental delivery."""
        self.is_incremental |= node.name.value in INCREMENTAL
        if node.name.value in CONDITIONS:
            self.variables.update(_variables(node.arguments or ()))


def _variables(arguments: Iterable[ArgumentNode]) -> set[str]:
    return {one.value.name.value for one in arguments if isinstance(one.value, VariableNode)}


class Planned:
    """An operation and its plans, one for each set of conditions."""

    def __init__(self, executor: Executor[Any]) -> None:
        # Nodes and schema are held, so that the identities they are found by stay theirs.
        self._held: tuple[GraphQLSchema, tuple[Node, ...]] = (
            executor.schema, (executor.operation, *executor.fragment_definitions.values()),
        )  # fmt: skip
        conditions = _Conditions()
        visit(DocumentNode(definitions=self._held[1]), conditions)
        self._variables = sorted(conditions.variables)
        self._plans: dict[tuple[object, ...], Plan | None] = {}
        has_fragment_variables = any(one.variable_signatures for one in executor.fragments.values())
        self.is_plannable = not conditions.is_incremental and not has_fragment_variables
        self.executions = 0

    def plan(self, executor: Executor[Any], types: RuntimeTypes) -> Plan | None:
        """Return the plan for an executor's variables; None where there is none to be had."""
        coerced = executor.variable_values.coerced
        key = tuple([coerced.get(name, MISSING) for name in self._variables])
        if not all(value is True or value is False or value is MISSING for value in key):
            return None
        if key not in self._plans:
            if len(self._plans) == VARIANTS_MAX:
                return None
            self._plans[key] = plan_of(executor, types)
        return self._plans[key]

    def prepare(self, executor: Executor[Any], types: RuntimeTypes) -> None:
        """Make the plans of all values the conditions may have, and all that belongs to them."""
        if 2 ** len(self._variables) > VARIANTS_MAX:
            return  # made as they are asked for
        for values in product((True, False), repeat=len(self._variables)):
            executor.variable_values = VariableValues({}, dict(zip(self._variables, values, strict=True)))
            plan = self.plan(executor, types)
            if plan is not None:
                plan.complete()


class PlanCache:
    """Plans of the operations executed most recently.

    `compile_after`: executions of an operation that graphql-core does before it is compiled, so that documents which
    come once are not.
    """

    def __init__(self, types: RuntimeTypes, *, compile_after: int = 1) -> None:
        self._types = types
        self._compile_after = compile_after
        self._kept: OrderedDict[tuple[int, ...], Planned] = OrderedDict()
        self.compiled = 0
        """Executions that ran a plan."""
        self.interpreted = 0
        """Executions that graphql-core did whole."""

    def find(self, executor: Executor[Any]) -> Plan | None:
        """Return the plan to execute by; None for what graphql-core shall execute whole."""
        plan = self._find(executor) if _is_ordinary(executor) else None
        if plan is None:
            self.interpreted += 1
        else:
            self.compiled += 1
        return plan

    def prepare(self, executor: Executor[Any]) -> None:
        """Make the plans of an operation before it is first executed, one for each set of its conditions."""
        planned = self._planned(executor)
        planned.executions = max(planned.executions, self._compile_after)
        if planned.is_plannable:
            planned.prepare(executor, self._types)

    def _find(self, executor: Executor[Any]) -> Plan | None:
        planned = self._planned(executor)
        planned.executions += 1
        if not planned.is_plannable or planned.executions <= self._compile_after:
            return None
        return planned.plan(executor, self._types)

    def _planned(self, executor: Executor[Any]) -> Planned:
        key = (id(executor.schema), id(executor.operation), *map(id, executor.fragment_definitions.values()))
        planned = self._kept.get(key)
        if planned is None:
            planned = self._kept[key] = Planned(executor)
            if len(self._kept) > OPERATIONS_KEPT_MAX:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(key)
        return planned


def _is_ordinary(executor: Executor[Any]) -> bool:
    """Say whether an execution is without middleware, hooks, abort signal and awaitables of its own."""
    middleware = executor.middleware_manager
    return (
        (middleware is None or not middleware.middlewares)
        and executor.hooks is None
        and executor.abort_signal is None
        and executor.is_awaitable in PREDICATES
    )
