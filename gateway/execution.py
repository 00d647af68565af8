"""Executing an operation: a prepared document, a caller, a deadline; in the middle of every transport.

Runs the schema's own executor class (`Schema(execution_context_class=…)`) on documents prepared once, without
Strawberry's extension machinery. Always answers: whatever a resolver does becomes an error of the answer.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, Protocol, TypeGuard, cast

import msgspec
import strawberry
from graphql import (
    DocumentNode,
    ExecutionResult,
    ExperimentalIncrementalExecutionResults,
    GraphQLError,
    OperationDefinitionNode,
)
from graphql.type import assert_valid_schema
from strawberry.execution import optimized_is_awaitable

from clients.deadline import Aged
from clients.timeouts import Timeout
from contracts.failures import Forbidden, TimedOut, Unavailable
from gateway.admission import Admission
from gateway.answering import each_answer
from gateway.auditing import Auditor, Witnessed
from gateway.authorization import Authorization
from gateway.callers import Caller
from gateway.cost_meters import EXTENSION, CostMeter
from gateway.document_directory import DocumentDirectory, PersistedQueryNotFound
from gateway.documents import (
    InvalidDocument,
    PreparedDocument,
    UndeterminedOperation,
    is_mutation,
    is_query,
    is_subscription,
)
from gateway.errors import (
    BAD_VARIABLES,
    NOT_PERSISTED,
    OPERATION_FAILED,
    PARSE_FAILED,
    VALIDATION_FAILED,
    internal_error,
    render_errors,
    render_failure,
    render_refusals,
)
from gateway.incremental import impossible_streams, render_initial, render_subsequent
from gateway.launches import Executor, Launches
from gateway.live import LiveAnswers
from gateway.operations import Operation
from gateway.sharing import Shapes
from gateway.stale_parts import note_stale_parts
from gateway.suggestions import Suggestions
from gateway.telemetry import SECONDS, count_answer
from gateway.toll import Charge, Toll
from resolvers.principal import Principal

HARD_STOP_S = 0.25
"""How long after the deadline, which the clients keep themselves, execution is cut off."""

Payload = dict[str, Any]

_is_awaitable = cast("Callable[[Any], TypeGuard[Awaitable[Any]]]", optimized_is_awaitable)


class Refused(Exception):
    """An operation that was not executed because of its document, name or variables; `errors` are rendered."""

    def __init__(self, code: str, errors: list[dict[str, Any]]) -> None:
        super().__init__(code)
        self.code = code
        self.errors = errors

    @property
    def payload(self) -> Payload:
        """Return the GraphQL response: errors without a data entry."""
        return {"errors": self.errors}


class Context(Witnessed, Protocol):
    """What resolvers see: they leave a trail, and note which parts of the answer are from earlier."""

    @property
    def aged(self) -> list[Aged]: ...


class ContextFactory(Protocol):
    """Makes what resolvers see: a fresh one for each request and each event of a subscription."""

    def __call__(self, principal: Principal) -> Context: ...


class Selected(msgspec.Struct, frozen=True):
    """An operation of a prepared document, with the variables to run it with."""

    prepared: PreparedDocument
    node: OperationDefinitionNode
    operation: Operation
    charge: Charge

    @property
    def is_subscription(self) -> bool:
        """Whether it answers more than once."""
        return is_subscription(self.node)

    @property
    def is_incremental(self) -> bool:
        """Whether its answer may come in pieces: a mutation's never does, as its record must be written before it."""
        return self.prepared.plain is not None and is_query(self.node)


