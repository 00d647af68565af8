"""Spending over a period, against earlier ones: sums that SQLite makes over `facts`, put into a report. Reads only."""

import sqlite3
from collections import defaultdict
from collections.abc import Sequence

import msgspec

from contracts.insights import SpendingInsight, SpendingReport
from contracts.money import money_of
from contracts.vocabulary import SpendingGroup
from services.analytics.baselines import baseline_of
from services.analytics.instants import day_text

EARLIER_PERIODS = 12
"""Periods of equal length before the one asked for, that comparison and baseline are made of."""
CURRENCY_UNKNOWN = "EUR"
"""What a report without any transaction is in."""

_KEYS = {
    SpendingGroup.CATEGORY: "category",
    SpendingGroup.MERCHANT: "party",
    SpendingGroup.COUNTRY: "country",
    SpendingGroup.DAY: "day",
    SpendingGroup.PURPOSE: "purpose",
}
ACCOUNTS = "account_id IN (SELECT value FROM json_each(?))"


class _Group(msgspec.Struct):
    """One group's sum and count in the period, and its sums in earlier ones by how many periods back they lie."""

    total: int = 0
    count: int = 0
    earlier: dict[int, int] = msgspec.field(default_factory=dict)


def spending_report(
    connection: sqlite3.Connection,
    account_ids: Sequence[str],
    days: range,
    group_by: SpendingGroup,
    currency: str | None,
) -> SpendingReport:
    """Sum the spending of accounts over `days` (numbers since 1970-01-01) in one currency, by group.

    Without a currency it is the one with most transactions in the period. A baseline is made of the earlier periods
    in which the group had spending; days have none.
    """
    accounts = msgspec.json.encode(list(account_ids))
    currencies = _currencies(connection, accounts, days)
    chosen = currency or (currencies[0] if currencies else _last_currency(connection, accounts))
    groups = _groups(connection, accounts, days, group_by, chosen)
    ranked = sorted((-group.total, key) for key, group in groups.items() if group.count)
    return SpendingReport(
        day_text(days.start),
        day_text(days[-1]),
        chosen,
        sorted(currencies),
        money_of(sum(group.total for group in groups.values()), chosen),
        money_of(sum(group.earlier.get(1, 0) for group in groups.values()), chosen),
        [_insight(key, groups[key], group_by, chosen) for _, key in ranked],
    )


def _currencies(connection: sqlite3.Connection, accounts: bytes, days: range) -> list[str]:
    query = f"""SELECT currency FROM facts WHERE {ACCOUNTS} AND day BETWEEN ? AND ? AND spending <> 0
        GROUP BY currency ORDER BY count(*) DESC, currency"""  # noqa: S608 - conditions of ours
    return [row[0] for row in connection.execute(query, (accounts, days.start, days[-1]))]


def _last_currency(connection: sqlite3.Connection, accounts: bytes) -> str:
    query = f"SELECT currency FROM facts WHERE {ACCOUNTS} ORDER BY day DESC LIMIT 1"  # noqa: S608 - ours
    row = connection.execute(query, (accounts,)).fetchone()
    return row[0] if row is not None else CURRENCY_UNKNOWN


def _groups(
    connection: sqlite3.Connection, accounts: bytes, days: range, group_by: SpendingGroup, currency: str
) -> dict[str, _Group]:
    first = days.start - len(days) * (1 if group_by is SpendingGroup.DAY else EARLIER_PERIODS)
    query = f"""SELECT {_KEYS[group_by]}, (day - ?) / ?, sum(spending), count(*) FROM facts
        WHERE {ACCOUNTS} AND day BETWEEN ? AND ? AND spending <> 0 AND currency = ? GROUP BY 1, 2"""  # noqa: S608 - ours
    groups: dict[str, _Group] = defaultdict(_Group)
    last_period = (days.start - first) // len(days)
    for key, period, total, count in connection.execute(query, (first, len(days), accounts, first, days[-1], currency)):
        back = last_period - period
        group = groups[str(key + len(days) * back if group_by is SpendingGroup.DAY else key)]
        if back == 0:
            group.total, group.count = total, count
        else:
            group.earlier[back] = total
    return dict(groups)


def _insight(key: str, group: _Group, group_by: SpendingGroup, currency: str) -> SpendingInsight:
    of_days = group_by is SpendingGroup.DAY
    return SpendingInsight(
        day_text(int(key)) if of_days else key,
        money_of(group.total, currency),
        group.count,
        money_of(group.earlier.get(1, 0), currency),
        None if of_days else baseline_of(list(group.earlier.values()), currency),
    )
