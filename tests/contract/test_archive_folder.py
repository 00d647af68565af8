"""The archive in a folder: the common suite, and what a kill leaves in it."""

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from contracts.failures import Unavailable
from services.events.archive import Archive, unpack
from services.events.archive_folder import FolderArchive
from tests.contract.archive_contract import ArchiveContract, piece


def files_of(folder: Path) -> list[Path]:
    return list(folder.rglob("*.*"))


class TestFolderArchive(ArchiveContract):
    """`FolderArchive` keeps every promise of the port."""

    @pytest.fixture
    def archive(self, tmp_path: Path) -> Archive:
        """Open a folder that is not there yet."""
        return FolderArchive(tmp_path / "archive")


async def test_a_piece_cut_off_by_a_kill_is_none(tmp_path: Path) -> None:
    """What was not written whole is not found, and the next writing replaces it."""
    archive = FolderArchive(tmp_path)
    one, file = piece(1, 10)
    await archive.put(one, file)
    [written] = files_of(tmp_path)
    written.rename(written.with_name(f"{written.name}.part")).write_bytes(file[:7])
    assert await archive.find(1) is None
    await archive.put(one, file)
    assert await archive.get(one) == file
    assert [path.name for path in files_of(tmp_path)] == [one.name]


async def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    """Folders and files are their owner's alone."""
    await FolderArchive(tmp_path / "archive").put(*piece(1, 10))
    modes = {path.is_dir(): stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "archive").rglob("*")}
    assert modes == {True: 0o700, False: 0o600}
    assert stat.S_IMODE((tmp_path / "archive").stat().st_mode) == 0o700


@pytest.mark.parametrize("change", [lambda file: file[:-1], lambda file: file + b"\n", lambda file: b"\0" + file[1:]])
async def test_a_changed_file_is_told(change: Callable[[bytes], bytes], tmp_path: Path) -> None:
    """A piece that is not, byte by byte, the one that was put is damaged."""
    archive = FolderArchive(tmp_path)
    one, file = piece(1, 10)
    await archive.put(one, file)
    [written] = files_of(tmp_path)
    written.write_bytes(change(file))
    with pytest.raises(Unavailable) as raised:
        unpack(one, await archive.get(one))
    assert raised.value.reason == "ARCHIVE_DAMAGED"
