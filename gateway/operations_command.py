"""What `belfry operations build | sign | verify` does; cli.py reads the arguments.

The private key stays in KMS, or comes from the environment (`OPERATIONS_SIGNING_KEY`, 32 bytes in base64: `openssl rand
-base64 32` makes one), never from an argument. A manifest is replaced as a whole, so that a gateway that follows it
never reads half of one.
"""

import asyncio
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from aws.signing_keys import sign_in_kms
from gateway.operations_manifest import (
    BadManifest,
    Manifest,
    SignedManifest,
    build_manifest,
    public_key_of,
    read_manifest,
    read_operation_files,
    read_public_key,
    sign_manifest,
    statement_of,
    with_signature,
)
from schema.build import build_schema

SIGNING_KEY = "OPERATIONS_SIGNING_KEY"
OPERATIONS_DIR = Path(__file__).parent.parent / "schema" / "operations"


def build(folder: Path, manifest: Path) -> Manifest:
    """Write the unsigned manifest of a folder's operations.

    Raises:
        BadManifest: an operation cannot be used, there is none, or the file cannot be written.
    """
    files = read_operation_files(folder)
    if not files:
        raise BadManifest(f"{folder}: no *.graphql files there.")
    built = build_manifest(files, build_schema()._schema)  # noqa: SLF001 (no public way to it)
    _write(manifest, SignedManifest(built))
    return built


def sign(manifest: Path, environ: Mapping[str, str]) -> str:
    """Sign a manifest in place and return the public key that verifies it.

    Raises:
        BadManifest: there is no key in the environment, or no manifest.
    """
    key = environ.get(SIGNING_KEY, "")
    if not key:
        raise BadManifest(f"{SIGNING_KEY} is not set: 32 bytes in base64.")
    _write(manifest, sign_manifest(read_manifest(_read(manifest), None), key))
    return public_key_of(key)


def sign_by_kms(manifest: Path, key: str) -> str:
    """Sign a manifest in place with a key that stays in KMS, and return the public key that verifies it.

    Raises:
        BadManifest: there is no manifest, or the key is none of Ed25519.
        NotFound, Overloaded, Unavailable: KMS does not sign.
    """
    unsigned = read_manifest(_read(manifest), None)
    signed = asyncio.run(sign_in_kms(key, statement_of(unsigned)))
    public_key = read_public_key(signed.public_key)
    _write(manifest, with_signature(unsigned, signed.signature, public_key))
    return public_key


def verify(manifest: Path, public_key: str) -> Manifest:
    """Return a manifest whose signature is good.

    Raises:
        BadManifest: it is not.
    """
    return read_manifest(_read(manifest), public_key)


def operation_lines(manifest: Manifest) -> Iterable[str]:
    """Return what people read of a manifest: an operation a line, by name."""
    for operation in sorted(manifest.operations, key=lambda operation: operation.name):
        scopes = f"  scopes: {' '.join(operation.scopes)}" if operation.scopes else ""
        yield f"{operation.id}  {operation.type} {operation.name}{scopes}"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadManifest(f"{path}: {error.strerror}.") from None


def _write(path: Path, signed: SignedManifest) -> None:
    written = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        written.write_bytes(msgspec.json.format(msgspec.json.encode(signed), indent=2) + b"\n")
        written.replace(path)
    except OSError as error:
        raise BadManifest(f"{path}: {error.strerror}.") from None
    finally:
        written.unlink(missing_ok=True)
