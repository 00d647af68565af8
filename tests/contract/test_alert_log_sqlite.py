"""The alert log on SQLite: the common suite, each append in a transaction of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from contracts.alerts import AnyAlert, LogEntryKind
from services.analytics.alert_log import SqliteAlertLog, StoredEntry
from services.analytics.tables import SCHEMA
from services.database import Database
from tests.contract.alert_log_contract import AlertLogContract, Log

_alerts: msgspec.json.Decoder[AnyAlert] = msgspec.json.Decoder(AnyAlert)


class Transactions:
    """`SqliteAlertLog` as the suite drives it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def append_if(self, entry: StoredEntry) -> None:
        alert = _alerts.decode(entry.alert)
        kind = LogEntryKind(entry.kind)
        await self._database.write(lambda c: SqliteAlertLog(c).append_if(entry.seq - 1, kind, entry.at, alert))

    async def last_seq(self, customer_id: str) -> int:
        return await self._database.read(lambda c: SqliteAlertLog(c).last_seq(customer_id))

    async def read_after(self, customer_id: str, after: int, limit: int) -> list[StoredEntry]:
        return await self._database.read(lambda c: SqliteAlertLog(c).read_after(customer_id, after, limit))


class TestSqliteAlertLog(AlertLogContract):
    """`SqliteAlertLog` keeps every promise of the port."""

    @pytest.fixture
    async def log(self, tmp_path: Path) -> AsyncIterator[Log]:
        """Open a file of the test's own."""
        database = Database(tmp_path / "analytics.sqlite3", SCHEMA)
        await database.start()
        yield Transactions(database)
        await database.stop()
