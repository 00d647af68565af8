"""Landing what arrives from the stream while the log's file cannot be written: nothing is lost, and readiness tells."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from contracts.failures import Failure, Overloaded, Unavailable
from contracts.ingest import RecordVerdict, Verdict
from services import isolating
from services.database import Database
from services.events.landing import Arrived, Landing
from services.events.parcels import pack
from services.events.screening import Record
from services.events.store import SqliteEventLog
from services.events.tables import SCHEMA
from tests.unit.services.events.samples import NOW, OPENING, screened


class Failing(SqliteEventLog):
    """The real log in a store that refuses the first writes."""

    failures: list[Failure]

    async def append_batch(
        self, records: Sequence[Record], first_index: int = 0, replays: int | None = None
    ) -> list[RecordVerdict]:
        """See `EventLog`."""
        if self.failures:
            self.told.append(self.landing.healthy)
            raise self.failures.pop()
        return await super().append_batch(records, first_index, replays)

    landing: Landing
    told: list[bool]


async def test_what_cannot_be_landed_now_is_landed_later_and_readiness_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full or busy store delays the verdict; past a bound the landing is not healthy, then it is again."""
    monkeypatch.setattr(isolating, "BACKOFF_S_MIN", 0.0)
    monkeypatch.setattr(isolating, "HEALTHY_WITHIN_S", 0.0)
    database = Database(tmp_path / "events.sqlite3", SCHEMA)
    await database.start()
    log = Failing(database, lambda: NOW)
    log.failures, log.told = [Unavailable("full", code="STORAGE_FULL"), Overloaded("many")], []
    log.landing = landing = Landing(log, lambda: NOW, 300)
    records = [screened(OPENING[0])]
    (parcel,) = pack(list(enumerate(records)))
    verdicts = landing.expect(parcel, records, None)
    await landing.land([Arrived(parcel.data, 0.0)])
    await database.stop()
    assert [verdict.verdict for verdict in verdicts.result()] == [Verdict.ACCEPTED]
    assert (log.told, landing.healthy) == ([True, False], True)
