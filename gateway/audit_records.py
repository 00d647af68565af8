"""What the audit record says of a mutation, a refusal and an alert shown. Pure."""

from typing import Any

from graphql import OperationDefinitionNode

from contracts.failures import Failure
from gateway.audit import CLIENT_TEXT_MAX, AuditKind, AuditRecord
from gateway.callers import Caller
from gateway.documents import PreparedDocument
from gateway.operations import Operation

Payload = dict[str, Any]
DONE = "DONE"


def mutation_record(
    prepared: PreparedDocument, node: OperationDefinitionNode, caller: Caller, payload: Payload
) -> AuditRecord:
    """Return the record of an executed mutation: done, or the codes of its errors."""
    codes = sorted({error["extensions"]["code"] for error in payload.get("errors", ())})
    return _record(AuditKind.MUTATION, prepared, node, caller, ",".join(codes) or DONE, [])


def alert_record(
    prepared: PreparedDocument, node: OperationDefinitionNode, caller: Caller, payload: Payload
) -> AuditRecord | None:
    """Return the record of an alert in a subscription's answer; None where it holds none."""
    data = payload.get("data") or {}
    root = next(iter(data.values()), None)
    if not (isinstance(root, dict) and isinstance(alert := root.get("alert"), dict)):
        return None
    shown = [one for one in (alert.get("id"), root.get("cursor")) if isinstance(one, str)]
    return _record(AuditKind.ALERT_SHOWN, prepared, node, caller, DONE, shown)


def refusal_record(operation: Operation, caller: Caller, refusal: Failure) -> AuditRecord:
    """Return the record of an operation its caller may not run."""
    return AuditRecord(
        kind=AuditKind.REFUSAL,
        customer_id=caller.principal.customer_id,
        token_id=caller.principal.token_id or "",
        trace_id=caller.trace_id,
        outcome=refusal.reason,
        operation=(operation.operation_name or "")[:CLIENT_TEXT_MAX],
        document=(operation.document_id or "")[:CLIENT_TEXT_MAX],
    )


def _record(
    kind: AuditKind,
    prepared: PreparedDocument,
    node: OperationDefinitionNode,
    caller: Caller,
    outcome: str,
    subject_ids: list[str],
) -> AuditRecord:
    return AuditRecord(
        kind=kind,
        customer_id=caller.principal.customer_id,
        token_id=caller.principal.token_id or "",
        trace_id=caller.trace_id,
        outcome=outcome,
        operation=(node.name.value if node.name else "")[:CLIENT_TEXT_MAX],
        document=f"sha256:{prepared.sha256}",
        subject_ids=subject_ids,
    )
