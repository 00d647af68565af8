"""What can become of an alert. Pure.

    NEW ──see──▶ SEEN ──read──▶ READ ──acknowledge──▶ ACKNOWLEDGED ──answer──▶ CONFIRMED | DISMISSED ──┐
      └──────────── read, acknowledge, answer ─────────────┘ (from any of them)      REPORTED_FRAUD ◀──report fraud

An answer is final, but fraud may still be reported after another answer: nobody is told that it is too late for that.
What is already so, or already further on, is left as it is: repeats change nothing. Delivery leaves the state alone; it
is about a device (deliveries.py).
"""

from enum import StrEnum

from contracts.failures import Conflict
from contracts.vocabulary import UNREAD, AlertResponse, AlertState, DeliveryStage

UNANSWERED = UNREAD | {AlertState.READ, AlertState.ACKNOWLEDGED}


class AlertAction(StrEnum):
    DELIVER = "DELIVER"
    SEE = "SEE"
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
ACTION_AT: dict[DeliveryStage, AlertAction] = {
    DeliveryStage.DELIVERED: AlertAction.DELIVER,
    DeliveryStage.SEEN: AlertAction.SEE,
    DeliveryStage.READ: AlertAction.READ,
}
"""What a device may say by itself: that an alert came so far. Answers have calls of their own."""
STAGE_AFTER: dict[AlertAction, DeliveryStage] = {
    **dict.fromkeys(AlertAction, DeliveryStage.ANSWERED),
    **{action: stage for stage, action in ACTION_AT.items()},
}
"""How far an alert has come on the device of an action."""
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
    if action is AlertAction.DELIVER:
        return state
    if action is AlertAction.SEE:
        return AlertState.SEEN if state is AlertState.NEW else state
    if action is AlertAction.READ:
        return AlertState.READ if state in UNREAD else state
    if action is AlertAction.ACKNOWLEDGE:
        return AlertState.ACKNOWLEDGED if state in UNANSWERED else state
    answer = _ANSWERS[action]
    if state in UNANSWERED or state is answer or action is AlertAction.REPORT_FRAUD:
        return answer
    raise Conflict(f"The alert is {state.value} already; its answer is final.", code="ALREADY_ANSWERED")
