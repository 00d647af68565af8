"""What the demo shows of pushes: each line of the file once it is whole, from now on."""

import asyncio
from contextlib import aclosing
from pathlib import Path

from contracts.vocabulary import NotificationChannel
from gateway.demo_notifications import NOTIFICATIONS_FILE as SHOWN_FILE
from gateway.demo_notifications import handed_over
from producers.demo_customers import FIRST_CUSTOMER_ID
from services.analytics.notification_file import NOTIFICATIONS_FILE, NotificationFile
from services.analytics.notifications import Notification
from tests.contract.notifier_contract import notification


async def test_what_is_handed_over_is_shown_in_order(tmp_path: Path) -> None:
    """What was there before is not shown again; people are named, whoever is not known by their id."""
    assert SHOWN_FILE == NOTIFICATIONS_FILE
    file = NotificationFile(tmp_path / NOTIFICATIONS_FILE)
    await file.hand_over(notification("before:PUSH"))
    async with aclosing(handed_over(tmp_path, poll_s=0.01)) as shown:
        first = asyncio.ensure_future(anext(shown))
        await asyncio.sleep(0)  # it begins
        await file.hand_over(_to(FIRST_CUSTOMER_ID, notification("one:PUSH")))
        await file.hand_over(notification("two:SMS"))
        assert [str(await first), str(await anext(shown))] == [
            "PUSH to Anna: A new device signed in (HIGH, unacknowledged)",
            "SMS to cust-1: A new device signed in (HIGH, unacknowledged)",
        ]


def _to(customer_id: str, one: Notification) -> Notification:
    return Notification(
        one.key, NotificationChannel.PUSH, customer_id, one.alert_id, one.collapse_key, one.kind, one.severity,
        one.title, one.raised_at,
    )  # fmt: skip
