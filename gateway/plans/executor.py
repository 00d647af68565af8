"""graphql-core's executor, running plans: `Schema(execution_context_class=compiled_executor(...))`.

Selections of plain reads run as generated code. Fields with resolvers, what they await and the order they do it in are
graphql-core's algorithm, with what does not change between requests (definitions, nodes, selections) planned ahead. So
awaiting, cancelling, batching and null propagation happen just where they did.
"""

from collections.abc import Awaitable
from contextlib import suppress
from typing import Any, ClassVar, cast

from graphql import (
    ExecutionResult,
    GraphQLError,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    OperationType,
)
from graphql.execution import Executor
from graphql.execution.collect_fields import CollectedFields, FieldDetailsList, GroupedFieldSet
from graphql.execution.values import get_argument_values
from graphql.pyutils import Path, gather_with_cancel
from msgspec import Struct
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from gateway.plans.cache import PlanCache
from gateway.plans.calls import NONE_GIVEN, Given
from gateway.plans.codegen import Complete
from gateway.plans.plan import FieldPlan, Plan


class PlanExecution(Executor[Any]):
    """Overrides of graphql-core's executor; without a plan each of them is the original."""

    plans: ClassVar[PlanCache]
    completes_events: ClassVar = False
    """Whether `plain_event` may be used in place of an execution."""
    _plan: Plan | None = None
    _given: dict[int, Given]
    _infos: dict[int, tuple[type, tuple[Any, ...], tuple[Any, ...]]]

    def execute_operation(self, serially: bool | None = None) -> Any:
        """Execute the operation by its plan, or as graphql-core does where it has none."""
        self._plan = plan = self.plans.find(self)
        if plan is None:
            return super().execute_operation(serially)
        self._given, self._infos = {}, {}
        if serially is None:
            serially = self.operation.operation is OperationType.MUTATION
        try:
            data = self.execute_root_grouped_field_set(plan.root_type, self.root_value, plan.root, serially, None)
        except GraphQLError as error:
            return self._respond_null(error)
        if self.is_awaitable(data):
            return self._respond(data)
        return self.build_response(cast("dict[str, Any]", data))

    def plain_event(self) -> tuple[str, Complete] | None:
        """Return the name of the one field that a subscription's events have and what completes it, all plain reads.

        None: they must be executed; so must an event that it raises for, as graphql-core will say what is odd about it.
        """
        plan = self.plans.find(self)
        fields = [one for run in plan.selection(plan.root_type, plan.root) for one in run.fields] if plan else []
        if not self.completes_events or len(fields) != 1 or fields[0].complete is None:
            return None
        return fields[0].response_name, fields[0].complete

    def execute_interpreted(self, serially: bool | None = None) -> Any:
        """Execute the operation as graphql-core does."""
        self._plan = None
        return super().execute_operation(serially)

    async def _respond(self, data: Awaitable[dict[str, Any]]) -> Any:
        try:
            completed = await data
        except GraphQLError as error:
            return self._respond_null(error)
        return self.build_response(completed)

    def _respond_null(self, error: GraphQLError) -> ExecutionResult:
        self.collected_errors.add(error, None)
        return cast("ExecutionResult", self.build_response(None))

    def collect_subfields(
        self, return_type: GraphQLObjectType, field_details_list: FieldDetailsList
    ) -> CollectedFields:
        """Return what the plan has collected."""
        plan = self._plan
        found = plan.collected(return_type, field_details_list) if plan is not None else None
        return super().collect_subfields(return_type, field_details_list) if found is None else found

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Path | None,
        grouped_field_set: GroupedFieldSet,
        position_context: Any,
    ) -> Any:
        """Execute a selection: runs of plain reads at once, other fields concurrently."""
        plan = self._plan
        if plan is None or not plan.owns(grouped_field_set):
            return super().execute_fields(parent_type, source_value, path, grouped_field_set, position_context)
        results: dict[str, Any] = {}
        pending: list[str] = []
        is_awaitable = self.is_awaitable
        cls = type(source_value)
        try:
            for run in plan.selection(parent_type, grouped_field_set):
                if run.fill is not None and (cls in run.classes or run.classes.take(source_value)):
                    with suppress(Exception):  # whatever is odd about these fields, graphql-core will say
                        run.fill(source_value, results)
                        continue
                for field in run.fields:
                    name = field.response_name
                    results[name] = result = self._execute(field, source_value, Path(path, name, parent_type.name))
                    if is_awaitable(result):
                        pending.append(name)
        except Exception:
            if pending:
                self.settle_in_background([results[name] for name in pending])
            raise
        return self._gather(results, pending) if pending else results

    @staticmethod
    async def _gather(results: dict[str, Any], pending: list[str]) -> dict[str, Any]:
        if len(pending) == 1:
            results[pending[0]] = await results[pending[0]]
        else:
            completed = await gather_with_cancel(*[results[name] for name in pending])
            results.update(zip(pending, completed, strict=True))
        return results

    def execute_field(
        self,
        parent_type: GraphQLObjectType,
        source: Any,
        field_details_list: FieldDetailsList,
        path: Path,
        position_context: Any,
    ) -> Any:
        """Execute one field: those of a mutation's root come here, in turn."""
        field = self._plan.fields.get(id(field_details_list)) if self._plan is not None else None
        if field is None:
            return super().execute_field(parent_type, source, field_details_list, path, position_context)
        return self._execute(field, source, path)

    def _execute(self, field: FieldPlan, source: Any, path: Path) -> Any:
        try:
            info = self._info(field, path)
            given = self._given_to(field) if field.takes_arguments else NONE_GIVEN
            if field.call is not None:
                result = field.call(source, info, given)
            else:
                result = (field.resolve or self.field_resolver)(source, info, **given.arguments)
            if self.is_awaitable(result):
                return self._complete_awaited(field, info, path, result)
            completed = self._complete(field, info, path, result)
            if self.is_awaitable(completed):
                return self._await_completed(field, path, completed)
        except Exception as error:  # noqa: BLE001 (a resolver may raise anything: it becomes the field's error)
            self.handle_field_error(error, field.definition.type, field.details, path)
            return None
        return completed

    def _info(self, field: FieldPlan, path: Path) -> Any:
        """Return what the resolver is told: of one field, only the path differs within an execution."""
        kept = self._infos.get(id(field))
        if kept is None:
            info = self.build_resolve_info(field.definition, field.nodes, field.parent_type, path)
            place = info._fields.index("path")
            self._infos[id(field)] = (type(info), info[:place], info[place + 1 :])
            return info
        cls, before, after = kept
        return tuple.__new__(cls, (*before, path, *after))

    def complete_list_item_value(
        self,
        item: Any,
        complete_results: list[Any],
        item_type: GraphQLOutputType,
        field_details_list: FieldDetailsList,
        info: Any,
        item_path: Path,
        position_context: Any,
    ) -> bool:
        """Complete an item of a list; an object that needs no telling apart is executed without detours."""
        type_ = item_type.of_type if isinstance(item_type, GraphQLNonNull) else item_type
        collected = None
        if self._plan is not None and isinstance(type_, GraphQLObjectType) and type_.is_type_of is None:
            collected = self._plan.collected(type_, field_details_list)
        if collected is None or collected.new_defer_usages or not isinstance(item, Struct):
            return super().complete_list_item_value(
                item, complete_results, item_type, field_details_list, info, item_path, position_context
            )
        try:
            completed = self.execute_fields(
                cast("GraphQLObjectType", type_), item, item_path, collected.grouped_field_set, position_context
            )
            if self.is_awaitable(completed):
                complete_results.append(self._await_item(completed, item_type, field_details_list, item_path))
                return True
        except Exception as error:  # noqa: BLE001 (the same)
            self.handle_field_error(error, item_type, field_details_list, item_path)
            completed = None
        complete_results.append(completed)
        return False

    async def _await_item(self, completed: Awaitable[Any], type_: Any, details: FieldDetailsList, path: Path) -> Any:
        try:
            return await completed
        except Exception as error:  # noqa: BLE001 (the same)
            self.handle_field_error(error, type_, details, path)
            return None

    def _complete(self, field: FieldPlan, info: Any, path: Path, value: Any) -> Any:
        complete = field.complete
        if complete is not None:
            with suppress(Exception):  # whatever is odd about the value, graphql-core will say
                return complete(value)
        return self.complete_value(field.definition.type, field.details, info, path, value, None)

    async def _complete_awaited(self, field: FieldPlan, info: Any, path: Path, value: Awaitable[Any]) -> Any:
        try:
            completed = self._complete(field, info, path, await value)
            if self.is_awaitable(completed):
                completed = await completed
        except Exception as error:  # noqa: BLE001 (the same)
            self.handle_field_error(error, field.definition.type, field.details, path)
            return None
        return completed

    async def _await_completed(self, field: FieldPlan, path: Path, completed: Awaitable[Any]) -> Any:
        try:
            return await completed
        except Exception as error:  # noqa: BLE001 (the same)
            self.handle_field_error(error, field.definition.type, field.details, path)
            return None

    def _given_to(self, field: FieldPlan) -> Given:
        found = field.given or self._given.get(id(field))
        if found is None:
            node, hide = field.nodes[0], self.hide_suggestions
            found = Given(get_argument_values(field.definition, node, self.variable_values, None, hide))
            if found.is_shared and not field.takes_variables:
                field.given = found
            elif found.is_shared:
                self._given[id(field)] = found
        return found


def compiled_executor(plans: PlanCache) -> type[StrawberryGraphQLCoreExecutionContext]:
    """Return the class to build a Strawberry schema with; its plans are kept in `plans`, one cache for one schema."""

    class CompiledExecutor(PlanExecution, StrawberryGraphQLCoreExecutionContext):
        """Strawberry's executor, running plans."""

        completes_events = True

    CompiledExecutor.plans = plans
    return CompiledExecutor
