"""The alert log's promises: gapless by condition, the unread count that of the list."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.alerts import AnyAlert, LogEntryKind, MarkReadInput
from contracts.failures import Conflict
from contracts.vocabulary import STAGE_ORDER, UNREAD, AlertSeverity, DeliveryChannel, DeliveryStage
from services.analytics.alert_log import SqliteAlertLog
from services.analytics.alert_queries import alert_page, unread_counts
from services.analytics.alert_states import STAGE_AFTER, AlertAction
from services.analytics.answers import change_alert, mark_read
from services.analytics.deliveries import DELIVERIES_MAX, with_delivery
from tests.examples import examples
from tests.unit.services.analytics.logs import Store, applied, at, people, seqs

decode = msgspec.json.Decoder(AnyAlert).decode
ACTIONS = st.tuples(st.integers(0, 4), st.sampled_from(list(AlertAction)), st.sampled_from(["phone", "tablet", None]))
RAISED = 5


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


def test_alerts_raised_together_are_all_appended_or_none() -> None:
    """Each is the next entry of its customer, in the order given; one that is not keeps all of them out."""
    store = overdrawn_and_large()
    log = SqliteAlertLog(store.connection)
    template = store.alerts()[0]
    raised = [
        msgspec.structs.replace(template, id=f"new-{n}", customer_id=customer_id, seq=seq)
        for n, (customer_id, seq) in enumerate([("cust-2", 6), ("cust-1", 6), ("cust-9", 1), ("cust-1", 7)])
    ]
    before = store.rows("alert_log")
    for seq in (7, 9):
        with pytest.raises(Conflict):
            log.append_raised([*raised, msgspec.structs.replace(template, id="new", customer_id="cust-1", seq=seq)])
        assert store.rows("alert_log") == before
    log.append_raised(raised)
    query = "SELECT alert FROM alert_log ORDER BY log_offset DESC LIMIT 4"
    assert [decode(alert) for (alert,) in store.connection.execute(query)] == raised[::-1]
    assert unread_counts(store.connection, ["cust-1", "cust-2", "cust-9"]) == {"cust-1": 7, "cust-2": 6, "cust-9": 1}


@examples(30)
@given(st.lists(ACTIONS, max_size=20), st.integers(0, 6))
def test_the_log_stays_gapless_and_unread_is_the_list_s_count(
    actions: list[tuple[int, AlertAction, str | None]], up_to: int
) -> None:
    """Whatever customers do, in whatever order, on whatever device."""
    store = overdrawn_and_large()
    mine = [alert for alert in store.alerts() if alert.customer_id == "cust-1"]
    assert seqs(mine, "cust-1") == list(range(1, RAISED + 1))
    for place, action, device in actions:
        try:
            change_alert(store.connection, mine[place].id, "cust-1", action, at(), device)
        except Conflict:
            continue
    mark_read(store.connection, MarkReadInput("cust-1", up_to), at())
    log = SqliteAlertLog(store.connection)
    entries = log.read_after("cust-1", 0, 1000)
    assert [entry.seq for entry in entries] == list(range(1, log.last_seq("cust-1") + 1))
    unread = alert_page(store.connection, "cust-1", 100, None, list(UNREAD), AlertSeverity.INFO, ())
    assert unread_counts(store.connection, ["cust-1"]) == {"cust-1": len(unread.edges)}


@examples(30)
@given(st.lists(ACTIONS, max_size=20))
def test_each_device_s_stage_only_rises_and_each_rise_is_an_entry(
    actions: list[tuple[int, AlertAction, str | None]],
) -> None:
    """The last entry of an alert says how far it came on each device, and repeating all of it adds no entry."""
    store = overdrawn_and_large()
    mine = [alert for alert in store.alerts() if alert.customer_id == "cust-1"]
    expected: dict[tuple[str, str | None], DeliveryStage] = {}
    for place, action, device in actions * 2:
        key = (mine[place].id, device)
        try:
            _, changed = change_alert(store.connection, mine[place].id, "cust-1", action, at(), device)
        except Conflict:
            continue
        stage = STAGE_AFTER[action]
        rises = key not in expected or STAGE_ORDER[stage] > STAGE_ORDER[expected[key]]
        assert changed >= rises
        expected[key] = stage if rises else expected[key]
    entries = SqliteAlertLog(store.connection).read_after("cust-1", RAISED, 1000)
    last = {entry.id: entry for entry in (decode(one.alert) for one in entries)}
    found = {(alert.id, each.device_id): each.stage for alert in last.values() for each in alert.deliveries}
    assert found == expected


def test_what_is_remembered_of_an_alert_is_bounded() -> None:
    """Past the bound the delivery that came first leaves."""
    alert = overdrawn_and_large().alerts()[0]
    for number in range(DELIVERIES_MAX + 2):
        alert = with_delivery(alert, DeliveryChannel.APP, DeliveryStage.SEEN, at(), f"device-{number}")
    assert [each.device_id for each in alert.deliveries] == [f"device-{n + 2}" for n in range(DELIVERIES_MAX)]