class Engine:
    """Selects and executes operations."""

    def __init__(
        self,
        schema: strawberry.Schema,
        directory: DocumentDirectory,
        toll: Toll,
        authorization: Authorization,
        auditor: Auditor,
        meter: CostMeter,
        make_context: ContextFactory,
        *,
        timeout_s: float,
        admission: Admission,
    ) -> None:
        core = schema._schema  # noqa: SLF001 (Strawberry has no public way to its GraphQLSchema)
        assert_valid_schema(core)
        self._launches = Launches(cast("type[Executor]", schema.execution_context_class), core, _is_awaitable)
        self._directory = directory
        self._toll = toll
        self._suggestions = Suggestions(core, toll)
        self._authorization = authorization
        self.auditor = auditor
        self._meter = meter
        self.make_context = make_context
        self.shapes = Shapes()
        self.admission = admission
        self.stop_after_s = timeout_s + HARD_STOP_S
        self._timeout = Timeout(self.stop_after_s)

    def prepare(self, prepared: PreparedDocument) -> None:
        """Compile the operations of a document before they are asked for; some milliseconds each."""
        for node in prepared.operations:
            self._launches.prepare(prepared.plain or prepared.document, node.name.value if node.name else None)

    async def select(self, operation: Operation, caller: Caller) -> Selected:
        """Prepare the document, choose the operation, charge it to its customer and see whether they may run it.

        Raises:
            Refused: syntax, validation, or no such operation.
            Failure: over a limit, too costly, too much for now, a document that is not trusted, or a scope or a fresh
                sign-in is missing.
        """
        try:
            prepared = self._directory.find(
                operation, caller.principal, lambda size: self._toll.charge_parsing(caller.principal, size)
            )
            node = prepared.operation(operation.operation_name)
            charge = self._toll.charge(prepared, node, operation.variables, caller.principal)
            self._authorization.demand(prepared, node, caller.principal)
            return Selected(prepared, node, operation, charge)
        except Forbidden as refusal:
            await self.auditor.refused(operation, caller, refusal)
            raise
        except InvalidDocument as invalid:
            code = PARSE_FAILED if invalid.is_syntax else VALIDATION_FAILED
            errors = self._suggestions.of_document(invalid, caller.principal)
            raise Refused(code, render_refusals(errors)) from None
        except PersistedQueryNotFound:
            raise Refused(NOT_PERSISTED, [_not_persisted()]) from None
        except UndeterminedOperation as unknown:
            error = {"message": str(unknown), "extensions": {"code": OPERATION_FAILED}}
            raise Refused(OPERATION_FAILED, [error]) from None

    async def execute(self, selected: Selected, caller: Caller) -> Payload:
        """Execute a query or mutation within its deadline.

        Raises:
            Refused: its variables do not fit.
            Failure: it is a mutation or shows alerts, and its audit record cannot be written.
        """
        prepared, node = selected.prepared, selected.node
        executor = self._build(selected, prepared.plain or prepared.document, caller, writes=True)
        context: Context = executor.context_value
        mutates = is_mutation(node)
        if mutates:
            await self.auditor.begin(prepared, node, caller)
        started = time.perf_counter()
        result = self._run(executor, caller)
        if _is_awaitable(result):
            result = await self._finish(result, caller)
        payload: Payload = result if isinstance(result, dict) else self.response(result, caller)
        note_stale_parts(payload, context.aged)
        SECONDS[caller.transport].observe(time.perf_counter() - started)
        if mutates or "errors" in payload:
            await self.auditor.answered(prepared, node, caller, context, payload)
        else:
            self.auditor.showed(prepared, node, caller, context)
        asked = selected.operation.extensions.get(EXTENSION)
        self._meter.observe(prepared, node, asked, selected.charge.cost, caller, payload)
        count_answer(caller.transport, payload)
        return payload

    async def answers(self, selected: Selected, caller: Caller) -> AsyncGenerator[Payload]:
        """Yield every answer of any operation: one, those of a subscription, or the pieces of `@defer` and `@stream`.

        Raises:
            Refused: its variables do not fit; before the first answer.
        """
        if selected.is_subscription:
            several = each_answer(self.live(selected, caller))
        elif selected.is_incremental:
            several = self._execute_incrementally(selected, caller)
        else:
            yield await self.execute(selected, caller)
            return
        async with aclosing(several):
            async for payload in several:
                yield payload

    async def _execute_incrementally(self, selected: Selected, caller: Caller) -> AsyncGenerator[Payload]:
        executor = self._build(selected, selected.prepared.document, caller)
        impossible = impossible_streams(selected.prepared.document, executor.variable_values)
        if impossible:
            raise Refused(BAD_VARIABLES, render_refusals(impossible, BAD_VARIABLES))
        stop_at = asyncio.get_running_loop().time() + self.stop_after_s
        result = self._run(executor, caller)
        if _is_awaitable(result):
            result = await self._finish(result, caller)
        if not isinstance(result, ExperimentalIncrementalExecutionResults):
            payload = result if isinstance(result, dict) else self.response(result, caller)
            note_stale_parts(payload, executor.context_value.aged)
            await self.auditor.answered(selected.prepared, selected.node, caller, executor.context_value, payload)
            count_answer(caller.transport, payload)
            yield payload
            return
        payload = render_initial(result.initial_result, caller.trace_id)
        note_stale_parts(payload, executor.context_value.aged)
        await self.auditor.answered(selected.prepared, selected.node, caller, executor.context_value, payload)
        count_answer(caller.transport, payload)
        yield payload
        waiting = {one["id"] for one in payload["pending"]}
        async with aclosing(result.subsequent_results) as pieces:
            while payload["hasNext"]:
                try:
                    async with asyncio.timeout_at(stop_at):
                        payload = render_subsequent(await anext(pieces), caller.trace_id)
                    self.auditor.showed(selected.prepared, selected.node, caller, executor.context_value)
                except TimeoutError:
                    payload = _missing(waiting, _timed_out())
                except Unavailable as failure:
                    payload = _missing(waiting, render_failure(failure))
                note_stale_parts(payload, executor.context_value.aged)
                waiting |= {one["id"] for one in payload.get("pending", ())}
                waiting -= {one["id"] for one in payload.get("completed", ())}
                yield payload

    def live(self, selected: Selected, caller: Caller) -> LiveAnswers:
        """Return the answers of a subscription, not yet begun; a failure to begin is its one answer.

        Raises:
            Refused: its variables do not fit.
        """
        return LiveAnswers(self, selected, self.executor(selected, caller), caller)

    def executor(self, selected: Selected, caller: Caller) -> Executor:
        """Return an executor of a subscription.

        Raises:
            Refused: its variables do not fit.
        """
        return self._build(selected, selected.prepared.plain or selected.prepared.document, caller)

    def execute_event(self, executor: Executor, caller: Caller) -> Payload | Awaitable[Payload]:
        """Execute one event of a subscription: at once where nothing must be waited for."""
        try:
            result = executor.execute_operation()
        except Exception as error:  # noqa: BLE001 (as below)
            return {"errors": [internal_error(error, caller.trace_id)], "data": None}
        if _is_awaitable(result):
            return self._respond(cast("Awaitable[ExecutionResult]", result), executor, caller)
        return self.response(cast("ExecutionResult", result), caller)

    async def _respond(self, executing: Awaitable[ExecutionResult], executor: Executor, caller: Caller) -> Payload:
        result = await self._finish(executing, caller)
        payload = result if isinstance(result, dict) else self.response(cast("ExecutionResult", result), caller)
        note_stale_parts(payload, executor.context_value.aged)
        return payload

    def demand(self, selected: Selected, caller: Caller) -> float | None:
        """Let a caller go on with it; return until when (UNIX seconds), None for as long as its token is good.

        Raises:
            Forbidden: a scope or a fresh sign-in is missing, or the document was withdrawn.
        """
        self._directory.demand(selected.operation, caller.principal)
        return self._authorization.demand(selected.prepared, selected.node, caller.principal)

    @staticmethod
    def failed(error: Exception, caller: Caller) -> Payload:
        """Render what ended a source."""
        wrapped = error if isinstance(error, GraphQLError) else GraphQLError("", original_error=error)
        return {"errors": render_errors([wrapped], caller.trace_id)}

    @staticmethod
    def timed_out() -> Payload:
        """Render a source that did not begin in time."""
        return {"errors": [_timed_out()]}

    def _build(self, selected: Selected, document: DocumentNode, caller: Caller, *, writes: bool = False) -> Executor:
        operation = selected.operation
        launch = self._launches.find(document, operation.operation_name)
        executor = launch.executor(self.make_context(caller.principal), operation.variables, writes=writes)
        if isinstance(executor, list):
            errors = self._suggestions.of_variables(executor, selected.node, operation.variables, caller.principal)
            raise Refused(BAD_VARIABLES, render_refusals(errors, BAD_VARIABLES))
        return executor

    @staticmethod
    def _run(executor: Executor, caller: Caller) -> Any:
        """Run an executor as far as it goes without waiting; where that fails as a whole, the answer that says so."""
        try:
            return executor.execute_operation()
        except Exception as error:  # noqa: BLE001 (the edge of execution: whatever happens becomes an answer)
            return {"errors": [internal_error(error, caller.trace_id)], "data": None}

    async def _finish(
        self, executing: Awaitable[Any], caller: Caller
    ) -> ExecutionResult | ExperimentalIncrementalExecutionResults | Payload:
        """Wait for an execution, no longer than its deadline."""
        task = asyncio.current_task()
        try:
            with self._timeout.one():
                return cast("ExecutionResult", await executing)
        except TimeoutError:
            return {"errors": [_timed_out()], "data": None}
        except asyncio.CancelledError as error:
            # graphql-core cancels siblings of a failed field and, through a shared loader, can end up cancelled itself.
            if task is None or task.cancelling():
                raise
            return {"errors": [internal_error(error, caller.trace_id)], "data": None}
        except Exception as error:  # noqa: BLE001 (the edge of execution: whatever happens becomes an answer)
            return {"errors": [internal_error(error, caller.trace_id)], "data": None}

    @staticmethod
    def response(result: ExecutionResult, caller: Caller) -> Payload:
        """Render a result."""
        if result.errors:
            return {"errors": render_errors(result.errors, caller.trace_id), "data": result.data}
        return {"data": result.data}


def _not_persisted() -> dict[str, Any]:
    return {
        "message": "PersistedQueryNotFound",
        "extensions": {"code": NOT_PERSISTED},
    }  # what Apollo's clients look for


def _missing(waiting: set[str], error: dict[str, Any]) -> Payload:
    """Return a last piece: what still waited is missing, for one reason."""
    return {"hasNext": False, "completed": [{"id": id, "errors": [error]} for id in sorted(waiting)]}


def _timed_out() -> dict[str, Any]:
    return render_failure(TimedOut("The answer took too long."))
