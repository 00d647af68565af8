"""When an alert that no app acknowledged leaves by push, by SMS, or not at all. Pure: the clock is passed in.

    WAITING ──bound passed──▶ acknowledged, answered, too old, not wanted ──▶ closed
       ▲                      quiet hours ──▶ WAITING until they end
       │                      else SEND the next channel ──handed over──▶ WAITING for the bound of the next channel
       └──────────────────────────────────────────────────failed──▶ WAITING a growing pause, then the next channel

A channel is taken once for each alert: what was handed over is in the alert's own deliveries, written in the same
transaction as the next state. CRITICAL takes every channel and waits for nothing: not for quiet hours, not for
preferences that cannot be read. Others wait for them.
"""

from datetime import time
from enum import StrEnum
from zoneinfo import ZoneInfo

import msgspec

from contracts.alerts import AnyAlert
from contracts.vocabulary import (
    SEVERITY_ORDER,
    AlertKind,
    AlertSeverity,
    AlertState,
    DeliveryChannel,
    NotificationChannel,
)
from services.analytics.deliveries import reached_app, sent_by
from services.analytics.instants import SECOND_US, micros_at, micros_of, moment_of
from services.analytics.quiet_hours import quiet_until

SEVERITY_MIN = AlertSeverity.HIGH
"""Less never leaves the app."""
ATTEMPTS_MAX = 8
"""Attempts on a channel before the next one is taken: with their pauses about two minutes."""
RETRY_S_MAX = 60
UNREADABLE_S = 5
"""Pause while preferences cannot be read."""
LATE_S = 5
"""A service that comes this late to an alert was away itself: the app gets its whole time, once more."""
CHANNELS = tuple(NotificationChannel)
"""In the order they are taken unless a customer says otherwise."""


class Outcome(StrEnum):
    """Why nothing more is handed over."""

    REACHED = "REACHED"
    """The app has it, or the customer has answered."""
    WITHHELD = "WITHHELD"
    """The customer does not want it outside the app."""
    EXHAUSTED = "EXHAUSTED"
    """Every channel was taken."""
    EXPIRED = "EXPIRED"
    """It waited too long."""


class Bounds(msgspec.Struct, frozen=True):
    """The settings, in seconds; see contracts/settings.py."""

    high_after_s: float = 30.0
    critical_after_s: float = 10.0
    next_after_s: float = 120.0
    age_s_max: float = 24 * 3600
    event_age_s_max: float = 6 * 3600
    channels: tuple[NotificationChannel, ...] = CHANNELS
    """Those there are. A kind for which a customer chose only others takes these."""

    def patience_us(self, severity: AlertSeverity) -> int:
        """Return how long the app has to acknowledge."""
        after_s = self.critical_after_s if severity is AlertSeverity.CRITICAL else self.high_after_s
        return round(after_s * SECOND_US)


class HandOff(msgspec.Struct, frozen=True):
    """Where one alert stands; `failed` are channels given up, `attempts` those that failed on the channel in turn."""

    alert_id: str
    due_us: int
    failed: tuple[NotificationChannel, ...] = ()
    attempts: int = 0
    was_late: bool = False


class Recipient(msgspec.Struct, frozen=True):
    """What the customer wants (contracts.accounts.NotificationPreferences), and the time zone it is meant in."""

    zone: ZoneInfo
    minimum_severity: AlertSeverity = AlertSeverity.INFO
    push_enabled: bool = True
    sms_enabled: bool = False
    muted_kinds: frozenset[AlertKind] = frozenset()
    channels: dict[AlertKind, list[NotificationChannel]] = {}
    quiet_hours: tuple[time, time] | None = None


class Wait(msgspec.Struct, frozen=True):
    """Decide again when `hand_off` is due."""

    hand_off: HandOff


class Send(msgspec.Struct, frozen=True):
    """Hand over to this channel; `is_last`: there is no other to take when it fails."""

    channel: NotificationChannel
    is_last: bool


class Close(msgspec.Struct, frozen=True):
    """Nothing more is handed over."""

    outcome: Outcome


def opened(alert: AnyAlert, bounds: Bounds) -> HandOff | None:
    """Return the beginning for an alert just raised; None for one that never leaves the app."""
    if SEVERITY_ORDER[alert.severity] < SEVERITY_ORDER[SEVERITY_MIN]:
        return None
    raised_us = micros_of(alert.raised_at)
    if raised_us - micros_of(alert.occurred_at) > bounds.event_age_s_max * SECOND_US:
        return None
    return HandOff(alert.id, raised_us + bounds.patience_us(alert.severity))


