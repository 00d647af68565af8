"""Facts about trusted documents and automatic persisted queries."""

import base64
import hashlib
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import strawberry

from contracts.failures import Forbidden, Rejected
from contracts.settings import BadSetting, read_settings
from gateway.document_directory import DocumentDirectory, DocumentMode, PersistedQueryNotFound, UntrustedDocument
from gateway.documents import Documents
from gateway.operations import BadRequest, Operation, read_operation
from gateway.operations_manifest import (
    BadManifest,
    SignedManifest,
    build_manifest,
    document_id,
    public_key_of,
    read_manifest,
    read_operation_files,
    sign_manifest,
)
from gateway.telemetry import UNTRUSTED
from gateway.trusted_documents import TrustedDocuments
from resolvers.principal import Principal

SIGNING_KEY = base64.b64encode(bytes(range(32))).decode()
PUBLIC_KEY = public_key_of(SIGNING_KEY)
HELLO = "query Hello { hello }"
SCOPED = "# scopes: accounts cards\nquery Scoped { item { name } }"
FILES = {"Hello.graphql": HELLO, "Scoped.graphql": SCOPED}


def principal(*scopes: str) -> Principal:
    return Principal("c1", "c1", frozenset(scopes), 0.0)


@pytest.fixture
def manifest(schema: strawberry.Schema, tmp_path: Path) -> Path:
    """A signed manifest of two operations."""
    path = tmp_path / "operations.json"
    signed = sign_manifest(build_manifest(FILES, schema._schema), SIGNING_KEY)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(signed)))
    return path


def directory(schema: strawberry.Schema, mode: DocumentMode, manifest: Path | None = None) -> DocumentDirectory:
    documents = Documents(schema._schema)
    trusted = TrustedDocuments(manifest, PUBLIC_KEY, documents) if manifest else None
    return DocumentDirectory(documents, mode=mode, trusted=trusted)


def test_only_trusted_documents_run_by_id_or_text(schema: strawberry.Schema, manifest: Path) -> None:
    """The text of a trusted document is known by its hash."""
    only = directory(schema, DocumentMode.ONLY, manifest)
    assert only.find(Operation(document_id=document_id(HELLO)), principal()).operations
    assert only.find(Operation(query=HELLO), principal()).operations


OTHERS = [Operation(query="{ hello }"), Operation(query="{"), Operation(document_id="sha256:0")]


@pytest.mark.parametrize("operation", OTHERS)
def test_nothing_else_is_even_parsed(schema: strawberry.Schema, manifest: Path, operation: Operation) -> None:
    """Valid, invalid and unknown are refused alike."""
    with pytest.raises(UntrustedDocument):
        directory(schema, DocumentMode.ONLY, manifest).find(operation, principal())


def test_a_developer_may_run_their_own(schema: strawberry.Schema, manifest: Path) -> None:
    """By scope, where others may not."""
    only = directory(schema, DocumentMode.ONLY, manifest)
    assert only.find(Operation(query="{ hello }"), principal("developer")).operations


def test_a_trusted_document_demands_its_scopes(schema: strawberry.Schema, manifest: Path) -> None:
    """All of those its file names."""
    only = directory(schema, DocumentMode.ONLY, manifest)
    operation = Operation(document_id=document_id(SCOPED))
    with pytest.raises(Forbidden):
        only.find(operation, principal("accounts"))
    assert only.find(operation, principal("accounts", "cards")).operations


def test_log_mode_counts_what_only_would_refuse(schema: strawberry.Schema, manifest: Path) -> None:
    """Texts and ids that are not trusted, known here or not; and nothing that is."""
    found = directory(schema, DocumentMode.LOG, manifest)
    unknown, before = document_id("{ item { name } }"), UNTRUSTED._value.get()
    with pytest.raises(PersistedQueryNotFound):
        found.find(Operation(document_id=unknown), principal())
    found.find(Operation(query="{ item { name } }", document_id=unknown), principal())
    found.find(Operation(document_id=unknown), principal())
    found.find(Operation(query=HELLO), principal())
    assert UNTRUSTED._value.get() == before + 3


def test_log_mode_runs_what_it_does_not_know(schema: strawberry.Schema, manifest: Path) -> None:
    """And counts it."""
    assert directory(schema, DocumentMode.LOG, manifest).find(Operation(query="{ hello }"), principal()).operations


def test_a_wrong_hash_is_refused_and_never_kept(schema: strawberry.Schema) -> None:
    """Nobody can put a text under another's hash."""
    apq = directory(schema, DocumentMode.OPEN)
    with pytest.raises(Rejected, match="not the hash"):
        apq.find(Operation(query="{ hello }", document_id=document_id("{ item { name } }")), principal())
    with pytest.raises(PersistedQueryNotFound):
        apq.find(Operation(document_id=document_id("{ item { name } }")), principal())


