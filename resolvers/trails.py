"""What one request did and showed, for the audit record: ids and codes only. The edge reads it afterwards."""

from collections.abc import Iterable
from itertools import islice

import msgspec

from contracts.alerts import Alert
from contracts.node_ids import encode_node_id, encode_node_ids

IDS_MAX = 500
"""Ids kept of each; a request's pages hold at most a few hundred alerts."""


class Trail(msgspec.Struct, eq=False):
    """Written by resolvers; `take` empties it."""

    _alerts: dict[str, None] = msgspec.field(default_factory=dict)
    _subjects: dict[str, None] = msgspec.field(default_factory=dict)
    _refusals: dict[str, None] = msgspec.field(default_factory=dict)

    def showed(self, alerts: Iterable[Alert]) -> None:
        """Remember alerts that the customer is given."""
        kept = self._alerts
        if len(kept) < IDS_MAX:  # what a page holds beyond it is left out when they are taken
            for alert in alerts:
                kept[alert.id] = None

    def about(self, kind: str, id: str) -> None:
        """Remember what a mutation is about, whether it is the caller's or not."""
        if len(self._subjects) < IDS_MAX:
            self._subjects[encode_node_id(kind, id)] = None

    def refused(self, code: str) -> None:
        """Remember that a mutation was refused."""
        self._refusals[code] = None

    def take_alerts(self) -> list[str]:
        """Return the global ids of the alerts shown since it was last asked."""
        if not self._alerts:
            return []
        taken, self._alerts = self._alerts, {}
        return encode_node_ids("Alert", islice(taken, IDS_MAX))

    @property
    def subjects(self) -> list[str]:
        """The global ids of what the mutations were about."""
        return list(self._subjects)

    @property
    def refusals(self) -> list[str]:
        """The codes of the mutations that were refused."""
        return list(self._refusals)
