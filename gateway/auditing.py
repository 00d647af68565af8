"""What becomes an audit record: the one seam between the edge and the audit log.

Mutations and refusals wait until their record is durable; where that is impossible they fail (and a mutation is not
even begun). Alerts shown do not wait, but while what was shown cannot be written nothing more is shown: queries fail,
streams wait. Requests without a valid token do not wait: what the full line, or the bound on strangers, keeps out is
counted. What resolvers did comes from the request's trail, never from the answer, which a client shapes.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from sys import intern
from typing import Any, Protocol

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)
from prometheus_client import Counter

from contracts.audit import AuditKind, AuditRecord, Showing
from contracts.failures import BadCursor, Failure, Overloaded, Unauthenticated, Unavailable
from gateway.audit import AuditLog
from gateway.callers import Caller
from gateway.documents import PreparedDocument, is_mutation
from gateway.operations import Operation
from gateway.operations_manifest import document_id
from resolvers.trails import Trail

DONE = "DONE"
CLIENT_TEXT_MAX = 100
"""Characters kept of what a client chose itself, such as an operation's name."""
STRANGERS_PER_S_MAX = 20
"""Records a second of requests without a valid token: nobody may fill the disk without one."""
REFUSALS = frozenset({BadCursor.code})
"""Codes of an answer's errors that are refusals."""

DROPPED = Counter("belfry_gateway_audit_dropped", "Audit records that were not written, by kind.", ["kind"])


class Witnessed(Protocol):
    """A context whose resolvers leave a trail."""

    @property
    def trail(self) -> Trail: ...


class Auditor:
    """Makes audit records and puts them in line."""

    def __init__(self, log: AuditLog, clock: Callable[[], float] = time.monotonic) -> None:
        self.log = log
        self._clock = clock
        self._strangers = (0, 0)

    async def begin(self, prepared: PreparedDocument, node: OperationDefinitionNode, caller: Caller) -> None:
        """Let a mutation begin, only when its record can be expected to be written.

        Raises:
            Overloaded: too many records wait; nothing was done, may be retried.
            Unavailable: the disk still fails; nothing was done, may be retried.
        """
        if self.log.full:
            raise Overloaded("Too much is going on.", code="AUDIT_OVERLOADED", retry_after_s=1.0)
        if self.log.failing:
            await self.log.record(_record(AuditKind.INTENT, "", caller, prepared, node))

    async def answered(
        self,
        prepared: PreparedDocument,
        node: OperationDefinitionNode,
        caller: Caller,
        context: Witnessed,
        payload: Mapping[str, Any],
    ) -> None:
        """Record what an operation did and showed, before its answer leaves.

        Raises:
            Overloaded, Unavailable: a mutation's record could not be written, or it is a query that shows alerts while
                those shown before cannot be written.
        """
        codes = {error["extensions"]["code"] for error in payload.get("errors", ())}
        if is_mutation(node):
            outcome = ",".join(sorted(codes.union(context.trail.refusals))) or DONE
            await self.log.record(
                _record(AuditKind.MUTATION, outcome, caller, prepared, node, subjects=context.trail.subjects)
            )
        elif refused := codes & REFUSALS:
            self._note(_record(AuditKind.REFUSAL, ",".join(sorted(refused)), caller, prepared, node))
        self.showed(prepared, node, caller, context)

    def showed(
        self, prepared: PreparedDocument, node: OperationDefinitionNode, caller: Caller, context: Witnessed
    ) -> None:
        """Record the alerts that an answer or a part of one holds, before it leaves.

        Raises:
            Unavailable: those shown before cannot be written now; may be retried. A mutation is done and does not fail.
        """
        alerts = context.trail.take_alerts()
        if not alerts:
            return
        if self.log.holding and not is_mutation(node):
            raise Unavailable("The gateway cannot do this now.", code="AUDIT_FAILED", retry_after_s=1.0)
        self.streamed(prepared, node, caller, sorted(root_fields(prepared, node)))(alerts)

    def streamed(
        self, prepared: PreparedDocument, node: OperationDefinitionNode, caller: Caller, actions: list[str]
    ) -> Callable[[list[str]], None]:
        """Return what records the alerts (global ids) that an operation's answers hold; `actions`: its root fields."""
        return _Showings(self.log, caller, actions, _name_of(node), intern(f"sha256:{prepared.sha256}"))

    async def refused(self, operation: Operation, caller: Caller, refusal: Failure) -> None:
        """Record an operation that its caller may not run; the refusal's detail names the fields.

        Raises:
            Overloaded, Unavailable: the record could not be written.
        """
        document = document_id(operation.query) if operation.query is not None else operation.document_id
        await self.log.record(
            AuditRecord(
                kind=AuditKind.REFUSAL,
                outcome=refusal.reason,
                customer_id=caller.principal.customer_id,
                token_id=caller.principal.token_id or "",
                trace_id=caller.trace_id,
                actions=(refusal.detail or "").split(",") if refusal.detail else [],
                operation=(operation.operation_name or "")[:CLIENT_TEXT_MAX],
                document=(document or "")[:CLIENT_TEXT_MAX],
            )
        )

    def stranger(self, trace_id: str, refusal: Unauthenticated) -> None:
        """Record a request without a valid token, as long as there are not too many."""
        second, count = int(self._clock()), self._strangers[1]
        self._strangers = (second, count + 1 if second == self._strangers[0] else 1)
        record = AuditRecord(kind=AuditKind.REFUSAL, outcome=refusal.reason, trace_id=trace_id)
        if self._strangers[1] > STRANGERS_PER_S_MAX:
            DROPPED.labels(record.kind.value).inc()
        else:
            self._note(record)

    def _note(self, record: AuditRecord) -> None:
        try:
            self.log.note(record)
        except Overloaded:
            DROPPED.labels(record.kind.value).inc()