async def test_apollos_persisted_queries_work(client: httpx.AsyncClient) -> None:
    """Hash alone, then hash and text, then hash alone again."""
    query = "{ hello }"
    persisted = {"persistedQuery": {"version": 1, "sha256Hash": hashlib.sha256(query.encode()).hexdigest()}}

    async def ask(**more: Any) -> httpx.Response:
        return await client.post("/graphql", json={"extensions": persisted, **more})

    missing = await ask()
    assert (missing.status_code, missing.json()["errors"][0]["message"]) == (200, "PersistedQueryNotFound")
    assert (await ask(query=query)).json()["data"]["hello"]
    assert (await ask()).json()["data"]["hello"]


@pytest.mark.parametrize("key", ["documentId", "doc_id"])
async def test_a_document_is_asked_for_by_either_name(client: httpx.AsyncClient, key: str) -> None:
    """The specification's appendix, and Relay's."""
    await client.post("/graphql", json={"query": HELLO, "documentId": document_id(HELLO)})
    assert (await client.post("/graphql", json={key: document_id(HELLO)})).json()["data"]["hello"]


def test_a_changed_manifest_is_not_believed(manifest: Path) -> None:
    """Text, scopes, another key and no signature are all noticed."""
    good = manifest.read_bytes()
    signed = msgspec.json.decode(good, type=SignedManifest)
    other_key = public_key_of(base64.b64encode(bytes(32)).decode())
    assert len(read_manifest(good, PUBLIC_KEY).operations) == 2
    for data, key in [
        (good.replace(b"item", b"itum"), PUBLIC_KEY),
        (good.replace(b'"accounts"', b'"none"'), PUBLIC_KEY),
        (good, other_key),
        (msgspec.json.encode(msgspec.structs.replace(signed, signature=None)), PUBLIC_KEY),
        (good[:-20], PUBLIC_KEY),
        (b"{}", PUBLIC_KEY),
        (good.replace(b"item", b"it\xffm"), PUBLIC_KEY),
        (b'{"manifest":' * 50_000, PUBLIC_KEY),
    ]:
        with pytest.raises(BadManifest):
            read_manifest(data, key)


@pytest.mark.parametrize(
    "files",
    [
        {"a.graphql": "{ hello }"},
        {"a.graphql": "query A { nothing }"},
        {"a.graphql": "query A {"},
        {"a.graphql": "query A { hello } query B { hello }"},
        {"a.graphql": "query A { hello }", "b.graphql": "query A { item { name } }"},
    ],
)
def test_an_operation_that_cannot_be_trusted_stops_the_build(schema: strawberry.Schema, files: dict[str, str]) -> None:
    """Unnamed, unknown to the schema, broken, several in a file, one name twice."""
    with pytest.raises(BadManifest):
        build_manifest(files, schema._schema)


def test_a_new_manifest_is_taken_and_a_bad_one_is_not(schema: strawberry.Schema, manifest: Path) -> None:
    """Reloading never leaves the gateway without its operations."""
    trusted = TrustedDocuments(manifest, PUBLIC_KEY, Documents(schema._schema))
    signed = sign_manifest(build_manifest({"Hello.graphql": HELLO}, schema._schema), SIGNING_KEY)
    manifest.write_bytes(msgspec.json.encode(signed))
    trusted.reload()
    assert len(trusted) == 1
    for broken in (b"broken", b"\xff" + msgspec.json.encode(signed), b'{"manifest":' * 50_000, b""):
        manifest.write_bytes(broken)
        trusted.reload()
        assert trusted.find(document_id(HELLO))
    manifest.write_bytes(msgspec.json.encode(sign_manifest(build_manifest({}, schema._schema), SIGNING_KEY)))
    trusted.reload()
    assert len(trusted) == 0


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    """Whoever builds a manifest is told which file it is."""
    (tmp_path / "Bad.graphql").write_bytes(b"query Bad { \xff }")
    with pytest.raises(BadManifest, match=r"Bad\.graphql"):
        read_operation_files(tmp_path)


@pytest.mark.parametrize(
    "other", [{"doc_id": "b"}, {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "b"}}}]
)
def test_two_ids_that_differ_are_refused(other: dict[str, Any]) -> None:
    """Whoever looked at one of them before would have let the other pass."""
    with pytest.raises(BadRequest, match="different document ids"):
        read_operation({"documentId": "a", **other})
    assert read_operation({"documentId": "a", "doc_id": "a"}).document_id == "a"


def test_a_mode_that_needs_a_manifest_stops_without_one() -> None:
    """The settings are checked together."""
    with pytest.raises(BadSetting, match="BELFRY_DOCUMENTS_MANIFEST"):
        read_settings({"BELFRY_DOCUMENTS": "only"})
