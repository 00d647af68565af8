"""Facts about the audit log: what is written, what survives, and what is noticed when it was touched."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from contracts.audit import AuditKind, AuditRecord, Showing
from contracts.failures import Overloaded, Unavailable
from gateway import audit as module
from gateway.audit import AuditLog
from gateway.audit_files import BrokenChain
from gateway.audit_verification import verify_audit
from gateway.cli import main
from gateway.exit_codes import ExitCode


def a_record(customer_id: str = "c1") -> AuditRecord:
    return AuditRecord(kind=AuditKind.MUTATION, outcome="DONE", customer_id=customer_id)


def segments(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.ndjson"))


def read(folder: Path) -> list[AuditRecord]:
    lines = b"".join(path.read_bytes() for path in segments(folder)).splitlines()
    return [msgspec.json.decode(line, type=AuditRecord) for line in lines]


async def write(folder: Path, count: int, segment_bytes: int = 1_000_000) -> None:
    log = AuditLog(folder, segment_bytes=segment_bytes)
    await asyncio.gather(*(log.record(a_record(f"c{number}")) for number in range(count)))
    await log.close()


async def test_records_are_chained_over_restarts(tmp_path: Path) -> None:
    """Another process goes on where the chain ends; the files are their owner's only."""
    await write(tmp_path, 30)
    await write(tmp_path, 20)
    [chain] = verify_audit(tmp_path)
    assert (chain.records, chain.segments) == (50, 1)
    assert {path.stat().st_mode & 0o777 for path in segments(tmp_path)} == {0o600}


async def test_a_segment_is_bounded_and_the_chain_goes_on(tmp_path: Path) -> None:
    """The next one is named by its first record; a restart finds the last."""
    for _ in range(4):
        await write(tmp_path, 3, segment_bytes=500)
    [chain] = verify_audit(tmp_path)
    assert chain.records == 12
    assert segments(tmp_path)[1].name == "gateway-1-000000000004.ndjson"


async def test_two_processes_write_two_chains(tmp_path: Path) -> None:
    """Each holds its own, and after a restart the first free one is taken again."""
    first, second = AuditLog(tmp_path), AuditLog(tmp_path)
    for log in (first, second, first):
        await log.record(a_record())
    await first.close()
    await second.close()
    await write(tmp_path, 1)
    assert [(chain.name, chain.records) for chain in verify_audit(tmp_path)] == [("gateway-1", 3), ("gateway-2", 1)]


HARMS = ["change", "add a field", "respace", "remove", "remove the first", "swap", "repeat", "insert", "cut"]


