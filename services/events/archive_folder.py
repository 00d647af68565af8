"""The archive in a folder: `<folder>/<last offset // 100 million>/<name>`, so that no folder has too many files."""

import asyncio
import os
from bisect import bisect_left
from pathlib import Path

from contracts.failures import Unavailable
from services.events.archive import Piece, lowest_name, named

SHELF_ENTRIES = 100_000_000
"""Entries of the log in a folder: some 7,000 pieces."""
RETRY_AFTER_S = 1.0


class FolderArchive:
    """`Archive` on a disk; the folder is made with the first piece, with mode 0700."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def find(self, offset: int) -> Piece | None:
        """See `Archive`."""
        return await asyncio.to_thread(self._find, offset)

    async def get(self, piece: Piece) -> bytes:
        """See `Archive`."""
        try:
            return await asyncio.to_thread(self._path(piece).read_bytes)
        except OSError as error:
            raise _unavailable(error) from error

    async def put(self, piece: Piece, file: bytes) -> None:
        """See `Archive`."""
        try:
            await asyncio.to_thread(self._put, self._path(piece), file)
        except OSError as error:
            raise _unavailable(error) from error

    def _find(self, offset: int) -> Piece | None:
        try:
            for shelf in _names(self._folder):
                if shelf.isdigit() and int(shelf) >= offset // SHELF_ENTRIES:
                    names = _names(self._folder / shelf)
                    pieces = map(named, names[bisect_left(names, lowest_name(offset)) :])
                    if (piece := next(filter(None, pieces), None)) is not None:
                        return piece
        except OSError as error:
            raise _unavailable(error) from error
        return None

    def _put(self, path: Path, file: bytes) -> None:
        for folder in (self._folder, path.parent):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = path.with_name(f"{path.name}.part")  # what a kill leaves of it is no piece, and written over
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as written:
            written.write(file)
            written.flush()
            os.fsync(written.fileno())
        part.replace(path)
        for folder in (path.parent, self._folder, self._folder.parent):
            _sync(folder)

    def _path(self, piece: Piece) -> Path:
        return self._folder / f"{piece.last // SHELF_ENTRIES:08d}" / piece.name


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unavailable(error: OSError) -> Unavailable:
    return Unavailable(
        "The archive cannot be used.", code="ARCHIVE_FAILED", detail=str(error), retry_after_s=RETRY_AFTER_S
    )