def next_step(
    hand_off: HandOff, alert: AnyAlert, recipient: Recipient | None, now_us: int, bounds: Bounds
) -> Wait | Send | Close:
    """Decide what becomes of a hand-off that is due; `recipient`: None while it cannot be read."""
    if reached_app(alert) or alert.state is not AlertState.NEW:
        return Close(Outcome.REACHED)
    if now_us - micros_of(alert.raised_at) > bounds.age_s_max * SECOND_US:
        return Close(Outcome.EXPIRED)
    if not hand_off.was_late and now_us - hand_off.due_us > LATE_S * SECOND_US:
        return _later(hand_off, now_us + bounds.patience_us(alert.severity), was_late=True)
    is_critical = alert.severity is AlertSeverity.CRITICAL
    if recipient is None and not is_critical:
        return _later(hand_off, now_us + UNREADABLE_S * SECOND_US)
    wanted = channels_for(alert, recipient, bounds.channels)
    if not wanted:
        return Close(Outcome.WITHHELD)
    left = [one for one in wanted if one not in hand_off.failed and not sent_by(alert, DeliveryChannel(one))]
    if not left:
        return Close(Outcome.EXHAUSTED)
    quiet_us = None if is_critical or recipient is None else _quiet_until(recipient, now_us)
    return Send(left[0], len(left) == 1) if quiet_us is None else _later(hand_off, quiet_us)


def after_sending(hand_off: HandOff, now_us: int, bounds: Bounds) -> HandOff:
    """Return the state after a channel took it: wait for the bound of the next one."""
    due_us = now_us + round(bounds.next_after_s * SECOND_US)
    return msgspec.structs.replace(hand_off, due_us=due_us, attempts=0)


def after_failing(hand_off: HandOff, send: Send, now_us: int, *, for_good: bool) -> HandOff:
    """Return the state after a channel did not take it: again after a pause that doubles, or the next channel.

    The last channel is not given up for an outage: it is tried for as long as the alert may wait.
    """
    attempts = hand_off.attempts + 1
    if for_good or (is_last_attempt(hand_off) and not send.is_last):
        return msgspec.structs.replace(hand_off, due_us=now_us, attempts=0, failed=(*hand_off.failed, send.channel))
    pause_us = min(2 ** min(attempts - 1, 16), RETRY_S_MAX) * SECOND_US
    return msgspec.structs.replace(hand_off, due_us=now_us + pause_us, attempts=attempts)


def is_last_attempt(hand_off: HandOff) -> bool:
    """Say whether a channel that fails once more is given up, where there is another."""
    return hand_off.attempts + 1 >= ATTEMPTS_MAX


def channels_for(
    alert: AnyAlert, recipient: Recipient | None, there_are: tuple[NotificationChannel, ...] = CHANNELS
) -> list[NotificationChannel]:
    """Return the channels an alert takes, in order; every one for CRITICAL, those the customer chose first."""
    if recipient is None:
        return list(there_are)
    kind = AlertKind(str(alert.__struct_config__.tag))
    ordered = [channel for channel in recipient.channels.get(kind, there_are) if channel in there_are] or there_are
    if alert.severity is AlertSeverity.CRITICAL:
        return [*ordered, *(channel for channel in there_are if channel not in ordered)]
    too_low = SEVERITY_ORDER[alert.severity] < SEVERITY_ORDER[recipient.minimum_severity]
    if too_low or kind in recipient.muted_kinds:
        return []
    enabled = {NotificationChannel.PUSH: recipient.push_enabled, NotificationChannel.SMS: recipient.sms_enabled}
    return [channel for channel in ordered if enabled[channel]]


def _quiet_until(recipient: Recipient, now_us: int) -> int | None:
    hours = recipient.quiet_hours
    until = None if hours is None else quiet_until(*hours, recipient.zone, moment_of(now_us))
    return None if until is None else micros_at(until)


def _later(hand_off: HandOff, due_us: int, *, was_late: bool | None = None) -> Wait:
    late = hand_off.was_late if was_late is None else was_late
    return Wait(msgspec.structs.replace(hand_off, due_us=due_us, was_late=late))
