"""The manifest of trusted documents: which operations the bank's own apps send, signed by whoever releases them.

    {"manifest": {"operations": [{"id", "name", "type", "text", "scopes"}, …], "format": …},
     "signature": {"keyId", "value"}}

The signature is Ed25519 over a statement: the format and the SHA-512 of the manifest's canonical bytes (msgspec's,
fields in order, operations by id), short enough for a key that stays in KMS. Pure but for `read_operation_files`. Built
by `belfry operations build`, signed by `belfry operations sign`, verified when the gateway starts.
"""

import base64
import hashlib
import re
from binascii import Error as Base64Error
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key
from graphql import GraphQLError, GraphQLSchema, OperationDefinitionNode, parse, validate

from contracts.failures import Rejected

FORMAT = "belfry-operations/2"
MANIFEST_BYTES_MAX = 16 * 1024 * 1024
SCOPES_LINE = re.compile(r"^#\s*scopes:\s*(.*)$", re.MULTILINE)
"""A comment of an operation's file that names the scopes its caller must have."""


class BadManifest(Rejected):
    """A manifest, operation or key that cannot be used; the message says which and why."""

    code = "BAD_MANIFEST"


class TrustedOperation(msgspec.Struct, frozen=True, rename="camel"):
    """One operation; `id` is `sha256:` and the hex digest of its text."""

    id: str
    name: str
    type: str
    text: str
    scopes: list[str]


class Manifest(msgspec.Struct, frozen=True, rename="camel"):
    """The operations, in the order of their ids."""

    operations: list[TrustedOperation]
    format: str = FORMAT


class Signature(msgspec.Struct, frozen=True, rename="camel"):
    """Who signed, and the signature in base64."""

    key_id: str
    value: str


class SignedManifest(msgspec.Struct, frozen=True, rename="camel"):
    """What is written to the file; not yet signed where the signature is None."""

    manifest: Manifest
    signature: Signature | None = None


HASH_PREFIX = "sha256:"


def document_id(text: str) -> str:
    """Return the id of a document's text."""
    return f"{HASH_PREFIX}{hashlib.sha256(text.encode()).hexdigest()}"


def read_operation_files(folder: Path) -> dict[str, str]:
    """Return the text of each `.graphql` file by its name.

    Raises:
        BadManifest: one cannot be read as text.
    """
    return {path.name: _text_of(path) for path in sorted(folder.glob("*.graphql"))}


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadManifest(f"{path.name}: cannot be read: {error}") from None


def build_manifest(texts: dict[str, str], schema: GraphQLSchema) -> Manifest:
    """Build the manifest of operations by file name.

    Raises:
        BadManifest: an operation does not fit the schema, is not alone in its file, or shares its name.
    """
    operations = [_operation(name, text, schema) for name, text in texts.items()]
    names = [operation.name for operation in operations]
    for name in names:
        if names.count(name) > 1:
            raise BadManifest(f"There are several operations named {name}.")
    return Manifest(sorted(operations, key=lambda operation: operation.id))


def _operation(file: str, text: str, schema: GraphQLSchema) -> TrustedOperation:
    try:
        document = parse(text)
    except GraphQLError as error:
        raise BadManifest(f"{file}: {error.message}") from None
    errors = validate(schema, document, max_errors=1)
    if errors:
        raise BadManifest(f"{file}: {errors[0].message}")
    found = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    if len(found) != 1 or found[0].name is None:
        raise BadManifest(f"{file}: must hold one operation, and that must be named.")
    line = SCOPES_LINE.search(text)
    scopes = sorted(line.group(1).replace(",", " ").split()) if line else []
    return TrustedOperation(document_id(text), found[0].name.value, found[0].operation.value, text, scopes)


def sign_manifest(manifest: Manifest, private_key: str) -> SignedManifest:
    """Sign a manifest with an Ed25519 private key (32 bytes in base64).

    Raises:
        BadManifest: that is not such a key.
    """
    key = Ed25519PrivateKey.from_private_bytes(_key_bytes(private_key))
    return with_signature(manifest, key.sign(statement_of(manifest)), public_key_of(private_key))


def statement_of(manifest: Manifest) -> bytes:
    """Return what is signed of a manifest."""
    return f"{FORMAT}\n".encode() + hashlib.sha512(msgspec.json.encode(manifest)).digest()


def with_signature(manifest: Manifest, signature: bytes, public_key: str) -> SignedManifest:
    """Return a manifest with a signature of its statement."""
    key = Ed25519PublicKey.from_public_bytes(_key_bytes(public_key))
    return SignedManifest(manifest, Signature(_key_id(key), base64.b64encode(signature).decode()))


def read_public_key(der: bytes) -> str:
    """Return a public key as it is set (base64) from how KMS tells it (SubjectPublicKeyInfo).

    Raises:
        BadManifest: it is none of Ed25519.
    """
    key = load_der_public_key(der)
    if not isinstance(key, Ed25519PublicKey):
        raise BadManifest("The key is none of Ed25519.")
    return base64.b64encode(key.public_bytes_raw()).decode()


def public_key_of(private_key: str) -> str:
    """Return the public key (base64) that verifies what a private key signs."""
    key = Ed25519PrivateKey.from_private_bytes(_key_bytes(private_key))
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


def read_manifest(data: bytes, public_key: str | None) -> Manifest:
    """Read a signed manifest and verify its signature and every id; without a key, its ids alone.

    Raises:
        BadManifest: it is not whole, not of this format, or was not signed by that key.
    """
    if len(data) > MANIFEST_BYTES_MAX:
        raise BadManifest("The manifest is too large.")
    try:
        signed = msgspec.json.decode(data, type=SignedManifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadManifest(f"The manifest cannot be read: {error}") from None
    if signed.manifest.format != FORMAT:
        raise BadManifest("The manifest is of another format.")
    if public_key is not None:
        _verify(signed, Ed25519PublicKey.from_public_bytes(_key_bytes(public_key)))
    for operation in signed.manifest.operations:
        if operation.id != document_id(operation.text):
            raise BadManifest(f"The id of {operation.name} is not that of its text.")
    return signed.manifest


def _verify(signed: SignedManifest, key: Ed25519PublicKey) -> None:
    if signed.signature is None:
        raise BadManifest("The manifest is not signed.")
    try:
        key.verify(base64.b64decode(signed.signature.value, validate=True), statement_of(signed.manifest))
    except (InvalidSignature, Base64Error, ValueError):
        raise BadManifest("The manifest was not signed by the key that is trusted.") from None


def _key_bytes(text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except (Base64Error, ValueError):
        key = b""
    if len(key) != 32:
        raise BadManifest("An Ed25519 key is 32 bytes in base64.")
    return key


def _key_id(key: Ed25519PublicKey) -> str:
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]
