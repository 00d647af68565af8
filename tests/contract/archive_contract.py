"""What every archive of the log promises, wherever it is; an adapter's tests inherit this suite."""

import pytest

from contracts.failures import Unavailable
from services.events.archive import Archive, Piece, pack, unpack


def piece(first: int, last: int, text: str = "entry") -> tuple[Piece, bytes]:
    """Make a piece of invented lines."""
    return pack(first, last, b"".join(b"%s %d\n" % (text.encode(), n) for n in range(first, last + 1)))


class ArchiveContract:
    """The suite; a subclass provides the fixture `archive`, an empty one."""

    async def test_an_empty_archive_has_nothing(self, archive: Archive) -> None:
        """Not even the first offset, and it says so rather than fail."""
        assert await archive.find(1) is None

    async def test_a_piece_comes_back_as_it_was_put(self, archive: Archive) -> None:
        """Byte by byte, and its lines with it."""
        one, file = piece(1, 500)
        await archive.put(one, file)
        assert await archive.get(one) == file
        assert unpack(one, file).count(b"\n") == 500

    async def test_each_offset_finds_the_piece_that_has_it(self, archive: Archive) -> None:
        """From its first offset to its last; offsets behind the last piece find none."""
        pieces = [(1, 9), (10, 10), (11, 99_999_999), (100_000_000, 100_000_007), (100_000_008, 2_000_000_000)]
        made = [pack(first, last, b"%d\n" % first) for first, last in pieces]
        for one, file in reversed(made):
            await archive.put(one, file)
        for one, _ in made:
            assert [await archive.find(offset) for offset in (one.first, one.last)] == [one, one]
        assert await archive.find(2_000_000_001) is None

    async def test_the_next_piece_is_found_where_one_is_missing(self, archive: Archive) -> None:
        """Who asks sees by its first offset that there is a hole."""
        later, file = piece(20, 30)
        await archive.put(later, file)
        assert await archive.find(1) == later

    async def test_the_same_piece_again_is_no_error(self, archive: Archive) -> None:
        """As after a kill between putting and deleting."""
        one, file = piece(1, 10)
        for _ in range(2):
            await archive.put(one, file)
        assert await archive.get(await archive.find(5) or one) == file

    async def test_a_piece_that_is_not_there_is_unavailable(self, archive: Archive) -> None:
        """It may have been moved away, and come back."""
        with pytest.raises(Unavailable):
            await archive.get(piece(1, 10)[0])
