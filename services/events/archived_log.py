"""The log read from its archive, page by page; the pieces read last stay unpacked, for the readers' next pages."""

import asyncio
import re
from array import array
from bisect import bisect_right

from contracts.failures import Unavailable
from services.events.archive import Archive, Piece, unpack
from services.events.log_pages import READ_BYTES_MAX, LogPage

PIECES_KEPT = 3
"""Pieces of some 8 MiB in memory, one for each reader that may be far behind: two consumers, and what forgets."""

_ENDS = re.compile(rb"\n")


class _Opened:
    """An unpacked piece, and where its lines end."""

    def __init__(self, piece: Piece, file: bytes) -> None:
        self.piece = piece
        self._lines = unpack(piece, file)
        self._ends = array("I", [0, *(found.end() for found in _ENDS.finditer(self._lines))])

    def page(self, after: int, limit: int) -> LogPage:
        start = after + 1 - self.piece.first
        end = min(start + limit, len(self._ends) - 1)
        end = max(start + 1, min(end, bisect_right(self._ends, self._ends[start] + READ_BYTES_MAX) - 1))
        return LogPage(self._lines[self._ends[start] : self._ends[end]], end - start, after + end - start)


class ArchivedLog:
    """Reads what is in an archive."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._opened: list[_Opened] = []  # the one used last at the end
        self._opening = asyncio.Lock()

    async def page(self, after: int, limit: int) -> LogPage:
        """Return the entries after an offset: at least one, at most `limit`.

        Raises:
            Unavailable: the archive does not answer, or does not have them (`LOG_HOLE`, `ARCHIVE_DAMAGED`).
        """
        async with self._opening:  # readers who ask for the same piece get the same
            opened = self._known(after + 1) or await self._open(after + 1)
            self._opened = [*(one for one in self._opened if one is not opened), opened][-PIECES_KEPT:]
        return opened.page(after, limit)

    def _known(self, offset: int) -> _Opened | None:
        return next((one for one in self._opened if one.piece.first <= offset <= one.piece.last), None)

    async def _open(self, offset: int) -> _Opened:
        piece = await self._archive.find(offset)
        if piece is None or piece.first > offset:
            raise Unavailable(
                "An entry of the log is not in its archive.", code="LOG_HOLE", detail=f"no entry {offset}"
            )
        return await asyncio.to_thread(_Opened, piece, await self._archive.get(piece))
