"""Notification preferences: what reaches a customer's phone and when; kept as the customer last put them.

Preferences stored before a field existed are read with that field's default.
"""

import re
import sqlite3
from collections.abc import Sequence

import msgspec

from contracts.accounts import KindChannels, NotificationPreferences, QuietHours
from contracts.failures import Rejected
from contracts.vocabulary import AlertKind, AlertSeverity, NotificationChannel
from services.accounts.customers import check_customer
from services.accounts.ids import json_ids

_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d", re.ASCII)
_stored = msgspec.json.Decoder(NotificationPreferences)
_json = msgspec.json.Encoder()


def defaults(customer_id: str) -> NotificationPreferences:
    """Return what holds for a customer who set nothing: everything, at any hour."""
    return NotificationPreferences(customer_id, AlertSeverity.INFO, push_enabled=True, muted_kinds=[])


def preferences_of(connection: sqlite3.Connection, customer_ids: Sequence[str]) -> list[NotificationPreferences]:
    """Return the preferences of those of the customers that exist."""
    rows = connection.execute(
        "SELECT id, body FROM customers LEFT JOIN preferences ON customer_id = id"
        " WHERE id IN (SELECT value FROM json_each(?))",
        (json_ids(customer_ids),),
    )
    return [defaults(id) if body is None else _stored.decode(body) for id, body in rows]


def put_preferences(connection: sqlite3.Connection, preferences: NotificationPreferences) -> NotificationPreferences:
    """Replace a customer's preferences; each muted kind is kept once.

    Raises:
        Rejected: `UNKNOWN_SEVERITY`, `UNKNOWN_KIND`, `BAD_CHANNELS` or `BAD_TIME`.
        NotFound: there is no such customer.
    """
    if preferences.minimum_severity not in set(AlertSeverity):
        raise Rejected("The severity is not known.", code="UNKNOWN_SEVERITY", pointer="/minimumSeverity")
    for place, kind in enumerate(preferences.muted_kinds):
        if kind not in set(AlertKind):
            raise Rejected("The alert kind is not known.", code="UNKNOWN_KIND", pointer=f"/mutedKinds/{place}")
    _check_channels(preferences.channels)
    _check_hours(preferences.quiet_hours)
    check_customer(connection, preferences.customer_id)
    kept = msgspec.structs.replace(preferences, muted_kinds=sorted(set(preferences.muted_kinds)))
    connection.execute("INSERT OR REPLACE INTO preferences VALUES (?, ?)", (kept.customer_id, _json.encode(kept)))
    return kept


def _check_channels(chosen: Sequence[KindChannels]) -> None:
    for place, one in enumerate(chosen):
        if one.kind not in set(AlertKind) or one.kind in {other.kind for other in chosen[:place]}:
            raise Rejected(
                "The alert kind is not known, or named before.", code="UNKNOWN_KIND", pointer=f"/channels/{place}/kind"
            )
        known = set(one.channels) <= set(NotificationChannel)
        if not one.channels or not known or len(set(one.channels)) < len(one.channels):
            raise Rejected(
                "Name each channel once, and at least one.", code="BAD_CHANNELS", pointer=f"/channels/{place}/channels"
            )


def _check_hours(hours: QuietHours | None) -> None:
    if hours is None:
        return
    for field, text in (("start", hours.start), ("end", hours.end)):
        if _TIME.fullmatch(text) is None:
            raise Rejected("A local time is written HH:MM.", code="BAD_TIME", pointer=f"/quietHours/{field}")
    if hours.start == hours.end:
        raise Rejected("Quiet hours end at another time than they start.", code="BAD_TIME", pointer="/quietHours/end")
