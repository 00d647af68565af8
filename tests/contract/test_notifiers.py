"""The notifiers: the common suite on each, and what only a file can do wrong."""

from pathlib import Path

import msgspec
import pytest

from contracts.failures import Unavailable
from services.analytics.notification_file import NotificationFile
from services.analytics.notifications import Notification
from tests.contract.notifier_contract import MemoryNotifier, NotifierContract, Open, Received, notification

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
