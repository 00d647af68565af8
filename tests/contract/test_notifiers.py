"""The notifiers: the common suite on each, and what only a file can do wrong."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from contracts.accounts import PushToken
from contracts.failures import Unavailable
from contracts.vocabulary import PushPlatform
from services.analytics.instants import utc_now
from services.analytics.notification_file import NotificationFile
from services.analytics.notifications import Notification
from services.analytics.sns_push import SnsPush
from services.analytics.tables import SCHEMA
from services.database import Database
from tests.contract.notifier_contract import MemoryNotifier, NotifierContract, Open, Received, notification
from tests.unit.services.analytics.mobile_push import APPLICATIONS, MobilePush, Phones, notification_at

read_lines = msgspec.json.Decoder(Notification).decode_lines


class TestNotificationFile(NotifierContract):
    """`NotificationFile` keeps every promise of the port."""

    @pytest.fixture
    def open_notifier(self, tmp_path: Path) -> Open:
        """Open a file of the test's own."""
        return lambda: NotificationFile(tmp_path / "notifications.ndjson")

    @pytest.fixture
    def received(self, tmp_path: Path) -> Received:
        """Read the file."""
        return lambda: read_lines((tmp_path / "notifications.ndjson").read_bytes())


class TestMemoryNotifier(NotifierContract):
    """The fake keeps them too."""

    @pytest.fixture
    def mailbox(self) -> list[Notification]:
        return []

    @pytest.fixture
    def open_notifier(self, mailbox: list[Notification]) -> Open:
        return lambda: MemoryNotifier(mailbox)

    @pytest.fixture
    def received(self, mailbox: list[Notification]) -> Received:
        return lambda: mailbox


@pytest.mark.parametrize("platform", list(PushPlatform))
class TestSnsPush(NotifierContract):
    """SNS mobile push keeps them, whichever push service the phone has (tests/aws runs them on an emulator)."""

    has_sms = False

    @pytest.fixture
    async def database(self, tmp_path: Path) -> AsyncIterator[Database]:
        database = Database(tmp_path / "analytics.sqlite3", SCHEMA)
        await database.start()
        yield database
        await database.stop()

    @pytest.fixture
    def sns(self) -> MobilePush:
        return MobilePush()

    @pytest.fixture
    def open_notifier(self, database: Database, sns: MobilePush, platform: PushPlatform) -> Open:
        phones = Phones(PushToken("phone", "cust-1", platform, "a" * 64))
        return lambda: SnsPush(sns, database, phones, APPLICATIONS, age_s_max=86_400, clock=utc_now)

    @pytest.fixture
    def received(self, sns: MobilePush) -> Received:
        return lambda: [notification_at(one, "cust-1") for one in sns.received]


async def test_half_a_line_is_cut_off(tmp_path: Path) -> None:
    """A process killed while writing had not handed over; the next one writes the whole line."""
    path = tmp_path / "notifications.ndjson"
    await NotificationFile(path).hand_over(notification("alert-1:PUSH"))
    with path.open("ab") as file:
        file.write(msgspec.json.encode(notification("alert-2:PUSH"))[:50])
    await NotificationFile(path).hand_over(notification("alert-2:PUSH"))
    assert [one.key for one in read_lines(path.read_bytes())] == ["alert-1:PUSH", "alert-2:PUSH"]


async def test_a_file_that_cannot_be_written_is_a_typed_failure(tmp_path: Path) -> None:
    """It may be handed over again, and is once the folder is there."""
    notifier = NotificationFile(tmp_path / "gone" / "notifications.ndjson")
    with pytest.raises(Unavailable):
        await notifier.hand_over(notification())
    (tmp_path / "gone").mkdir()
    await notifier.hand_over(notification())
    assert read_lines((tmp_path / "gone" / "notifications.ndjson").read_bytes()) == [notification()]


async def test_the_file_is_the_owners_alone(tmp_path: Path) -> None:
    """It says which customer was told what."""
    path = tmp_path / "notifications.ndjson"
    await NotificationFile(path).hand_over(notification())
    assert path.stat().st_mode & 0o777 == 0o600
