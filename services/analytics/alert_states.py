"""What can become of an alert. Pure.

    NEW ──read──▶ READ ──acknowledge──▶ ACKNOWLEDGED ──answer──▶ CONFIRMED | DISMISSED ──report fraud──▶ REPORTED_FRAUD
      └───────────── acknowledge, answer ─────────────┘ (from any of the first three)

An answer is final, but fraud may still be reported after another answer: nobody is told that it is too late for that.
What is already so, or already further on, is left as it is: repeats change nothing.
"""

from enum import StrEnum

from contracts.failures import Conflict
from contracts.vocabulary import AlertResponse, AlertState

UNANSWERED = frozenset({AlertState.NEW, AlertState.READ, AlertState.ACKNOWLEDGED})


class AlertAction(StrEnum):
    READ = "READ"
    ACKNOWLEDGE = "ACKNOWLEDGE"
    CONFIRM = "CONFIRM"
    REPORT_FRAUD = "REPORT_FRAUD"
    DISMISS = "DISMISS"


ACTION_OF: dict[AlertResponse, AlertAction] = {
    AlertResponse.CONFIRM: AlertAction.CONFIRM,
    AlertResponse.REPORT_FRAUD: AlertAction.REPORT_FRAUD,
    AlertResponse.DISMISS: AlertAction.DISMISS,
}
_ANSWERS: dict[AlertAction, AlertState] = {
    AlertAction.CONFIRM: AlertState.CONFIRMED,
    AlertAction.REPORT_FRAUD: AlertState.REPORTED_FRAUD,
    AlertAction.DISMISS: AlertState.DISMISSED,
}


def state_after(state: AlertState, action: AlertAction) -> AlertState:
    """Return the state after an action; the same state where it changes nothing.

    Raises:
        Conflict: `ALREADY_ANSWERED`; the alert has another answer. Do not retry.
    """
    if action is AlertAction.READ:
        return AlertState.READ if state is AlertState.NEW else state
    if action is AlertAction.ACKNOWLEDGE:
        return AlertState.ACKNOWLEDGED if state in UNANSWERED else state
    answer = _ANSWERS[action]
    if state in UNANSWERED or state is answer or action is AlertAction.REPORT_FRAUD:
        return answer
    raise Conflict(f"The alert is {state.value} already; its answer is final.", code="ALREADY_ANSWERED")
