"""From what a client sends, text or id, to the document that runs: the three modes, and automatic persisted queries.

open  any document within the limits; texts are kept under their hash for clients that then send the hash alone (APQ)
log   the same, but a document that is not trusted is logged and counted: what `only` would refuse
only  trusted documents, by id or by a text whose hash is trusted; other text is not even parsed, but for developers
"""

from collections import OrderedDict
from enum import StrEnum

import structlog

from contracts.failures import Forbidden, Rejected
from contracts.scopes import TokenScope
from gateway.documents import BeforeParsing, Documents, PreparedDocument
from gateway.errors import MISSING_SCOPE
from gateway.limits import Limits, check_text
from gateway.operations import Operation
from gateway.operations_manifest import document_id
from gateway.telemetry import UNTRUSTED
from gateway.trusted_documents import TrustedDocument, TrustedDocuments
from resolvers.principal import Principal

LIMITS = Limits()
TEXTS_KEPT_MAX = 2_000
TEXT_BYTES_KEPT_MAX = 4 * 1024 * 1024
"""Texts kept for automatic persisted queries, least recently used ones dropped first."""

_log = structlog.get_logger(__name__)


class DocumentMode(StrEnum):
    """Which documents run, by the setting `documents`."""

    OPEN = "open"
    LOG = "log"
    ONLY = "only"


class PersistedQueryNotFound(Exception):
    """An id that is not known: the client is expected to send the text."""


class UntrustedDocument(Forbidden):
    """A document that is not in the manifest, in mode `only`."""

    code = "UNTRUSTED_DOCUMENT"


class DocumentDirectory:
    """Finds the document of an operation."""

    def __init__(
        self, documents: Documents, *, mode: DocumentMode = DocumentMode.OPEN, trusted: TrustedDocuments | None = None
    ) -> None:
        self._documents = documents
        self._mode = mode
        self._trusted = trusted
        self._takes_any = mode is DocumentMode.OPEN and trusted is None
        self._texts: OrderedDict[str, str] = OrderedDict()
        self._text_bytes = 0

    def find(
        self, operation: Operation, principal: Principal, before_parsing: BeforeParsing | None = None
    ) -> PreparedDocument:
        """Return the document an operation is about.

        Raises:
            InvalidDocument: syntax or validation.
            PersistedQueryNotFound: the id is not known.
            UntrustedDocument: only trusted documents run.
            Forbidden: the caller lacks a scope that the trusted document demands.
            Rejected: over a limit, or the id is not that of the text beside it.
        """
        id, text = operation.document_id, operation.query
        if id is None and text is not None and self._takes_any:
            return self._documents.prepare(text, before_parsing)
        if text is not None:
            check_text(text, LIMITS)
            hashed = document_id(text)
            if id is not None and id != hashed:
                raise Rejected("The document id is not the hash of the query.", code="PERSISTED_QUERY_MISMATCH")
        else:
            hashed = id or ""
        trusted = self._find_trusted(hashed, principal)
        return self._untrusted(hashed, text, before_parsing, keep=id is not None) if trusted is None else trusted

    def demand(self, operation: Operation, principal: Principal) -> None:
        """Let a caller with a renewed token go on with an operation that was found.

        Raises:
            UntrustedDocument: its document was withdrawn meanwhile.
            Forbidden: the new token lacks a scope that the trusted document demands.
        """
        text = operation.query
        self._find_trusted(document_id(text) if text is not None else operation.document_id or "", principal)

    def _find_trusted(self, hashed: str, principal: Principal) -> PreparedDocument | None:
        trusted = self._trusted.find(hashed) if self._trusted is not None else None
        if trusted is not None:
            return self._demand_scopes(trusted, principal)
        if self._mode is DocumentMode.ONLY and TokenScope.DEVELOPER not in principal.scopes:
            raise UntrustedDocument("Only documents of the app run here.")
        return None

    def _demand_scopes(self, trusted: TrustedDocument, principal: Principal) -> PreparedDocument:
        missing = trusted.scopes - principal.scopes
        if missing:
            raise Forbidden("The token lacks a scope this operation needs.", code=MISSING_SCOPE)
        return trusted.prepared

    def _untrusted(
        self, hashed: str, text: str | None, before_parsing: BeforeParsing | None, *, keep: bool
    ) -> PreparedDocument:
        if self._mode is not DocumentMode.OPEN:
            UNTRUSTED.inc()
            _log.warning("untrusted document", document=hashed)
        found = self._texts.get(hashed) if text is None else text
        if found is None:
            raise PersistedQueryNotFound
        prepared = self._documents.prepare(found, before_parsing)
        if keep:
            self._keep(hashed, found)
        return prepared

    def _keep(self, hashed: str, text: str) -> None:
        if hashed not in self._texts:
            self._texts[hashed] = text
            self._text_bytes += len(text)
        self._texts.move_to_end(hashed)
        while len(self._texts) > TEXTS_KEPT_MAX or self._text_bytes > TEXT_BYTES_KEPT_MAX:
            self._text_bytes -= len(self._texts.popitem(last=False)[1])
