"""From a finding to an entry of a customer's alert log: known already? cooling down? else raised.

An alert's id is made from its rule, customer and subject. So a repeated batch, an event told twice, or a payment
pending and then booked finds the alert that is there and raises nothing.
"""

import sqlite3
from hashlib import blake2b

import msgspec

from contracts.alerts import LogEntryKind
from contracts.rules import AlertRule
from services.analytics import outbox
from services.analytics.alert_log import AlertLog
from services.analytics.handoffs import Bounds, opened
from services.analytics.instants import SECOND_US
from services.analytics.sights import Finding


class Raising:
    """Raises alerts within one transaction and counts them by kind."""

    def __init__(self, connection: sqlite3.Connection, log: AlertLog, bounds: Bounds | None = None) -> None:
        """With `bounds` an alert that may have to be handed over opens its row of the outbox."""
        self._connection = connection
        self._log = log
        self._bounds = bounds
        self.raised: dict[str, int] = {}

    def raise_for(self, customer_id: str, rule: AlertRule, finding: Finding, at: str) -> None:
        """Append the alert to the customer's log unless it is there or its rule cools down; raised at `at`."""
        alert_id = alert_id_of(rule.id, customer_id, finding.subject)
        if self._is_known(alert_id) or self._cools_down(customer_id, rule, finding):
            return
        seq = self._log.last_seq(customer_id) + 1
        alert = msgspec.structs.replace(finding.alert, id=alert_id, customer_id=customer_id, seq=seq, raised_at=at)
        self._log.append_if(seq - 1, LogEntryKind.RAISED, at, alert)
        if self._bounds is not None and (hand_off := opened(alert, self._bounds)) is not None:
            outbox.put(self._connection, hand_off)
        kind = str(alert.__struct_config__.tag)
        self.raised[kind] = self.raised.get(kind, 0) + 1

    def _is_known(self, alert_id: str) -> bool:
        return self._connection.execute("SELECT 1 FROM alerts WHERE id = ?", (alert_id,)).fetchone() is not None

    def _cools_down(self, customer_id: str, rule: AlertRule, finding: Finding) -> bool:
        """Say whether the rule alerted too near to this in event time, on either side; if not, note this alert."""
        if rule.cooldown_s == 0:
            return False
        key = f"{rule.id} {customer_id} {finding.alert.account_id or ''}"
        row = self._connection.execute("SELECT occurred_us FROM cooldowns WHERE key = ?", (key,)).fetchone()
        if row is not None and abs(finding.occurred_us - row[0]) < rule.cooldown_s * SECOND_US:
            return True
        self._connection.execute(
            "INSERT INTO cooldowns VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET "
            "occurred_us = max(occurred_us, excluded.occurred_us)",
            (key, finding.occurred_us),
        )
        return False


def alert_id_of(rule_id: str, customer_id: str, subject: str) -> str:
    """Return the id of the alert of a rule for a customer about a subject."""
    return blake2b(f"{rule_id}\n{customer_id}\n{subject}".encode(), digest_size=16).hexdigest()
