"""Queries executed both ways at once, compared: for trying plans on real traffic before they answer it.

The answer given is graphql-core's; the plan's is only compared with it. Both share the request's context, so that
DataLoaders call services once. Mutations and subscriptions are executed once, by graphql-core.
"""

import json
from collections.abc import Callable
from copy import copy
from typing import Any

from graphql import ExecutionResult, OperationType
from graphql.execution.executor import CollectedErrors
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from gateway.plans.cache import PlanCache
from gateway.plans.executor import PlanExecution
from gateway.plans.texts import as_data

Report = Callable[[str], None]


class ShadowExecution(PlanExecution):
    """Overrides of the executor that runs plans."""

    report: Report

    def execute_operation(self, serially: bool | None = None) -> Any:
        """Execute a query by its plan and as graphql-core does; anything else only as graphql-core does."""
        if self.operation.operation is not OperationType.QUERY:
            return self.execute_interpreted(serially)
        reference = copy(self)
        reference.collected_errors = CollectedErrors()
        reference._relevant_sub_fields = {}  # noqa: SLF001 (its own class; the copy would share it)
        ours = super().execute_operation(serially)
        return ours if self._plan is None else self._compared(ours, reference, serially)

    async def _compared(self, ours: Any, reference: "ShadowExecution", serially: bool | None) -> Any:
        # One after the other: what the second needs is loaded already.
        mine = await ours if self.is_awaitable(ours) else ours
        theirs = reference.execute_interpreted(serially)
        result = await theirs if self.is_awaitable(theirs) else theirs
        difference = difference_of(ExecutionResult(as_data(mine.data), mine.errors), result)
        if difference is not None:
            self.report(difference)
        return result


def difference_of(mine: ExecutionResult, theirs: ExecutionResult) -> str | None:
    """Say where two results differ, without any value of theirs; None when they do not."""
    if json.dumps(mine.data, default=repr) != json.dumps(theirs.data, default=repr):
        return f"data at {'.'.join(_first_difference(mine.data, theirs.data)) or 'the root'}"
    return None if _errors(mine) == _errors(theirs) else "errors"


def _errors(result: ExecutionResult) -> list[tuple[str, str]]:
    return sorted((str(error.path), error.message) for error in result.errors or ())


def _first_difference(mine: Any, theirs: Any) -> list[str]:
    """Return the way to the first place where two answers differ."""
    if isinstance(mine, dict) and isinstance(theirs, dict) and list(mine) == list(theirs):
        pairs = [(key, mine[key], theirs[key]) for key in mine]
    elif isinstance(mine, list) and isinstance(theirs, list) and len(mine) == len(theirs):
        pairs = [(str(index), *both) for index, both in enumerate(zip(mine, theirs, strict=True))]
    else:
        return []
    for key, one, other in pairs:
        if json.dumps(one, default=repr) != json.dumps(other, default=repr):
            return [key, *_first_difference(one, other)]
    return []


def shadow_executor(plans: PlanCache, report: Report) -> type[StrawberryGraphQLCoreExecutionContext]:
    """Return the class to build a Strawberry schema with; `report` is told of each difference."""

    class ShadowExecutor(ShadowExecution, StrawberryGraphQLCoreExecutionContext):
        """Strawberry's executor, running both ways."""

    ShadowExecutor.plans = plans
    ShadowExecutor.report = staticmethod(report)
    return ShadowExecutor
