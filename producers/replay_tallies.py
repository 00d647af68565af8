"""Count what became of the items of a replay; saved beside the data, so that an interrupted replay goes on."""

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

import msgspec

from contracts.ingest import RecordVerdict, Verdict
from producers.sources import BadRow, Record

EXAMPLES_MAX = 20
"""Refusals kept with their row and message, the first ones."""
REASONS_MAX = 64
"""Distinct reasons counted by name; what lies beyond counts as OTHER."""


class Example(msgspec.Struct, frozen=True):
    """A refused row."""

    row: int
    reason: str
    message: str


class Tally(msgspec.Struct):
    """`rows` and `reference` count verdicts of the file's rows and of the reference data told beside them."""

    rows: dict[Verdict, int] = msgspec.field(default_factory=dict)
    reference: dict[Verdict, int] = msgspec.field(default_factory=dict)
    reasons: dict[str, int] = msgspec.field(default_factory=dict)
    examples: list[Example] = msgspec.field(default_factory=list)

    def count(self, record: Record, verdict: RecordVerdict) -> None:
        """Count the verdict of a record that was sent."""
        counts = self.rows if record.row else self.reference
        counts[verdict.verdict] = counts.get(verdict.verdict, 0) + 1
        if verdict.verdict in (Verdict.REJECTED, Verdict.CONFLICT):
            message = " ".join(part for part in (verdict.message, verdict.pointer) if part)
            self._explain(record.row, verdict.reason or verdict.verdict.upper(), message)

    def count_bad(self, bad: BadRow) -> None:
        """Count a row that could not be sent as rejected."""
        self.rows[Verdict.REJECTED] = self.rows.get(Verdict.REJECTED, 0) + 1
        self._explain(bad.row, bad.reason, bad.message)

    def _explain(self, row: int, reason: str, message: str) -> None:
        if reason not in self.reasons and len(self.reasons) >= REASONS_MAX:
            reason = "OTHER"
        self.reasons[reason] = self.reasons.get(reason, 0) + 1
        if len(self.examples) < EXAMPLES_MAX:
            self.examples.append(Example(row, reason, message))

    @property
    def total(self) -> int:
        """All items counted."""
        return sum(self.rows.values()) + sum(self.reference.values())

    @property
    def refused(self) -> int:
        """Rows and reference data that were rejected or in conflict."""
        return sum(
            counts.get(verdict, 0)
            for counts in (self.rows, self.reference)
            for verdict in (Verdict.REJECTED, Verdict.CONFLICT)
        )


class ReplayState(msgspec.Struct):
    """How far a replay was acknowledged: `items` of the source, up to `offset` of the log of `events_url`."""

    format_name: str
    events_url: str
    items: int = 0
    offset: int = 0
    tally: Tally = msgspec.field(default_factory=Tally)


class StateFile:
    """`<data folder>/replay/<hash of the file>.json`; gone once a replay is complete: the next sends all again."""

    def __init__(self, data_dir: Path, paths: Iterable[Path]) -> None:
        self._path = data_dir / "replay" / f"{_hash_of(paths)}.json"

    def load(self, format_name: str, events_url: str) -> ReplayState:
        """Return where a replay of this file into this log stopped; a fresh state where none can be read."""
        fresh = ReplayState(format_name, events_url)
        try:
            state = msgspec.json.decode(self._path.read_bytes(), type=ReplayState)
        except (FileNotFoundError, msgspec.MsgspecError):
            return fresh  # a state that cannot be read costs time, not correctness: what is sent again is a duplicate
        return state if (state.format_name, state.events_url) == (format_name, events_url) else fresh

    def save(self, state: ReplayState) -> None:
        """Replace the file as a whole."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        written = self._path.with_suffix(".new")
        written.write_bytes(msgspec.json.encode(state))
        written.replace(self._path)

    def forget(self) -> None:
        """Remove the file: the replay is complete."""
        self._path.unlink(missing_ok=True)


def _hash_of(paths: Iterable[Path]) -> str:
    digest = sha256()
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(1024 * 1024):
                digest.update(block)
    return digest.hexdigest()[:32]
