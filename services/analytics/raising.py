"""From a finding to an entry of a customer's alert log: known already? cooling down? else raised.

An alert's id is made from its rule, customer and subject. So a repeated batch, an event told twice, or a payment
pending and then booked finds the alert that is there and raises nothing. Findings are kept in order until the batch
ends and raised together: a statement each, not five for every alert.
"""

import sqlite3
from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from contracts.alerts import AnyAlert
from contracts.rules import AlertRule
from services.analytics import outbox
from services.analytics.alert_log import LOOKUP_MAX, AlertLog
from services.analytics.handoffs import Bounds, opened
from services.analytics.instants import SECOND_US
from services.analytics.sights import Finding


class _Found(NamedTuple):
    alert_id: str
    customer_id: str
    rule: AlertRule
    finding: Finding
    at: str


class Raising:
    """Raises alerts within one transaction, when it ends, and counts them by kind."""

    def __init__(
        self, connection: sqlite3.Connection, log: AlertLog, bounds: Bounds | None = None, expired_before: str = ""
    ) -> None:
        """With `bounds` an alert that may have to be handed over opens its row of the outbox."""
        self._connection = connection
        self._log = log
        self._bounds = bounds
        self._expired_before = expired_before
        self._found: list[_Found] = []
        self.raised: dict[str, int] = {}

    def raise_for(self, customer_id: str, rule: AlertRule, finding: Finding, at: str) -> None:
        """Have `finish` append the alert to the customer's log unless it is there or its rule cools down."""
        alert_id = alert_id_of(rule.id, customer_id, finding.subject)
        self._found.append(_Found(alert_id, customer_id, rule, finding, at))

    def finish(self) -> None:
        """Raise what was found, in order, each at its time."""
        if not self._found:
            return
        new = self._new()
        seqs = self._log.last_seqs({found.customer_id for found in new})
        alerts: list[AnyAlert] = []
        for alert_id, customer_id, _, finding, at in new:
            seqs[customer_id] = seq = seqs[customer_id] + 1
            alert = msgspec.structs.replace(finding.alert, id=alert_id, customer_id=customer_id, seq=seq, raised_at=at)
            alerts.append(alert)
            kind = str(alert.__struct_config__.tag)
            self.raised[kind] = self.raised.get(kind, 0) + 1
            if self._bounds is not None and (hand_off := opened(alert, self._bounds)) is not None:
                outbox.put(self._connection, hand_off)
        self._log.append_raised(alerts)
        self._found.clear()

    def _new(self) -> list[_Found]:
        """Return what no alert is there for, and whose rules do not cool down."""
        known = self._known([found.alert_id for found in self._found])
        new: list[_Found] = []
        for found in self._found:
            # A known one is noted for cooling down all the same: a file made anew knows alerts before their events.
            cools_down = self._cools_down(found.customer_id, found.rule, found.finding)
            if not cools_down and found.alert_id not in known and found.at >= self._expired_before:
                known.add(found.alert_id)
                new.append(found)
        return new

    def _known(self, alert_ids: Sequence[str]) -> set[str]:
        known: set[str] = set()
        for start in range(0, len(alert_ids), LOOKUP_MAX):
            some = alert_ids[start : start + LOOKUP_MAX]
            query = f"SELECT id FROM alerts WHERE id IN ({','.join('?' * len(some))})"  # noqa: S608 - marks
            known.update(alert_id for (alert_id,) in self._connection.execute(query, some))
        return known

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
