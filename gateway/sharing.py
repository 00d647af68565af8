"""Who may get the same bytes of a live event: what two subscriptions must have in common."""

import hashlib
from collections import OrderedDict
from typing import Any, NamedTuple

import msgspec
from graphql import FieldNode, FragmentDefinitionNode, Node, OperationDefinitionNode, VariableNode, Visitor, visit

from gateway.auditing import root_fields
from gateway.documents import PreparedDocument
from resolvers.principal import Principal

SHAPES_KEPT_MAX = 1_000


class Shape(NamedTuple):
    """What is known of a subscription's operation, whoever runs it."""

    variables: frozenset[str]
    """Those its answers depend on; arguments of the root field only decide which events there are."""
    actions: list[str]


class Shapes:
    """The shapes of the operations subscribed to most recently."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str | None], Shape] = OrderedDict()

    def of(self, prepared: PreparedDocument, node: OperationDefinitionNode) -> Shape:
        """Return the shape of an operation of a document."""
        key = (prepared.sha256, node.name.value if node.name else None)
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = Shape(_variables_below(prepared, node), sorted(root_fields(prepared, node)))
            if len(self._kept) > SHAPES_KEPT_MAX:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(key)
        return found


def _variables_below(prepared: PreparedDocument, node: OperationDefinitionNode) -> frozenset[str]:
    """Return the variables used anywhere but as arguments of a root field."""
    used = _Variables()
    for selection in node.selection_set.selections:
        parts: list[Node | None] = [selection]
        if isinstance(selection, FieldNode):
            parts = [selection.selection_set, *(selection.directives or ())]
        for part in parts:
            if part is not None:
                visit(part, used)
    for fragment in prepared.document.definitions:
        if isinstance(fragment, FragmentDefinitionNode):
            visit(fragment, used)
    return frozenset(used.names)


class _Variables(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_variable(self, node: VariableNode, *_: Any) -> None:
        """Note a use."""
        self.names.add(node.name.value)


def sharing_key(prepared: PreparedDocument, name: str | None, variables: dict[str, Any], audience: Principal) -> bytes:
    """Return what two subscriptions must have in common to get the same bytes."""
    parts = [prepared.sha256, name, sorted(variables.items()), audience.customer_id, sorted(audience.scopes)]
    return hashlib.sha256(msgspec.json.encode(parts)).digest()
