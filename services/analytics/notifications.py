"""What is handed over to reach a customer outside the app, and the port it goes through.

A notification passes through other companies' servers and lies on a lock screen: it says what kind of alert there is
and nothing of amounts, accounts or merchants. The app reads the rest from the alert, by its id. It carries no feed
cursor: going on from there would skip the alerts before it.
"""

from typing import Protocol

import msgspec

from contracts.alerts import AnyAlert
from contracts.failures import Unavailable
from contracts.node_ids import encode_node_id
from contracts.vocabulary import AlertKind, AlertSeverity, NotificationChannel

TITLES: dict[AlertKind, str] = {
    AlertKind.LARGE_TRANSACTION: "A large payment was made",
    AlertKind.LOW_BALANCE: "The balance of an account is low",
    AlertKind.CARD_DECLINED: "A card payment was declined",
    AlertKind.FOREIGN_TRANSACTION: "A card was used abroad",
    AlertKind.VELOCITY: "A card was used many times within minutes",
    AlertKind.UNUSUAL_SPENDING: "Spending is unusual",
    AlertKind.FAILED_PAYMENT: "A payment failed",
    AlertKind.LOGIN: "A new device signed in",
}


class Notification(msgspec.Struct, frozen=True, rename="camel"):
    """One alert on one channel.

    `key` is the same whenever it is handed over again. `collapseKey` is the alert's: on the phone a later notification
    with it takes the place of an earlier one (`apns-collapse-id`, at most 64 bytes; the `tag` of an Android
    notification). `alertId` is the global id, by which the app knows an alert that its feed brings as well.
    """

    key: str
    channel: NotificationChannel
    customer_id: str
    alert_id: str
    collapse_key: str
    kind: AlertKind
    severity: AlertSeverity
    title: str
    raised_at: str


class HandedOverInPart(Unavailable):
    """Some of the customer's devices have it, others not yet: hand it over again, for those."""


class Notifier(Protocol):
    """Hands notifications to whoever brings them to the phone; there they may still be lost."""

    async def hand_over(self, notification: Notification) -> None:
        """Hand one over; durable when it returns. The same key again is the same notification, over restarts too.

        Raises:
            Unavailable, Overloaded: not handed over, or that is not known; hand it over again later.
            Rejected: it never will be, such as for a customer without a telephone number. Never of a key it has taken.
        """


def notification_of(alert: AnyAlert, channel: NotificationChannel) -> Notification:
    """Return what is handed over of an alert."""
    kind = AlertKind(str(alert.__struct_config__.tag))
    return Notification(
        key=f"{alert.id}:{channel}",
        channel=channel,
        customer_id=alert.customer_id,
        alert_id=encode_node_id("Alert", alert.id),
        collapse_key=alert.id,
        kind=kind,
        severity=alert.severity,
        title=TITLES[kind],
        raised_at=alert.raised_at,
    )
