"""The trusted documents in force: read from the signed manifest, prepared at once, read again when the file changes.

A manifest that cannot be used stops the start; while running, the last good one stays in force and the log says why.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import msgspec
import structlog

from gateway.documents import Documents, InvalidDocument, PreparedDocument
from gateway.operations_manifest import BadManifest, read_manifest

Prepare = Callable[[PreparedDocument], None]
"""Makes what executing a document needs; called on the loop, as plans are of its thread."""
Reconsider = Callable[[], Awaitable[None]]
"""Ends what runs and may run no more."""

RELOAD_S = 2.0
"""How often the file is looked at, in seconds."""

_log = structlog.get_logger(__name__)


class TrustedDocument(msgspec.Struct, frozen=True):
    """A prepared operation and the scopes its caller must have."""

    prepared: PreparedDocument
    scopes: frozenset[str]
    name: str


class TrustedDocuments:
    """Trusted documents by id."""

    def __init__(self, path: Path, public_key: str, documents: Documents) -> None:
        """Read the manifest.

        Raises:
            BadManifest: it is missing, not signed by the key, or holds an operation that does not fit the schema.
        """
        self._path = path
        self._public_key = public_key
        self._documents = documents
        self._stamp = self._stamp_now()
        self._by_id: Mapping[str, TrustedDocument] = self._read()

    def find(self, document_id: str) -> TrustedDocument | None:
        """Return the document of an id."""
        return self._by_id.get(document_id)

    def __len__(self) -> int:
        return len(self._by_id)

    async def follow(self, prepare: Prepare, reconsider: Reconsider, every_s: float = RELOAD_S) -> None:
        """Read the manifest again whenever its file changes, end what it withdraws, prepare what it adds, for ever."""
        prepared: Mapping[str, TrustedDocument] = {}
        while True:
            if self._by_id is not prepared:
                if prepared:
                    await reconsider()
                prepared = self._by_id
                for one in prepared.values():
                    prepare(one.prepared)
                    await asyncio.sleep(0)  # requests need not wait for all of them
            await asyncio.sleep(every_s)
            await asyncio.to_thread(self.reload)

    def reload(self) -> None:
        """Read the manifest again if its file changed; keep the one in force if it cannot be used."""
        try:
            stamp = self._stamp_now()
            if stamp == self._stamp:
                return
            self._stamp = stamp
            self._by_id = self._read()
        except BadManifest as error:
            _log.error("manifest not taken", reason=error.message, kept=len(self._by_id))
        else:
            _log.info("manifest read", operations=len(self._by_id))

    def _stamp_now(self) -> tuple[int, int]:
        try:
            found = self._path.stat()
        except OSError as error:
            raise BadManifest(f"The manifest cannot be read: {error.strerror}.") from None
        return found.st_mtime_ns, found.st_size

    def _read(self) -> Mapping[str, TrustedDocument]:
        try:
            manifest = read_manifest(self._path.read_bytes(), self._public_key)
        except OSError as error:
            raise BadManifest(f"The manifest cannot be read: {error.strerror}.") from None
        found = {}
        for operation in manifest.operations:
            try:
                prepared = self._documents.prepare_trusted(operation.text)
            except InvalidDocument as invalid:
                raise BadManifest(f"{operation.name} does not fit the schema: {invalid}") from None
            found[operation.id] = TrustedDocument(prepared, frozenset(operation.scopes), operation.name)
        return found
