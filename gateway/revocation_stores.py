"""Where revocations are kept: a file of the data folder, or (for one process's life only) memory."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import msgspec


class Revocation(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """A token's id, or a customer and the moment (UNIX seconds) up to which tokens were issued."""

    token_id: str | None = None
    customer_id: str | None = None
    issued_before: float | None = None
    revoked_at: float = 0.0


class RevocationStore(Protocol):
    """What a store does."""

    def read(self) -> list[Revocation]:
        """Return all that was added and not left out by a rewrite, in order."""
        ...

    def rewrite(self, revocations: Iterable[Revocation]) -> None:
        """Hold these and no others."""
        ...

    def add(self, revocation: Revocation) -> None:
        """Add one; it is durable on return.

        Raises:
            OSError: it was not added.
        """
        ...


class RevocationMemory:
    """A store that ends with its process."""

    def __init__(self) -> None:
        self._kept: list[Revocation] = []

    def read(self) -> list[Revocation]:
        """Return all."""
        return list(self._kept)

    def rewrite(self, revocations: Iterable[Revocation]) -> None:
        """Hold these."""
        self._kept = list(revocations)

    def add(self, revocation: Revocation) -> None:
        """Add one."""
        self._kept.append(revocation)


class RevocationFile:
    """A store of one JSON object a line, appended and synced."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> list[Revocation]:
        """Return all whole lines: one that a crash cut short was never acknowledged.

        Raises:
            msgspec.MsgspecError: a whole line is damaged; better no start than a forgotten revocation.
        """
        try:
            lines = self._path.read_bytes().split(b"\n")[:-1]
        except FileNotFoundError:
            return []
        return [msgspec.json.decode(line, type=Revocation) for line in lines]

    def rewrite(self, revocations: Iterable[Revocation]) -> None:
        """Replace the file as a whole."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        written = self._path.with_suffix(f".{os.getpid()}")
        _write(written, b"".join(msgspec.json.encode(one) + b"\n" for one in revocations), os.O_TRUNC)
        written.replace(self._path)

    def add(self, revocation: Revocation) -> None:
        """Append a line and sync it."""
        _write(self._path, msgspec.json.encode(revocation) + b"\n", os.O_APPEND)


def _write(path: Path, data: bytes, flag: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | flag, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        size = os.fstat(descriptor).st_size
        try:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, size)  # half a line would damage the next one
            raise
