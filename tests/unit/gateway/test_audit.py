"""Facts about the audit record."""

import asyncio
from pathlib import Path

import httpx
import msgspec
import pytest

from contracts.failures import Overloaded, Unavailable
from gateway import audit as module
from gateway.audit import AuditKind, AuditLog, AuditRecord, BrokenChain, verify_audit


def a_record(customer_id: str = "c1") -> AuditRecord:
    return AuditRecord(kind=AuditKind.MUTATION, customer_id=customer_id, trace_id="t", outcome="DONE")


def records(path: Path) -> list[AuditRecord]:
    return [msgspec.json.decode(line, type=AuditRecord) for line in path.read_bytes().splitlines()]


async def written(path: Path, count: int) -> None:
    log = AuditLog(path)
    await asyncio.gather(*(log.record(a_record(f"c{number}")) for number in range(count)))


async def test_records_are_chained_over_restarts(tmp_path: Path) -> None:
    """Another process goes on where the file ends; the file is its owner's only."""
    path = tmp_path / "audit.jsonl"
    await written(path, 30)
    await written(path, 20)
    assert verify_audit(path) == 50
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("harm", ["change", "remove", "swap", "repeat", "insert"])
async def test_whatever_is_done_to_a_line_is_noticed(tmp_path: Path, harm: str) -> None:
    """The chain breaks at the place."""
    path = tmp_path / "audit.jsonl"
    await written(path, 5)
    lines = path.read_bytes().splitlines(keepends=True)
    harmed = {
        "change": [*lines[:2], lines[2].replace(b"c2", b"c9"), *lines[3:]],
        "remove": [*lines[:2], *lines[3:]],
        "swap": [lines[1], lines[0], *lines[2:]],
        "repeat": [*lines, lines[-1]],
        "insert": [*lines[:2], b"{}\n", *lines[2:]],
    }
    path.write_bytes(b"".join(harmed[harm]))
    with pytest.raises(BrokenChain):
        verify_audit(path)


async def test_a_line_cut_short_by_a_crash_is_taken_off(tmp_path: Path) -> None:
    """It was never acknowledged; the chain goes on after the last whole one."""
    path = tmp_path / "audit.jsonl"
    await written(path, 3)
    path.write_bytes(path.read_bytes() + b'{"kind":"MUT')
    await written(path, 1)
    assert verify_audit(path) == 4


async def test_a_full_disk_refuses_what_it_cannot_record(tmp_path: Path) -> None:
    """The one who asked is told; nothing half written stays."""
    path = tmp_path / "missing" / "audit.jsonl"
    log = AuditLog(path)
    with pytest.raises(Unavailable):
        await log.record(a_record())
    path.parent.mkdir()
    await log.record(a_record())
    assert verify_audit(path) == 1


async def test_the_line_is_bounded(tmp_path: Path) -> None:
    """Beyond it, asking is refused rather than remembered."""
    log = AuditLog(tmp_path / "audit.jsonl")
    for _ in range(module.QUEUE_MAX):
        log.note(a_record())
    with pytest.raises(Overloaded):
        log.note(a_record())
    await log.close()


async def test_a_mutation_is_recorded_before_it_is_answered(client: httpx.AsyncClient, tmp_path: Path) -> None:
    """Who, what and how it ended; no variables."""
    query = "mutation Rename($n: String!) { rename(name: $n) }"
    response = await client.post("/graphql", json={"query": query, "variables": {"n": "private"}})
    [record] = records(tmp_path / "audit.jsonl")
    assert (record.kind, record.customer_id, record.operation) == (AuditKind.MUTATION, "customer-1", "Rename")
    assert (record.outcome, record.trace_id) == ("DONE", response.headers["x-request-id"])
    assert b"private" not in (tmp_path / "audit.jsonl").read_bytes()


async def test_a_query_is_not_recorded(client: httpx.AsyncClient, tmp_path: Path) -> None:
    """Reading one's own accounts is no event."""
    await client.post("/graphql", json={"query": "{ hello }"})
    assert not (tmp_path / "audit.jsonl").exists()
