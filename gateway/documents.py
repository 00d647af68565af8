"""Documents, parsed and validated once: what a text leads to.

A text is limited (bytes, tokens, shape) before it is validated, because validation itself can be attacked. What was
found wrong is kept as well, so that repeating a bad document costs a look-up.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable

import msgspec
from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    parse,
    validate,
)

from contracts.failures import Rejected
from gateway.errors import VALIDATION_FAILED
from gateway.incremental import without_incremental
from gateway.limits import DocumentTooLarge, Limits, check_document, check_text

DOCUMENTS_KEPT_MAX = 1_000
TEXT_BYTES_KEPT_MAX = 1024 * 1024
"""Text of all kept documents; a parsed document takes some 100 times its text."""
VALIDATION_ERRORS_MAX = 10

BeforeParsing = Callable[[int], None]
"""Told the size of a text in bytes; may raise."""


def hash_of(text: str) -> str:
    """Return the SHA-256 of a document's text, in hex."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class InvalidDocument(Exception):
    """A document that is not GraphQL, or not of this schema; `errors` are safe to show to everybody.

    `document`: what was validated, of `size` characters; None where it did not come so far.
    """

    def __init__(self, errors: list[GraphQLError], document: DocumentNode | None = None, size: int = 0) -> None:
        super().__init__(errors[0].message)
        self.errors = errors
        self.document = document
        self.size = size

    @property
    def is_syntax(self) -> bool:
        """Whether it could not even be parsed."""
        return isinstance(self.errors[0], GraphQLSyntaxError)


class UndeterminedOperation(Exception):
    """The document holds no operation of that name, or several and none was named."""


class PreparedDocument(msgspec.Struct, frozen=True):
    """A parsed, limited and valid document."""

    sha256: str
    document: DocumentNode
    operations: tuple[OperationDefinitionNode, ...]
    plain: DocumentNode | None = None
    """The same without `@defer` and `@stream`, for clients that take one answer; None where it has neither."""

    def operation(self, name: str | None) -> OperationDefinitionNode:
        """Return the operation to execute: the named one, or the only one.

        Raises:
            UndeterminedOperation: it cannot be told which.
        """
        if name is None:
            if len(self.operations) == 1:
                return self.operations[0]
            raise UndeterminedOperation("Must provide operation name if query contains multiple operations.")
        for operation in self.operations:
            if operation.name and operation.name.value == name:
                return operation
        raise UndeterminedOperation("Unknown operation named by 'operationName'.")


class Documents:
    """Texts to prepared documents, the most recently used ones kept."""

    def __init__(self, schema: GraphQLSchema, limits: Limits | None = None) -> None:
        self._schema = schema
        self._limits = limits or Limits()
        self._kept: OrderedDict[str, tuple[int, PreparedDocument | Exception]] = OrderedDict()
        self._kept_bytes = 0

    def prepare(self, text: str, before_parsing: BeforeParsing | None = None) -> PreparedDocument:
        """Return the prepared document of a text; one that is not kept is parsed, unless `before_parsing` raises.

        Raises:
            InvalidDocument: a syntax or validation error.
            DocumentTooLarge: over a limit.
        """
        kept = self._kept.get(text)
        if kept is None:
            check_text(text, self._limits)
            size = len(text.encode("utf-8", "surrogatepass"))
            if before_parsing is not None:
                before_parsing(size)
            prepared = self._prepare(text, hash_of(text))
            self._keep(text, size, prepared)
        else:
            self._kept.move_to_end(text)
            prepared = kept[1]
        if isinstance(prepared, PreparedDocument):
            return prepared
        raise prepared.with_traceback(None)

    def prepare_trusted(self, text: str) -> PreparedDocument:
        """Return the prepared document of a text that was reviewed: no limits, and not kept here.

        Raises:
            InvalidDocument: a syntax or validation error.
        """
        try:
            document = parse(text)
        except GraphQLSyntaxError as error:
            raise InvalidDocument([error]) from None
        return self._validated(document, text, hash_of(text))

    def _keep(self, text: str, size: int, prepared: PreparedDocument | Exception) -> None:
        self._kept[text] = (size, prepared)
        self._kept_bytes += size
        while len(self._kept) > DOCUMENTS_KEPT_MAX or self._kept_bytes > TEXT_BYTES_KEPT_MAX:
            self._kept_bytes -= self._kept.popitem(last=False)[1][0]

    def _prepare(self, text: str, sha256: str) -> PreparedDocument | Exception:
        try:
            document = parse(text, max_tokens=self._limits.tokens)
            check_document(document, self._limits)
        except GraphQLSyntaxError as error:
            return InvalidDocument([error])
        except Rejected as error:
            # A fragment that spreads itself or does not exist is a fault like any other, and over no limit.
            is_fault = error.reason == VALIDATION_FAILED
            return InvalidDocument([GraphQLError(error.message)]) if is_fault else error
        except RecursionError:
            return DocumentTooLarge("The document is nested too deeply.")
        try:
            return self._validated(document, text, sha256)
        except InvalidDocument as invalid:
            return invalid

    def _validated(self, document: DocumentNode, text: str, sha256: str) -> PreparedDocument:
        errors = validate(self._schema, document, max_errors=VALIDATION_ERRORS_MAX, hide_suggestions=True)
        if errors:
            raise InvalidDocument(errors, document, len(text))
        operations = tuple(one for one in document.definitions if isinstance(one, OperationDefinitionNode))
        return PreparedDocument(sha256, document, operations, without_incremental(document))


def is_subscription(operation: OperationDefinitionNode) -> bool:
    """Say whether the operation is a subscription."""
    return operation.operation is OperationType.SUBSCRIPTION


def is_query(operation: OperationDefinitionNode) -> bool:
    """Say whether the operation is a query."""
    return operation.operation is OperationType.QUERY


def is_mutation(operation: OperationDefinitionNode) -> bool:
    """Say whether the operation is a mutation, which may not be sent by GET."""
    return operation.operation is OperationType.MUTATION
