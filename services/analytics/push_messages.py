"""What SNS is told to push: one notification as Apple's and Google's push services take it. Pure.

It says what the notification says (notifications.py) but whose it is: the token knows. A later push with the same
collapse key takes the place of an earlier one on the phone. With FCM that is the notification's tag; its collapse key
is not used, as FCM keeps four of those for a device that is offline and drops the others.

https://docs.aws.amazon.com/sns/latest/dg/sns-send-custom-platform-specific-payloads-mobile-devices.html
https://docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html (reserved attributes of mobile push)
"""

from typing import Any

import msgspec

from contracts.vocabulary import AlertSeverity
from services.analytics.notifications import Notification

INTERRUPTIONS = {AlertSeverity.HIGH: "active", AlertSeverity.CRITICAL: "time-sensitive"}
"""How far iOS lets it interrupt; `critical` would need an entitlement of Apple's."""
PRIORITIES = {AlertSeverity.HIGH: "PRIORITY_HIGH", AlertSeverity.CRITICAL: "PRIORITY_MAX"}
"""How prominently Android shows it."""

_json = msgspec.json.Encoder()


def message_of(notification: Notification, application: str, ttl_s: int) -> dict[str, Any]:
    """Return the parameters of `Publish`, less its target; `ttl_s`: how long the push service may keep it.

    `application` is the ARN of the platform application the target belongs to; it names the platform.
    """
    platform = platform_of(application)
    made = _fcm if platform == "GCM" else _apns
    payload, attributes = made(notification, platform, str(ttl_s))
    texts = {"default": notification.title, platform: _json.encode(payload).decode()}
    return {
        "Message": _json.encode(texts).decode(),
        "MessageStructure": "json",
        "MessageAttributes": {
            f"AWS.SNS.MOBILE.{name}": {"DataType": "String", "StringValue": value} for name, value in attributes.items()
        },
    }


def platform_of(application: str) -> str:
    """Return what SNS calls the platform of a platform application: `APNS`, `APNS_SANDBOX` or `GCM`."""
    return application.split("/")[1]


def _apns(notification: Notification, platform: str, ttl_s: str) -> tuple[dict[str, Any], dict[str, str]]:
    aps = {
        "alert": {"title": notification.title},
        "sound": "default",
        "interruption-level": INTERRUPTIONS[notification.severity],
    }
    attributes = {
        f"{platform}.TTL": ttl_s,
        "APNS.PUSH_TYPE": "alert",
        "APNS.PRIORITY": "10",  # at once: less may wait for the battery
        "APNS.COLLAPSE_ID": notification.collapse_key,
    }
    return {"aps": aps, **_told(notification)}, attributes


def _fcm(notification: Notification, _: str, ttl_s: str) -> tuple[dict[str, Any], dict[str, str]]:
    shown = {"tag": notification.collapse_key, "notification_priority": PRIORITIES[notification.severity]}
    aps = {"sound": "default", "interruption-level": INTERRUPTIONS[notification.severity]}
    headers = {"apns-collapse-id": notification.collapse_key, "apns-priority": "10"}
    message = {
        "notification": {"title": notification.title},
        "data": _told(notification),
        "android": {"priority": "HIGH", "notification": shown},
        "apns": {"headers": headers, "payload": {"aps": aps}},  # an app with Firebase on Apple's devices
    }
    return {"fcmV1Message": {"message": message}}, {"FCM.TTL": ttl_s}


def _told(notification: Notification) -> dict[str, str]:
    return {
        "alertId": notification.alert_id,
        "kind": notification.kind.value,
        "severity": notification.severity.value,
        "raisedAt": notification.raised_at,
        "collapseKey": notification.collapse_key,
    }
