"""How far an alert came on each device and channel. Pure.

A stage only rises: what is known of a device is never forgotten by a message that comes late or twice. At most
`DELIVERIES_MAX` are kept of an alert; past it the one that came first leaves.
"""

import msgspec

from contracts.alerts import AnyAlert, Delivery
from contracts.vocabulary import STAGE_ORDER, DeliveryChannel, DeliveryStage

DELIVERIES_MAX = 60
"""Devices and channels remembered of one alert; a customer registers at most 50 devices."""


def with_delivery(
    alert: AnyAlert, channel: DeliveryChannel, stage: DeliveryStage, at: str, device_id: str | None = None
) -> AnyAlert:
    """Return the alert with that delivery; the alert itself where it had come so far there before."""
    kept = list(alert.deliveries)
    for place, before in enumerate(kept):
        if (before.channel, before.device_id) == (channel, device_id):
            if STAGE_ORDER[stage] <= STAGE_ORDER[before.stage]:
                return alert
            del kept[place]
            break
    kept.append(Delivery(channel, stage, at, device_id))
    return msgspec.structs.replace(alert, deliveries=kept[-DELIVERIES_MAX:])


def reached_app(alert: AnyAlert) -> bool:
    """Say whether a device has told that it has the alert."""
    return any(delivery.channel is DeliveryChannel.APP for delivery in alert.deliveries)


def sent_by(alert: AnyAlert, channel: DeliveryChannel) -> bool:
    """Say whether the alert was handed over to a channel."""
    return any(delivery.channel is channel for delivery in alert.deliveries)
