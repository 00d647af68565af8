"""Notification preferences."""

import strawberry

from contracts import accounts
from schema.enums import AlertKind, AlertSeverity
from schema.views import field, view


@view(
    accounts.QuietHours, description="Hours in which only critical alerts reach the phone, in the customer's time zone."
)
class QuietHours:
    start: str = field("First minute, HH:MM.")
    end: str = field("Minute they end, HH:MM; before `start`: on the next day.")


@view(accounts.NotificationPreferences, description="What reaches the phone and when; critical alerts always do.")
class NotificationPreferences:
    minimum_severity: AlertSeverity = field("Least severity that does.")
    push_enabled: bool = field("Whether anything but critical alerts does.")
    muted_kinds: list[AlertKind] = field("Kinds that do not.")
    quiet_hours: QuietHours | None = field("Hours in which nothing does; null: none.")


@strawberry.input(description="Hours in which only critical alerts reach the phone, in the customer's time zone.")
class QuietHoursInput:
    start: str = strawberry.field(description="First minute, HH:MM.")
    end: str = strawberry.field(description="Minute they end, HH:MM; before `start`: on the next day.")


@strawberry.input(description="What shall reach the phone and when; replaces everything there was.")
class NotificationPreferencesInput:
    minimum_severity: AlertSeverity = strawberry.field(description="Least severity that shall.")
    push_enabled: bool = strawberry.field(description="Whether anything but critical alerts shall.")
    muted_kinds: list[AlertKind] = strawberry.field(default_factory=list, description="Kinds that shall not.")
    quiet_hours: QuietHoursInput | None = strawberry.field(
        default=None, description="Hours in which nothing shall; null: none."
    )
