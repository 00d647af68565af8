"""graphql-core's executor, running plans: `Schema(execution_context_class=compiled_executor(...))`.

Selections of plain reads run as generated code. Fields with resolvers, what they await and the order they do it in are
graphql-core's algorithm, with what does not change between requests (definitions, nodes, selections) planned ahead.
What resolvers ask loaders for is completed when it is loaded, without a task for each field (pending.py).
"""

from collections.abc import Awaitable
from functools import partial
from typing import Any, ClassVar, cast

from graphql import (
    ExecutionResult,
    GraphQLError,
    GraphQLObjectType,
    GraphQLOutputType,
    OperationType,
)
from graphql.execution import Executor
from graphql.execution.collect_fields import CollectedFields, FieldDetailsList, GroupedFieldSet
from graphql.pyutils import Path
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from gateway.plans.cache import PlanCache
from gateway.plans.calls import NONE_GIVEN, Given, RawInfo
from gateway.plans.codegen import Complete, nullable_of
from gateway.plans.pending import Column, Loaded, Parts, Pending, Place, Rows
from gateway.plans.plan import FieldPlan, Plan, Selected
from gateway.plans.tables import Table, in_table, made_at_once
from gateway.plans.texts import Write
from resolvers.loads import Load


class PlanExecution(Executor[Any]):
    """Overrides of graphql-core's executor; without a plan each of them is the original."""

    plans: ClassVar[PlanCache]
    writes: bool = False
    """Whether parts of the answer may be `Written`: for those who encode it and nothing else."""
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
            execute = self.execute_fields_serially if serially else self.execute_fields
            data = execute(plan.root_type, self.root_value, None, plan.root, None)
        except GraphQLError as error:
            return self._response_null(error)
        return self._response(data) if type(data) is dict else self._respond(cast("Awaitable[Any]", data))

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
            return self._response_null(error)
        return self._response(completed)

    def _response_null(self, error: GraphQLError) -> ExecutionResult:
        self.collected_errors.add(error, None)
        return self._response(None)

    def _response(self, data: dict[str, Any] | None) -> ExecutionResult:
        """Return what `build_response` does where there are no hooks and no pieces that come later."""
        collected = self.__dict__.get("collected_errors")  # made when there are some: see gateway/launches.py
        return ExecutionResult(data, None if collected is None else collected.errors or None)

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
                if run.fill is not None and (cls in run.classes.known or run.classes.take(source_value)):
                    try:
                        run.fill(source_value, results)
                        continue
                    except Exception:  # noqa: BLE001, S110 (whatever is odd about these fields, graphql-core will say)
                        pass
                for field in run.fields:
                    name = field.response_name
                    results[name] = result = self._execute(field, source_value, _path((path, name, parent_type.name)))
                    if isinstance(result, Pending) or is_awaitable(result):
                        pending.append(name)
        except Exception:
            if pending:
                self.settle_in_background([results[name] for name in pending])
            raise
        return self._put_together(results, pending) if pending else results

    def _put_together(self, parts: Any, awaited: list[Any]) -> Any:
        if len(awaited) == 1 and not isinstance(parts[awaited[0]], Pending):
            return _put_in_place(parts, awaited[0])  # without a task of its own
        return Parts(errors=self, parts=parts, awaited=awaited)

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
            given = self._given_to(field) if field.takes_arguments else NONE_GIVEN
            if field.each is not None:
                [result] = field.each([source], self.context_value, given)
            elif field.call is not None:
                result = field.call(source, RawInfo(self.context_value, self, field, path), given)
            else:
                info = self.info_of(field, path)
                result = (field.resolve or self.field_resolver)(source, info, **given.arguments)
            if isinstance(result, Load):
                return self._loaded(field, path, result)
            if self.is_awaitable(result):
                return self._complete_awaited(field, path, result)
            completed = self._complete(field, path, result)
            if isinstance(completed, Pending):
                completed.place = (field.definition.type, field.details, path)
            elif self.is_awaitable(completed):
                return self._await_completed(completed, field.definition.type, field.details, path)
        except Exception as error:  # noqa: BLE001 (a resolver may raise anything: it becomes the field's error)
            self.handle_field_error(error, field.definition.type, field.details, path)
            return None
        return completed

    def info_of(self, field: FieldPlan, path: Path) -> Any:
        """Return what the resolver is told: of one field, only the path differs within an execution."""
        kept = self._infos.get(id(field))
        if kept is None:
            info = self.build_resolve_info(field.definition, field.nodes, field.parent_type, path)
            place = info._fields.index("path")
            self._infos[id(field)] = (type(info), info[:place], info[place + 1 :])
            return info
        cls, before, after = kept
        return tuple.__new__(cls, (*before, path, *after))

    def complete_iterable_value(
        self,
        item_type: GraphQLOutputType,
        field_details_list: FieldDetailsList,
        info: Any,
        path: Path,
        items: Any,
        position_context: Any,
    ) -> Any:
        """Complete a list; objects that are told by their class are executed without detours."""
        plan = self._plan
        if plan is None or type(items) is not list:
            return super().complete_iterable_value(item_type, field_details_list, info, path, items, position_context)
        kind = nullable_of(item_type)
        known = plan.by_class(kind, field_details_list)
        place = (item_type, field_details_list, path)
        awaited: list[int] = []
        results, tables = made_at_once(plan, known, kind, items, field_details_list)
        index = len(results) - 1
        try:
            for index, item in enumerate(items if not tables else ()):
                selected = known.get(type(item)) or plan.selected(known, kind, item, field_details_list)
                if selected is None:
                    if self._complete_core_item(index, item, results, info, place, position_context):
                        awaited.append(index)
                elif not in_table(selected, index, item, results, tables):
                    results.append(None)
                    if self._complete_item(selected, index, item, results, place):
                        awaited.append(index)
            columns = self._columns(tables, results, awaited, place)
        except Exception:
            left = [results[one] for one in awaited] + [one for one in items[index + 1 :] if self.is_awaitable(one)]
            if left:
                self.settle_in_background(left)
            raise
        if columns:
            return Rows(errors=self, parts=results, awaited=awaited, columns=columns, list_place=place)
        return self._put_together(results, awaited) if awaited else results

    def _complete_core_item(
        self, index: int, item: Any, results: list[Any], info: Any, place: Place, position_context: Any
    ) -> bool:
        """Let graphql-core append an item; say whether it is awaited."""
        type_, details, path = place
        item_path = _path((path, index, None))
        if type(info) is RawInfo:
            info = info.made()
        if not self.is_awaitable(item):
            return self.complete_list_item_value(item, results, type_, details, info, item_path, position_context)
        results.append(self.complete_awaitable_list_item_value(item, type_, details, info, item_path, position_context))
        return True

    def _complete_item(self, selected: Selected, index: int, item: Any, results: list[Any], place: Place) -> bool:
        """Put an item in its place, executed by itself; say whether it is awaited."""
        type_, details, path = place
        item_path = _path((path, index, None))
        results[index] = None
        try:
            completed = self.execute_fields(selected.type, item, item_path, selected.grouped, None)
        except Exception as error:  # noqa: BLE001 (the same)
            self.handle_field_error(error, type_, details, item_path)
            return False
        if isinstance(completed, Pending):
            completed.place = (type_, details, item_path)
        elif type(completed) is not dict:
            completed = self._await_completed(completed, type_, details, item_path)
        results[index] = completed
        return type(completed) is not dict

    def _columns(
        self, tables: dict[Selected, Table], results: list[Any], awaited: list[int], place: Place
    ) -> list[Column]:
        """Ask for what rows still want; those of which something is odd are executed by themselves."""
        columns = []
        for selected, table in tables.items():
            asked = self._ask(selected, table)
            if asked is not None:
                columns += asked
                continue
            for index, item in zip(*table, strict=True):
                if self._complete_item(selected, index, item, results, place):
                    awaited.append(index)
        return columns

    def _ask(self, selected: Selected, table: Table) -> list[Column] | None:
        """Ask for what rows still want, all at once; None where one of them has to say what is odd."""
        columns = []
        for field in selected.row.asked if selected.row is not None else ():
            try:
                given = self._given_to(field) if field.takes_arguments else NONE_GIVEN
                loads: Any = field.each and field.each(table.sources, self.context_value, given)
            except Exception:  # noqa: BLE001 (whatever it is, it is met again, with a path)
                return None
            if len(loads) != len(table.indices) or not all(issubclass(cls, Load) for cls in set(map(type, loads))):
                return None
            complete: Any = self._writing(field) or field.complete
            columns.append(Column(field, complete, table.indices, loads))
        return columns

    def part_of_row(self, row: dict[str, Any], asked: list[tuple[FieldPlan, Load[Any]]], place: Place) -> Pending:
        """Return a row as one object by itself, with a part for each field that was asked for."""
        path = place[2]
        for field, load in asked:
            field_path = _path((path, field.response_name, field.parent_type.name))
            row[field.response_name] = self._loaded(field, field_path, load)
        return Parts(errors=self, place=place, parts=row, awaited=[field.response_name for field, _ in asked])

    def _loaded(self, field: FieldPlan, path: Path, load: Load[Any]) -> Pending:
        place = (field.definition.type, field.details, path)
        loaded = Loaded(errors=self, place=place, complete=partial(self._complete, field, path))
        load.tell(loaded.arrived)
        return loaded

    async def _await_completed(
        self, completed: Awaitable[Any], type_: Any, details: FieldDetailsList, path: Path
    ) -> Any:
        try:
            return await completed
        except Exception as error:  # noqa: BLE001 (the same)
            self.handle_field_error(error, type_, details, path)
            return None

    def _complete(self, field: FieldPlan, path: Path, value: Any) -> Any:
        complete = field.complete
        if complete is not None:
            try:
                return (self._writing(field) or complete)(value)
            except Exception:  # noqa: BLE001, S110 (whatever is odd about the value, graphql-core will say)
                pass
        elif field.item_type is not None and type(value) is list:
            info = RawInfo(self.context_value, self, field, path)
            return self.complete_iterable_value(field.item_type, field.details, info, path, value, None)
        else:
            plan: Any = self._plan
            selected = plan.selected(plan.by_class(field.kind, field.details), field.kind, value, field.details)
            if selected is not None:
                return self.execute_fields(selected.type, value, path, selected.grouped, None)
        info = self.info_of(field, path)
        return self.complete_value(field.definition.type, field.details, info, path, value, None)

    async def _complete_awaited(self, field: FieldPlan, path: Path, value: Awaitable[Any]) -> Any:
        try:
            completed = self._complete(field, path, await value)
            if self.is_awaitable(completed):
                completed = await completed
        except Exception as error:  # noqa: BLE001 (the same)
            self.handle_field_error(error, field.definition.type, field.details, path)
            return None
        return completed

    def _writing(self, field: FieldPlan) -> Write | None:
        return field.write if self.writes else None

    def _given_to(self, field: FieldPlan) -> Given:
        found = field.given or self._given.get(id(field))
        if found is None:
            found = Given(field.arguments.coerce(self.variable_values, hide_suggestions=self.hide_suggestions))
            if found.is_shared and not field.arguments.take_variables:
                field.given = found
            elif found.is_shared:
                self._given[id(field)] = found
        return found


_path: Any = partial(tuple.__new__, Path)
"""Makes a path: a named tuple's own way takes four times as long."""


async def _put_in_place(parts: Any, key: Any) -> Any:
    parts[key] = await parts[key]
    return parts


def compiled_executor(plans: PlanCache) -> type[StrawberryGraphQLCoreExecutionContext]:
    """Return the class to build a Strawberry schema with; its plans are kept in `plans`, one cache for one schema."""

    class CompiledExecutor(PlanExecution, StrawberryGraphQLCoreExecutionContext):
        """Strawberry's executor, running plans."""

        completes_events = True

    CompiledExecutor.plans = plans
    return CompiledExecutor
