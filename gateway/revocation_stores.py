"""Where revocations are kept: a file of the data folder, or (for one process's life only) memory."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import msgspec


class Revocation(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """A token's id, or a customer and the moment (UNIX seconds) up to which tokens were issued."""

    token_id: str | None = None
    customer_id: str | None = None
    issued_before: float | None = None
    revoked_at: float = 0.0


Fresh = Callable[[list[Revocation]], list[Revocation]]


class RevocationStore(Protocol):
    """What a store does."""

    def read(self) -> list[Revocation]:
        """Return all that was added and not left out since, in order."""
        ...

    def compact(self, fresh: Fresh) -> list[Revocation]:
        """Hold what `fresh` returns of what is held, and return it."""
        ...

    def version(self) -> object:
        """Return what differs from the time before when others may have added something."""
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

    def compact(self, fresh: Fresh) -> list[Revocation]:
        """Hold what is fresh."""
        self._kept = fresh(self._kept)
        return list(self._kept)

    def version(self) -> object:
        """Nobody else adds to it."""
        return None

    def add(self, revocation: Revocation) -> None:
        """Add one."""
        self._kept.append(revocation)


class RevocationFile:
    """A store of one JSON object a line, appended and synced; for several processes on one disk."""

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

    def compact(self, fresh: Fresh) -> list[Revocation]:
        """Replace the file as a whole where it holds anything else."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._alone():
            kept = fresh(self.read())
            content = b"".join(msgspec.json.encode(one) + b"\n" for one in kept)
            if not self._path.is_file() or self._path.read_bytes() != content:
                written = self._path.with_suffix(f".{os.getpid()}")
                _write(written, content, os.O_TRUNC)
                written.replace(self._path)
        return kept

    def version(self) -> object:
        """Return what the file system says of the file."""
        try:
            state = self._path.stat()
        except FileNotFoundError:
            return None
        return state.st_ino, state.st_size

    def add(self, revocation: Revocation) -> None:
        """Append a line and sync it; what a crash of another process left of one is cut off."""
        with self._alone():
            self._cut_torn_line()
            _write(self._path, msgspec.json.encode(revocation) + b"\n", os.O_APPEND)

    def _cut_torn_line(self) -> None:
        """Read one byte for each revocation added, and the whole file only after a crash."""
        try:
            with self._path.open("rb") as file:
                if not file.seek(0, os.SEEK_END):
                    return
                file.seek(-1, os.SEEK_END)
                if file.read() == b"\n":
                    return
        except FileNotFoundError:
            return
        os.truncate(self._path, self._path.read_bytes().rfind(b"\n") + 1)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other processes from writing."""
        descriptor = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


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