@pytest.mark.parametrize("harm", HARMS)
async def test_whatever_is_done_to_a_line_is_noticed(tmp_path: Path, harm: str) -> None:
    """The chain breaks at the place."""
    await write(tmp_path, 5)
    [path] = segments(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    harmed = {
        "change": [*lines[:2], lines[2].replace(b"c2", b"c9"), *lines[3:]],
        "add a field": [*lines[:2], lines[2].replace(b"{", b'{"note":1,', 1), *lines[3:]],
        "respace": [*lines[:2], lines[2].replace(b",", b", ", 1), *lines[3:]],
        "remove": [*lines[:2], *lines[3:]],
        "remove the first": lines[1:],
        "swap": [lines[1], lines[0], *lines[2:]],
        "repeat": [*lines, lines[-1]],
        "insert": [*lines[:2], b"{}\n", *lines[2:]],
        "cut": [*lines[:4], lines[4][:-20]],
    }
    path.write_bytes(b"".join(harmed[harm]))
    with pytest.raises(BrokenChain):
        verify_audit(tmp_path)


async def test_an_emptied_folder_is_not_whole(tmp_path: Path) -> None:
    """A file without a record proves nothing, as no file does."""
    for _ in range(2):
        with pytest.raises(BrokenChain, match="no audit record"):
            verify_audit(tmp_path)
        (tmp_path / "gateway-1-000000000001.ndjson").touch()


async def test_a_removed_segment_is_noticed(tmp_path: Path) -> None:
    """One of the middle, and the first."""
    for _ in range(3):
        await write(tmp_path, 3, segment_bytes=1)
    paths = segments(tmp_path)
    for path in paths[:2]:
        path.rename(path.with_suffix(".away"))
        with pytest.raises(BrokenChain):
            verify_audit(tmp_path)
        path.with_suffix(".away").rename(path)
    assert verify_audit(tmp_path)[0].records == 9


async def test_a_line_cut_short_by_a_crash_is_set_aside(tmp_path: Path) -> None:
    """It was never acknowledged; the chain notes it and goes on."""
    await write(tmp_path, 3)
    [path] = segments(tmp_path)
    path.write_bytes(path.read_bytes() + b'{"kind":"MUT')
    await write(tmp_path, 1)
    kinds = [record.kind for record in read(tmp_path)]
    assert (verify_audit(tmp_path)[0].records, kinds[3:]) == (5, [AuditKind.TORN_LINE, AuditKind.MUTATION])
    assert (tmp_path / read(tmp_path)[3].outcome).read_bytes() == b'{"kind":"MUT'


async def test_a_failing_disk_refuses_what_it_cannot_record(tmp_path: Path) -> None:
    """The one who asked is told; it goes on when the disk does."""
    folder = tmp_path / "audit"
    folder.write_bytes(b"a file in its place")
    log = AuditLog(folder)
    with pytest.raises(Unavailable):
        await log.record(a_record())
    assert log.failing
    folder.unlink()
    await log.record(a_record())
    assert (log.failing, verify_audit(folder)[0].records) == (False, 1)
    await log.close()


async def test_the_line_is_bounded(tmp_path: Path) -> None:
    """Beyond it, asking is refused rather than remembered."""
    log = AuditLog(tmp_path)
    for _ in range(module.QUEUE_MAX):
        log.note(a_record())
    with pytest.raises(Overloaded):
        log.note(a_record())
    await log.close()
    assert verify_audit(tmp_path)[0].records == module.QUEUE_MAX


async def test_what_streams_show_is_many_to_a_record(tmp_path: Path) -> None:
    """In the order it was shown, none lost, and no record longer than its bound."""
    log = AuditLog(tmp_path)
    for number in range(1_200):
        log.show(Showing(f"c{number}", "t", "", [f"alert-{number}"], ["alertFeed"], "", ""))
    await log.close()
    found = read(tmp_path)
    assert [len(record.shown) for record in found] == [500, 500, 200]
    assert [one.customer_id for record in found for one in record.shown] == [f"c{number}" for number in range(1_200)]
    assert verify_audit(tmp_path)[0].records == 3


async def test_a_showing_is_written_once_the_disk_is_back(tmp_path: Path) -> None:
    """Meanwhile nothing more may be shown."""
    folder = tmp_path / "audit"
    folder.write_bytes(b"a file in its place")
    log = AuditLog(folder)
    with pytest.raises(Unavailable):
        await log.record(a_record())
    log.show(Showing("c1", "t", "", ["alert-1"], [], "", ""))
    assert log.holding
    folder.unlink()
    await log.settled()
    await log.close()
    assert [record.shown[0].subjects for record in read(folder)] == [["alert-1"]]


async def test_showings_that_wait_are_bounded(tmp_path: Path) -> None:
    """Beyond the bound streams wait for the disk."""
    log = AuditLog(tmp_path)
    for _ in range(module.SHOWN_MAX):
        log.show(Showing("c1", "t", "", ["alert-1"], [], "", ""))
    held = log.holding
    await log.settled()
    assert (held, log.holding) == (True, False)
    await log.close()


async def test_the_command_says_whether_it_is_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Counts and the last hash; exit code 1 and the place where it is not."""
    await write(tmp_path, 3)
    assert main(["audit", "verify", str(tmp_path)]) == ExitCode.DONE
    out = capsys.readouterr().out
    assert "gateway-1: 3 records in 1 files" in out
    assert read(tmp_path)[-1].hash in out
    [path] = segments(tmp_path)
    path.write_bytes(path.read_bytes().replace(b'"c1"', b'"c7"'))
    assert main(["audit", "verify", str(tmp_path)]) == ExitCode.FAILED
    assert "line 2" in capsys.readouterr().err
    assert main(["audit", "verify", str(tmp_path / "none")]) == ExitCode.FAILED
