"""Close windows: move an account's first open day on, and let BELOW rules judge the windows that end with it.

Windows are judged in the order they end, then by holder and rule, so that closing several at once raises what closing
them one by one would have raised.
"""

import sqlite3
from collections.abc import Callable

from contracts.rules import AggregateCondition
from services.analytics.instants import DAY_US, SECOND_US, time_text
from services.analytics.memory import Memory
from services.analytics.outcomes import Outcome
from services.analytics.rule_book import below_rules, watches
from services.analytics.states import AccountState
from services.analytics.window_rules import falls_below
from services.analytics.windows import TICK_MARGIN_S, closed_windows, open_day_by_clock
from services.analytics.workspace import Workspace

ACCOUNTS_MAX = 100_000
"""Accounts whose windows one tick closes."""


def close_by_clock(work: Workspace, account_id: str, account: AccountState, now_us: int, lateness_us: int) -> None:
    """Close what the clock closes on a quiet account. Alerts are raised at the moment a window was due."""
    open_day = open_day_by_clock(account, now_us, lateness_us)
    if open_day != account.open_day:
        heard_us = account.heard_us
        due = lambda end_day: time_text(max(heard_us, end_day * DAY_US) + lateness_us)  # noqa: E731 - reads best here
        close_windows(work, account_id, account, open_day, due)


def close_windows(
    work: Workspace, account_id: str, account: AccountState, open_day: int, raised_at: Callable[[int], str]
) -> None:
    """Close an account's days before `open_day`; `raised_at` gives the raising time of a window by its end day."""
    judged = [
        (days.stop, place, rule.id, days, customer_id, rule)
        for place, customer_id in enumerate(account.holders)
        for rule in work.rules.below_rules(work.connection, customer_id, account_id)
        if isinstance(rule.condition, AggregateCondition)
        for days in closed_windows(account.open_day, open_day, rule.condition.window_hours // 24)
    ]
    for end_day, _, _, days, customer_id, rule in sorted(judged, key=lambda each: each[:3]):
        facts = work.facts_between(account_id, days.start * DAY_US, days.stop * DAY_US - 1)
        finding = falls_below(rule, account_id, account, days, facts)
        if finding is not None:
            work.raising.raise_for(customer_id, rule, finding, raised_at(end_day))
    if account.open_day:
        work.windows_closed += open_day - account.open_day
    account.open_day = open_day
    work.memory.accounts.put(account_id, account)


def watched_accounts(connection: sqlite3.Connection) -> list[str]:
    """Return the accounts that rules wait for windows to close on; empty when no tick is needed.

    Windows of other accounts close unseen, at their next event.
    """
    watched: set[str] = set()
    for rule in below_rules(connection):
        held = connection.execute("SELECT account_id FROM holders WHERE customer_id = ?", (rule.customer_id,))
        watched.update(account_id for (account_id,) in held if watches(rule, account_id))
    return sorted(watched)[:ACCOUNTS_MAX]


def close_quiet(
    connection: sqlite3.Connection, memory: Memory, account_ids: list[str], now_us: int, lateness_s: int
) -> Outcome:
    """Close what the wall clock closes while the log is quiet; every closing is one the next event would have made."""
    work = Workspace(connection, memory)
    memory.accounts.load(connection, account_ids)
    for account_id in account_ids:
        account = memory.accounts.get(account_id)
        if account is not None:
            close_by_clock(work, account_id, account, now_us - TICK_MARGIN_S * SECOND_US, lateness_s * SECOND_US)
    work.finish(0)
    return Outcome(0, work.raising.raised, 0, work.windows_closed)
