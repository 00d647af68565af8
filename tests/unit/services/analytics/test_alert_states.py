"""What can become of an alert: the whole table, and that repeats change nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.failures import Conflict
from contracts.vocabulary import AlertState
from services.analytics.alert_states import AlertAction, state_after
from tests.examples import examples

S, A = AlertState, AlertAction
TABLE = {
    S.NEW: (S.NEW, S.SEEN, S.READ, S.ACKNOWLEDGED, S.CONFIRMED, S.REPORTED_FRAUD, S.DISMISSED),
    S.SEEN: (S.SEEN, S.SEEN, S.READ, S.ACKNOWLEDGED, S.CONFIRMED, S.REPORTED_FRAUD, S.DISMISSED),
    S.READ: (S.READ, S.READ, S.READ, S.ACKNOWLEDGED, S.CONFIRMED, S.REPORTED_FRAUD, S.DISMISSED),
    S.ACKNOWLEDGED: (*[S.ACKNOWLEDGED] * 4, S.CONFIRMED, S.REPORTED_FRAUD, S.DISMISSED),
    S.CONFIRMED: (*[S.CONFIRMED] * 5, S.REPORTED_FRAUD, None),
    S.REPORTED_FRAUD: (*[S.REPORTED_FRAUD] * 4, None, S.REPORTED_FRAUD, None),
    S.DISMISSED: (*[S.DISMISSED] * 4, None, S.REPORTED_FRAUD, S.DISMISSED),
}
"""State -> the states after each action, in the order of `AlertAction`; None: refused."""


@pytest.mark.parametrize("state", S)
def test_every_step_leads_where_the_table_says(state: AlertState) -> None:
    """An answer is final, but fraud can always be reported."""
    for action, after in zip(A, TABLE[state], strict=True):
        if after is not None:
            assert state_after(state, action) is after
            continue
        with pytest.raises(Conflict) as refusal:
            state_after(state, action)
        assert refusal.value.reason == "ALREADY_ANSWERED"


@examples(50)
@given(st.lists(st.sampled_from(list(A))))
def test_repeating_an_action_changes_nothing(actions: list[AlertAction]) -> None:
    """Whatever came before, the second time is as if it never was."""
    state = S.NEW
    for action in actions:
        try:
            state = state_after(state, action)
        except Conflict:
            continue
        assert state_after(state, action) is state
