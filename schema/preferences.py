"""Notification preferences."""

import strawberry

from contracts import accounts
from schema.enums import AlertKind, AlertSeverity, NotificationChannel
from schema.views import field, view


@view(
    accounts.QuietHours, description="Hours in which only critical alerts reach the phone, in the customer's time zone."
)
class QuietHours:
    start: str = field("First minute, HH:MM.")
    end: str = field("Minute they end, HH:MM; before `start`: on the next day.")


@view(accounts.KindChannels, description="The channels that alerts of a kind take outside the app.")
class KindChannels:
    kind: AlertKind = field("The kind.")
    channels: list[NotificationChannel] = field("In this order: the next when the one before went unacknowledged.")


@view(
    accounts.NotificationPreferences,
    description="What reaches the phone outside the app and when. Alerts below HIGH never do; critical ones always do, "
    "on every channel until they are acknowledged.",
)
class NotificationPreferences:
    minimum_severity: AlertSeverity = field("Least severity that does.")
    push_enabled: bool = field("Whether push is a channel for anything but critical alerts.")
    sms_enabled: bool = field("Whether SMS is a channel for anything but critical alerts.")
    muted_kinds: list[AlertKind] = field("Kinds that do not.")
    channels: list[KindChannels] = field("Kinds with channels of their own; others take PUSH, then SMS.")
    quiet_hours: QuietHours | None = field("Hours in which nothing does; it waits until they end. Null: none.")


@strawberry.input(description="Hours in which only critical alerts reach the phone, in the customer's time zone.")
class QuietHoursInput:
    start: str = strawberry.field(description="First minute, HH:MM.")
    end: str = strawberry.field(
        description="Minute they end, HH:MM; before `start`: on the next day. Not `start` itself."
    )


@strawberry.input(description="The channels that alerts of a kind shall take outside the app.")
class KindChannelsInput:
    kind: AlertKind = strawberry.field(description="The kind; each at most once.")
    channels: list[NotificationChannel] = strawberry.field(description="In this order; each once, at least one.")


@strawberry.input(description="What shall reach the phone outside the app and when; replaces everything there was.")
class NotificationPreferencesInput:
    minimum_severity: AlertSeverity = strawberry.field(description="Least severity that shall.")
    push_enabled: bool = strawberry.field(description="Whether push shall be a channel for more than critical alerts.")
    sms_enabled: bool = strawberry.field(
        default=False, description="Whether SMS shall be a channel for more than critical alerts."
    )
    muted_kinds: list[AlertKind] = strawberry.field(default_factory=list, description="Kinds that shall not.")
    channels: list[KindChannelsInput] = strawberry.field(
        default_factory=list, description="Kinds with channels of their own; others take PUSH, then SMS."
    )
    quiet_hours: QuietHoursInput | None = strawberry.field(
        default=None, description="Hours in which nothing shall; null: none."
    )
