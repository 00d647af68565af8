"""The alert log's promises: gapless by condition, the unread count that of the list."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.alerts import LogEntryKind, MarkReadInput
from contracts.failures import Conflict
from services.analytics.alert_log import SqliteAlertLog
from services.analytics.alert_queries import unread_counts
from services.analytics.alert_states import AlertAction
from services.analytics.answers import change_alert, mark_read
from tests.unit.services.analytics.logs import Store, applied, at, people, seqs

ACTIONS = st.tuples(st.integers(0, 4), st.sampled_from(list(AlertAction)))


def overdrawn_and_large() -> Store:
    """Return a store in which each of two customers has five alerts."""
    log = people().pay("-1.00")
    for _ in range(4):
        log.pay("-2000.00")
    return applied(log)


@pytest.mark.parametrize("after_seq", [0, 4, 6])
def test_an_entry_that_is_not_the_next_is_a_conflict(after_seq: int) -> None:
    """Neither a hole nor a second entry of the same seq can be appended."""
    store = overdrawn_and_large()
    before = store.rows("alert_log")
    alert = msgspec.structs.replace(store.alerts()[0], id="another")
    with pytest.raises(Conflict) as refusal:
        SqliteAlertLog(store.connection).append_if(after_seq, LogEntryKind.RAISED, at(), alert)
    assert refusal.value.reason == "SEQ_MOVED_ON"
    assert store.rows("alert_log") == before


@given(st.lists(ACTIONS, max_size=20), st.integers(0, 6))
def test_the_log_stays_gapless_and_unread_is_the_list_s_count(
    actions: list[tuple[int, AlertAction]], up_to: int
) -> None:
    """Whatever customers do, in whatever order."""
    store = overdrawn_and_large()
    mine = [alert for alert in store.alerts() if alert.customer_id == "cust-1"]
    assert seqs(mine, "cust-1") == [1, 2, 3, 4, 5]
    for place, action in actions:
        try:
            change_alert(store.connection, mine[place].id, "cust-1", action, at())
        except Conflict:
            continue
    mark_read(store.connection, MarkReadInput("cust-1", up_to), at())
    log = SqliteAlertLog(store.connection)
    entries = log.read_after("cust-1", 0, 1000)
    assert [entry.seq for entry in entries] == list(range(1, log.last_seq("cust-1") + 1))
    new = store.connection.execute("SELECT count(*) FROM alerts WHERE customer_id = 'cust-1' AND state = 'NEW'")
    assert unread_counts(store.connection, ["cust-1"])["cust-1"] == new.fetchone()[0]
