"""Incremental delivery: what `@defer` and `@stream` hold back, rendered as it becomes ready.

graphql-core answers in the current format (`pending`, `incremental` by id, `completed`). Clients that ask for
`deferSpec=20220824`, which Apollo's do, get each piece by path and label instead; `LegacyFormat` translates.
Clients that do not ask are given documents without the two directives (`without_incremental`), hence one plain answer.
"""

from collections.abc import Iterable
from typing import Any

from graphql import REMOVE, DirectiveNode, DocumentNode, FieldNode, GraphQLError, Visitor, visit
from graphql.execution import (
    CompletedResult,
    IncrementalResult,
    IncrementalStreamResult,
    InitialIncrementalExecutionResult,
    PendingResult,
    SubsequentIncrementalExecutionResult,
    get_directive_values,
)
from graphql.type import GraphQLStreamDirective

from gateway.errors import render_errors

DIRECTIVES = frozenset({"defer", "stream"})
Payload = dict[str, Any]


class _Stripper(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.found = False

    def enter_directive(self, node: DirectiveNode, *_: Any) -> Any:
        """Take the directive out when it is one of the two."""
        if node.name.value in DIRECTIVES:
            self.found = True
            return REMOVE
        return None


def without_incremental(document: DocumentNode) -> DocumentNode | None:
    """Return the document without `@defer` and `@stream`; None where it has neither."""
    stripper = _Stripper()
    stripped: DocumentNode = visit(document, stripper)
    return stripped if stripper.found else None


def impossible_streams(document: DocumentNode, variables: Any) -> list[GraphQLError]:
    """Return what is wrong with the arguments of `@stream` in a document, with the coerced variables of an operation.

    graphql-core looks at them only while it executes, and fails as if the fault were the server's.
    """
    reader = _StreamReader(variables)
    visit(document, reader)
    return reader.errors


class _StreamReader(Visitor):
    def __init__(self, variables: Any) -> None:
        super().__init__()
        self._variables = variables
        self.errors: list[GraphQLError] = []

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        """Look at the directive of a field where it has one."""
        if not any(directive.name.value == "stream" for directive in node.directives or ()):
            return
        try:
            values = get_directive_values(GraphQLStreamDirective, node, self._variables) or {}
        except GraphQLError as error:
            self.errors.append(error)
            return
        count = values.get("initialCount")
        if values.get("if") is not False and (count is None or count < 0):
            self.errors.append(GraphQLError("The initialCount of @stream is a number from 0.", node))


def render_initial(result: InitialIncrementalExecutionResult, trace_id: str) -> Payload:
    """Render the first answer."""
    payload: Payload = {"data": result.data, "pending": _pending(result.pending), "hasNext": result.has_next}
    if result.errors:
        payload["errors"] = render_errors(result.errors, trace_id)
    return payload


def render_subsequent(result: SubsequentIncrementalExecutionResult, trace_id: str) -> Payload:
    """Render a later answer."""
    payload: Payload = {"hasNext": result.has_next}
    if result.pending:
        payload["pending"] = _pending(result.pending)
    if result.incremental:
        payload["incremental"] = [_piece(piece, trace_id) for piece in result.incremental]
    if result.completed:
        payload["completed"] = [_completed(one, trace_id) for one in result.completed]
    return payload


def _pending(pending: Iterable[PendingResult]) -> list[Payload]:
    return [
        {"id": one.id, "path": one.path, **({"label": one.label} if one.label is not None else {})} for one in pending
    ]


def _piece(piece: IncrementalResult, trace_id: str) -> Payload:
    shown: Payload = {"id": piece.id}
    if piece.sub_path:
        shown["subPath"] = piece.sub_path
    if isinstance(piece, IncrementalStreamResult):
        shown["items"] = piece.items
    else:
        shown["data"] = piece.data
    if piece.errors:
        shown["errors"] = render_errors(piece.errors, trace_id)
    return shown


def _completed(one: CompletedResult, trace_id: str) -> Payload:
    return {"id": one.id, **({"errors": render_errors(one.errors, trace_id)} if one.errors else {})}


class LegacyFormat:
    """Translates the answers of one operation to `deferSpec=20220824`."""

    def __init__(self) -> None:
        self._pending: dict[str, Payload] = {}
        self._data: Any = None

    def translate(self, payload: Payload) -> Payload:
        """Translate the next answer; they must come in order."""
        for one in payload.get("pending", ()):
            self._pending[one["id"]] = one
        if "data" in payload:
            self._data = payload["data"]
        translated: Payload = {key: payload[key] for key in ("data", "errors", "hasNext") if key in payload}
        pieces = [self._piece(piece) for piece in payload.get("incremental", ())]
        pieces += [self._failed(one) for one in payload.get("completed", ()) if "errors" in one]
        for one in payload.get("completed", ()):
            self._pending.pop(one["id"], None)
        if pieces:
            translated["incremental"] = pieces
        return translated

    def _piece(self, piece: Payload) -> Payload:
        shown = self._place(piece["id"], piece.get("subPath", []))
        # Pieces are put where they belong, so that the index of the next streamed item is the length of its list.
        target = self._data
        for step in shown["path"]:
            target = target[step]
        if "items" in piece:
            shown["path"] = [*shown["path"], len(target)]
            shown["items"] = piece["items"]
            target.extend(piece["items"])
        else:
            shown["data"] = piece["data"]
            target.update(piece["data"])
        if "errors" in piece:
            shown["errors"] = piece["errors"]
        return shown

    def _failed(self, one: Payload) -> Payload:
        return {**self._place(one["id"], []), "data": None, "errors": one["errors"]}

    def _place(self, id: str, sub_path: list[str | int]) -> Payload:
        pending = self._pending[id]
        place: Payload = {"path": [*pending["path"], *sub_path]}
        if "label" in pending:
            place["label"] = pending["label"]
        return place
