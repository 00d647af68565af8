"""How large a document may be, measured before it is validated or executed.

One pass: every selection set is visited once, a fragment's measure is kept and added wherever it is spread, so a
kilobyte of doubled fragments costs a kilobyte's work. Only when the expanded size is within bounds is the expansion
walked, to bound what `OverlappingFieldsCanBeMerged` will do: it compares each two fields that answer under one name
(quadratic). Fragments that spread themselves or do not exist are refused here, as they would make that walk endless.
"""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

from contracts.failures import Rejected
from gateway.errors import VALIDATION_FAILED

UTF8_BYTES_MAX = 4
"""Bytes of one character at most."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of one document. The introspection query GraphiQL sends fits, with about twice its size to spare."""

    text_bytes: int = 64 * 1024
    """UTF-8 bytes of the document's text, checked before it is read."""
    tokens: int = 2_000
    """Lexical tokens; the parser stops at the next one."""
    operations: int = 20
    """Operation definitions in a document."""
    fragments: int = 60
    """Fragment definitions in a document."""
    depth: int = 20
    """Fields within each other, fragments expanded."""
    selections: int = 2_000
    """Fields, spreads and inline fragments of one operation, fragments expanded."""
    breadth: int = 200
    """Fields directly in one selection set, fragments expanded."""
    root_fields: int = 20
    """Fields directly in an operation, fragments expanded."""
    aliases: int = 60
    """Aliased fields of one operation, fragments expanded."""
    directives: int = 100
    """Directives of one operation, fragments expanded."""
    comparisons: int = 2_000
    """Pairs of fields that answer under the same name at the same place."""


class DocumentTooLarge(Rejected):
    """A document over one of the `Limits`; the message names which, its bound, and what was found."""

    code = "DOCUMENT_TOO_LARGE"


class Shape(NamedTuple):
    """The measure of a selection set with its fragments expanded."""

    depth: int = 0
    selections: int = 0
    width: int = 0
    """Fields directly in it."""
    breadth: int = 0
    """The widest selection set in it, itself included."""
    aliases: int = 0
    directives: int = 0


def check_text(text: str, limits: Limits) -> None:
    """Refuse a text over `limits.text_bytes` before any of it is read."""
    if len(text) > limits.text_bytes // UTF8_BYTES_MAX:
        _demand("bytes", len(text.encode("utf-8", "surrogatepass")), limits.text_bytes)


def check_document(document: DocumentNode, limits: Limits) -> None:
    """Refuse a parsed document that is over one of the limits.

    Raises:
        DocumentTooLarge: it is; sending it again is no use.
        Rejected: a fragment does not exist, or spreads itself.
    """
    operations = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    fragments = {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}
    _demand("operations", len(operations), limits.operations)
    _demand("fragments", sum(isinstance(one, FragmentDefinitionNode) for one in document.definitions), limits.fragments)
    ruler = _Ruler(fragments)
    for operation in operations:
        shape = ruler.measure(operation.selection_set)
        _demand("root fields", shape.width, limits.root_fields)
        _check_shape(shape, limits)
    for name in fragments.keys() - ruler.reached:
        _check_shape(ruler.fragment(name), limits)
    roots = [operation.selection_set for operation in operations]
    roots += [one.selection_set for one in fragments.values() if one.name.value not in ruler.reached]
    for root in roots:
        _demand("comparisons of equally named fields", _comparisons([root], fragments, limits), limits.comparisons)


def _check_shape(shape: Shape, limits: Limits) -> None:
    _demand("levels of depth", shape.depth, limits.depth)
    _demand("selections", shape.selections, limits.selections)
    _demand("fields in one selection set", shape.breadth, limits.breadth)
    _demand("aliases", shape.aliases, limits.aliases)
    _demand("directives", shape.directives, limits.directives)


def _demand(what: str, found: int, bound: int) -> None:
    if found > bound:
        count = str(found) if found < 10 * bound else f"more than {10 * bound}"
        raise DocumentTooLarge(f"The document has {count} {what}; at most {bound} are allowed.")


class _Ruler:
    """Measures selection sets, each fragment once."""

    def __init__(self, fragments: dict[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self._measured: dict[str, Shape] = {}
        self._open: set[str] = set()
        self.reached: set[str] = set()

    def measure(self, selection_set: SelectionSetNode | None) -> Shape:
        """Return the measure of a selection set; nothing for a field without one."""
        if selection_set is None:
            return Shape()
        depth = selections = width = breadth = aliases = directives = 0
        for selection in selection_set.selections:
            directives += len(selection.directives or ())
            if isinstance(selection, FragmentSpreadNode):
                self.reached.add(selection.name.value)
                inner = self.fragment(selection.name.value)
            elif isinstance(selection, FieldNode | InlineFragmentNode):
                inner = self.measure(selection.selection_set)
            else:
                continue
            if isinstance(selection, FieldNode):
                depth, width = max(depth, inner.depth + 1), width + 1
                aliases += selection.alias is not None
            else:
                depth, width = max(depth, inner.depth), width + inner.width
            selections += inner.selections + 1
            breadth = max(breadth, inner.breadth)
            aliases += inner.aliases
            directives += inner.directives
        return Shape(depth, selections, width, max(breadth, width), aliases, directives)

    def fragment(self, name: str) -> Shape:
        """Return the kept measure of a fragment.

        Raises:
            Rejected: it does not exist, or spreads itself.
        """
        found = self._measured.get(name)
        if found is None:
            if name not in self._fragments or name in self._open:
                problem = "spreads itself" if name in self._open else "does not exist"
                raise Rejected(f"The fragment '{name}' {problem}.", code=VALIDATION_FAILED)
            self._open.add(name)
            found = self._measured[name] = self.measure(self._fragments[name].selection_set)
            self._open.remove(name)
        return found


def _comparisons(
    merged: Iterable[SelectionSetNode], fragments: dict[str, FragmentDefinitionNode], limits: Limits
) -> int:
    """Count the pairs of equally named fields in selection sets that answer at one place, and below it.

    Visits each expanded selection once; the caller has bounded those and excluded cycles.
    """
    named: dict[str, list[FieldNode]] = {}
    _gather(merged, fragments, named)
    pairs = 0
    for fields in named.values():
        pairs += len(fields) * (len(fields) - 1) // 2
        if pairs > limits.comparisons:
            return pairs
        inner = [field.selection_set for field in fields if field.selection_set]
        if inner:
            pairs += _comparisons(inner, fragments, limits)
    return pairs


def _gather(
    selection_sets: Iterable[SelectionSetNode],
    fragments: dict[str, FragmentDefinitionNode],
    named: dict[str, list[FieldNode]],
) -> None:
    for selection_set in selection_sets:
        for selection in selection_set.selections:
            if isinstance(selection, FieldNode):
                named.setdefault((selection.alias or selection.name).value, []).append(selection)
            elif isinstance(selection, InlineFragmentNode):
                _gather([selection.selection_set], fragments, named)
            elif isinstance(selection, FragmentSpreadNode):
                _gather([fragments[selection.name.value].selection_set], fragments, named)