class _Showings:
    """Records what one operation shows; no closure, as those cost an idle stream three times as much."""

    __slots__ = ("_actions", "_caller", "_document", "_log", "_operation")

    def __init__(self, log: AuditLog, caller: Caller, actions: list[str], operation: str, document: str) -> None:
        self._log = log
        self._caller = caller
        self._actions = actions
        self._operation = operation
        self._document = document

    def __call__(self, alerts: list[str]) -> None:
        principal, trace_id = self._caller.principal, self._caller.trace_id
        shown = (principal.customer_id, principal.token_id or "", trace_id, alerts, self._actions)
        self._log.show(Showing(*shown, self._operation, self._document))


def _record(
    kind: AuditKind,
    outcome: str,
    caller: Caller,
    prepared: PreparedDocument,
    node: OperationDefinitionNode,
    *,
    subjects: Iterable[str] = (),
) -> AuditRecord:
    return AuditRecord(
        kind=kind,
        outcome=outcome,
        customer_id=caller.principal.customer_id,
        token_id=caller.principal.token_id or "",
        trace_id=caller.trace_id,
        actions=sorted(root_fields(prepared, node)),
        subjects=list(subjects),
        operation=_name_of(node),
        document=f"sha256:{prepared.sha256}",
    )


def _name_of(node: OperationDefinitionNode) -> str:
    return (node.name.value if node.name else "")[:CLIENT_TEXT_MAX]


def root_fields(prepared: PreparedDocument, node: OperationDefinitionNode) -> set[str]:
    """Return the root fields of an operation by their names in the schema; each fragment is looked into once."""
    fragments = {
        one.name.value: one for one in prepared.document.definitions if isinstance(one, FragmentDefinitionNode)
    }
    names: set[str] = set()

    def gather(selection_set: SelectionSetNode) -> None:
        for selection in selection_set.selections:
            if isinstance(selection, FieldNode):
                names.add(selection.name.value)
            elif isinstance(selection, FragmentSpreadNode):
                fragment = fragments.pop(selection.name.value, None)
                if fragment is not None:
                    gather(fragment.selection_set)
            elif isinstance(selection, InlineFragmentNode):
                gather(selection.selection_set)

    gather(node.selection_set)
    return names
