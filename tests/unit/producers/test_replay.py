"""A replay accounts for every row, can be stopped anywhere and goes on, and adds nothing the second time."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import httpx
import msgspec
import pytest

from contracts.failures import Rejected
from contracts.ingest import Verdict
from contracts.settings import Settings
from producers.event_client import EventClient
from producers.replay import format_of, replay, source_of
from producers.replay_tallies import ReplayState, StateFile, Tally
from producers.samples import write_berka, write_birmingham
from producers.sources import CloudEventsSource, Item, Source
from services.events.app import create_app

URL = "http://events"


@asynccontextmanager
async def _event_service(folder: Path) -> AsyncIterator[httpx.AsyncBaseTransport]:
    """Run a real event service in this process, with an empty log."""
    app = create_app(Settings(data_dir=folder))
    async with app.lifespan():
        yield httpx.ASGITransport(app=cast("Any", app))


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """A generated file of 400 rows."""
    return write_birmingham(tmp_path / "rows.csv.gz")


async def _replay(path: Path, transport: httpx.AsyncBaseTransport, format_name: str = "birmingham") -> Tally:
    source, paths = source_of(path, format_name)
    return await _replay_source(source, paths, transport, path.parent, format_name)


async def _replay_source(
    source: Source,
    paths: list[Path],
    transport: httpx.AsyncBaseTransport,
    folder: Path,
    format_name: str = "birmingham",
) -> Tally:
    state_file = StateFile(folder, paths)
    async with EventClient(URL, transport=transport) as client:
        return await replay(source, client, state_file.load(format_name, URL), state_file, rate=None)


async def test_every_row_is_accounted_for(tmp_path: Path, sample: Path) -> None:
    """Accepted and duplicate rows add up to the file; nothing is refused."""
    async with _event_service(tmp_path) as transport:
        tally = await _replay(sample, transport)
        assert sum(tally.rows.values()) == 400
        assert tally.rows[Verdict.DUPLICATE] > 0
        assert tally.refused == 0


async def test_a_second_replay_adds_nothing(tmp_path: Path, sample: Path) -> None:
    """All rows and reference data come back as duplicates."""
    async with _event_service(tmp_path) as transport:
        first = await _replay(sample, transport)
        second = await _replay(sample, transport)
        assert second.rows == {Verdict.DUPLICATE: 400}
        assert second.reference == {Verdict.DUPLICATE: first.reference[Verdict.ACCEPTED]}


async def test_a_berka_folder_is_accepted_whole(tmp_path: Path) -> None:
    """Reference data and bookings pass every check of the event service."""
    async with _event_service(tmp_path) as transport:
        tally = await _replay(write_berka(tmp_path / "berka"), transport, "berka")
        assert set(tally.rows) == set(tally.reference) == {Verdict.ACCEPTED}


class _Breaking:
    """A source that breaks after so many items."""

    def __init__(self, source: Source, items: int) -> None:
        self._source = source
        self._items = items
        self.progress = source.progress

    def items(self) -> Iterator[Item]:
        for number, item in enumerate(self._source.items()):
            if number == self._items:
                raise Rejected("broken", code="UNREADABLE_FILE")
            yield item


async def test_an_interrupted_replay_goes_on_and_counts_as_one(tmp_path: Path) -> None:
    """The chunks acknowledged before are not sent again, and the counts are those of the whole file."""
    async with _event_service(tmp_path) as transport:
        sample = write_birmingham(tmp_path / "rows.csv.gz", rows=2500)
        source, paths = source_of(sample, "birmingham")
        with pytest.raises(Rejected):
            await _replay_source(_Breaking(source, 1800), paths, transport, tmp_path)
        state = StateFile(tmp_path, paths).load("birmingham", URL)
        tally = await _replay(sample, transport)
        assert state.items == 1000
        assert sum(tally.rows.values()) == 2500
        assert tally.rows[Verdict.ACCEPTED] + tally.rows[Verdict.DUPLICATE] == 2500


async def test_a_state_of_a_log_that_was_started_over_is_not_believed(tmp_path: Path, sample: Path) -> None:
    """The replay begins at the first row again."""
    async with _event_service(tmp_path) as transport:
        _, paths = source_of(sample, "birmingham")
        StateFile(sample.parent, paths).save(ReplayState("birmingham", URL, items=300, offset=300))
        tally = await _replay(sample, transport)
        assert sum(tally.rows.values()) == 400


async def test_lines_that_are_no_events_are_counted_by_reason(tmp_path: Path) -> None:
    """The service's reasons and the row are kept; blank lines are nobody's."""
    async with _event_service(tmp_path) as transport:
        path = tmp_path / "events.ndjson"
        path.write_bytes(b'{"specversion":"1.0"}\n\n  \nno json\n')
        tally = await _replay(path, transport, "cloudevents")
        assert tally.rows == {Verdict.REJECTED: 2}
        assert tally.reasons == {"NOT_CLOUDEVENTS": 1, "MALFORMED_JSON": 1}
        assert [example.row for example in tally.examples] == [1, 4]


def test_a_line_of_any_length_is_read_in_bounded_memory(tmp_path: Path) -> None:
    """One that is too long is a bad row, and the next line is the next row."""
    path = tmp_path / "events.ndjson"
    path.write_bytes(b"x" * 3_000_000 + b"\n{}\n")
    long, short = CloudEventsSource(path).items()
    assert (long.row, getattr(long, "reason", None), short.row) == (1, "TOO_LARGE", 2)


@pytest.mark.parametrize(
    ("name", "content", "format_name"),
    [
        ("a", b' {"specversion":"1.0"}', "cloudevents"),
        ("a", b"transaction_date,card_masked\n", "birmingham"),
        ("a", b"trans_id,account_id\n", "berka"),
    ],
)
def test_a_format_is_told_by_how_the_file_begins(tmp_path: Path, name: str, content: bytes, format_name: str) -> None:
    """Nobody has to name it."""
    (tmp_path / name).write_bytes(content)
    assert format_of(tmp_path / name) == format_name


def test_a_file_of_no_known_format_is_refused(tmp_path: Path) -> None:
    """The message says what to do."""
    (tmp_path / "a").write_text("hello")
    with pytest.raises(Rejected, match="--format"):
        format_of(tmp_path / "a")


def test_a_damaged_state_costs_time_only(tmp_path: Path, sample: Path) -> None:
    """It is as if there were none."""
    state_file = StateFile(tmp_path, [sample])
    state_file.save(ReplayState("birmingham", URL, items=7))
    (path,) = (tmp_path / "replay").iterdir()
    path.write_bytes(path.read_bytes()[:-5])
    assert state_file.load("birmingham", URL).items == 0


def test_a_state_belongs_to_one_log_and_one_format(tmp_path: Path, sample: Path) -> None:
    """Another address or another format begins anew."""
    state_file = StateFile(tmp_path, [sample])
    state_file.save(ReplayState("birmingham", URL, items=7))
    assert [state_file.load(*key).items for key in (("birmingham", URL), ("birmingham", "x"), ("berka", URL))] == [
        7,
        0,
        0,
    ]


def test_reasons_counted_by_name_are_bounded() -> None:
    """A service with many reasons does not fill the state."""
    tally = Tally()
    for number in range(200):
        tally._explain(number, f"REASON_{number}", "")
    assert len(tally.reasons) == 65
    assert sum(tally.reasons.values()) == 200
    assert msgspec.json.decode(msgspec.json.encode(tally), type=Tally) == tally
