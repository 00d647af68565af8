"""Notification preferences: what reaches the customer's phone and when."""

import re

import msgspec

from contracts.accounts import KindChannels, NotificationPreferences, QuietHours
from contracts.failures import Rejected
from contracts.vocabulary import AlertKind, AlertSeverity, NotificationChannel
from resolvers.context import Info

_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d", re.ASCII)


class PreferencesStored(msgspec.Struct, frozen=True):
    notification_preferences: NotificationPreferences


async def update(
    info: Info,
    minimum_severity: AlertSeverity,
    push_enabled: bool,
    muted_kinds: list[AlertKind],
    quiet_hours: QuietHours | None,
    sms_enabled: bool,
    channels: list[tuple[AlertKind, list[NotificationChannel]]],
) -> PreferencesStored:
    """Replace the caller's preferences."""
    context = info.context
    if quiet_hours is not None:
        _check_time(quiet_hours.start, "start")
        _check_time(quiet_hours.end, "end")
    kinds = sorted({kind.value for kind in muted_kinds})
    chosen = [KindChannels(kind.value, [one.value for one in order]) for kind, order in channels]
    preferences = NotificationPreferences(
        context.customer_id, minimum_severity.value, push_enabled, kinds, quiet_hours, sms_enabled, chosen
    )
    stored = await context.backends.accounts.set_preferences(preferences, context.deadline)
    context.forget()
    return PreferencesStored(stored)


def _check_time(text: str, field: str) -> None:
    if _TIME.fullmatch(text) is None:
        raise Rejected("A local time is written HH:MM.", code="BAD_TIME", pointer=f"/quietHours/{field}")
