"""Checking an audit folder: every chain from its first record to its last. Reads only.

A chain shows what was changed, removed, added or reordered. Only a last hash kept elsewhere shows that its end was cut
off: `belfry audit verify` prints it for that.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from contracts.audit import GENESIS, AuditRecord, record_hash
from gateway.audit_files import BrokenChain, segments_of


class ChainFound(msgspec.Struct, frozen=True):
    """A whole chain: how many records and how it ends."""

    name: str
    segments: int
    records: int
    last_at: str
    last_hash: str


def verify_audit(folder: Path) -> list[ChainFound]:
    """Return the chains of a folder, all of them whole.

    Raises:
        BrokenChain: the first record that does not follow from the one before it, a file that cannot be read, or a
            folder without a record.
    """
    names = sorted({path.name.rsplit("-", 1)[0] for path in folder.glob("*-*.ndjson")})
    try:
        chains = [_verify_chain(folder, name) for name in names]
    except OSError as error:
        raise BrokenChain(f"{error.filename} cannot be read: {error.strerror}.") from error
    if not any(chain.records for chain in chains):
        raise BrokenChain(f"{folder} holds no audit record.")
    return chains


def _verify_chain(folder: Path, name: str) -> ChainFound:
    segments = segments_of(folder, name)
    seq, prev_hash, at = 0, GENESIS, ""
    for path, number, record in _records(segments):
        fits = record is not None and (record.seq, record.prev_hash) == (seq + 1, prev_hash)
        if record is None or not fits or record.hash != record_hash(record):
            raise BrokenChain(f"{path.name}, line {number}: does not follow from record {seq} of the chain {name}.")
        seq, prev_hash, at = record.seq, record.hash, record.at
    return ChainFound(name, len(segments), seq, at, prev_hash)


def _records(segments: list[Path]) -> Iterator[tuple[Path, int, AuditRecord | None]]:
    """Yield every line with its place; None for one that is no record."""
    for path in segments:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                try:
                    record = msgspec.json.decode(line, type=AuditRecord)
                except (msgspec.MsgspecError, UnicodeDecodeError):
                    yield path, number, None
                    continue
                as_written = msgspec.json.encode(record) + b"\n"
                yield path, number, record if line == as_written else None
