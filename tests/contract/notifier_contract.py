"""What every notifier promises, wherever it hands over to; an adapter's tests inherit this suite.

`MemoryNotifier` is one of them: the fake that other tests may use because it passes here.
"""

import asyncio
from collections.abc import Callable

import msgspec
import pytest

from contracts.failures import Rejected
from contracts.vocabulary import AlertKind, AlertSeverity, NotificationChannel
from services.analytics.notifications import Notification, Notifier

Open = Callable[[], Notifier]
"""Opens the same notifier each time, as a restarted process would."""
Received = Callable[[], list[Notification]]
"""What has come out at the far end."""


def notification(key: str = "alert-1:PUSH") -> Notification:
    alert_id, _, channel = key.partition(":")
    return Notification(
        key, NotificationChannel(channel), "cust-1", f"global-{alert_id}", alert_id, AlertKind.LOGIN,
        AlertSeverity.HIGH, "A new device signed in", "2026-03-02T10:00:00Z",
    )  # fmt: skip


class MemoryNotifier:
    """A notifier whose far end is a list; it outlives the process that hands over."""

    def __init__(self, received: list[Notification]) -> None:
        self._received = received

    async def hand_over(self, notification: Notification) -> None:
        """See `Notifier`."""
        await asyncio.sleep(0)
        if notification.key not in {one.key for one in self._received}:
            self._received.append(notification)


class NotifierContract:
    """The suite; a subclass provides the fixtures `open_notifier` and `received`."""

    has_sms = True

    async def test_what_is_handed_over_comes_out_whole(self, open_notifier: Open, received: Received) -> None:
        """In the order handed over, with all that was said."""
        notifier = open_notifier()
        sent = [notification(f"alert-{number}:PUSH") for number in range(3)]
        for one in sent:
            await notifier.hand_over(one)
        assert received() == sent

    async def test_a_key_comes_out_once(self, open_notifier: Open, received: Received) -> None:
        """Handed over again, at once or after another, it is the same notification."""
        notifier = open_notifier()
        for key in ("alert-1:PUSH", "alert-1:PUSH", "alert-2:PUSH", "alert-1:PUSH"):
            await notifier.hand_over(notification(key))
        assert [one.key for one in received()] == ["alert-1:PUSH", "alert-2:PUSH"]

    async def test_another_channel_is_another_notification(self, open_notifier: Open, received: Received) -> None:
        """Or refused for good, by a notifier that has no such channel."""
        notifier = open_notifier()
        await notifier.hand_over(notification("alert-1:PUSH"))
        if self.has_sms:
            await notifier.hand_over(notification("alert-1:SMS"))
        else:
            with pytest.raises(Rejected):
                await notifier.hand_over(notification("alert-1:SMS"))
        assert [one.key for one in received()] == ["alert-1:PUSH", *(["alert-1:SMS"] if self.has_sms else [])]

    async def test_a_key_comes_out_once_over_restarts(self, open_notifier: Open, received: Received) -> None:
        """Whoever died before writing down that it was handed over may do so again."""
        for _ in range(3):
            await open_notifier().hand_over(notification())
        assert received() == [notification()]

    async def test_a_key_comes_out_once_among_concurrent_callers(self, open_notifier: Open, received: Received) -> None:
        """Handed over many times at once."""
        notifier = open_notifier()
        keys = [f"alert-{number % 4}:PUSH" for number in range(20)]
        await asyncio.gather(*(notifier.hand_over(notification(key)) for key in keys))
        assert sorted(one.key for one in received()) == sorted(set(keys))

    async def test_what_is_handed_over_fits_where_it_goes(self, open_notifier: Open, received: Received) -> None:
        """The whole is far below the 4 KiB of a push, the collapse key within Apple's 64 bytes."""
        await open_notifier().hand_over(notification())
        (one,) = received()
        assert len(msgspec.json.encode(one)) < 1024
        assert len(one.collapse_key.encode()) <= 64
