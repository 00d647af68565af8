"""The root of mutations. Each answers a mistake of the caller's as data; a service that is away is a GraphQL error."""

from typing import Annotated, Any

import strawberry

from contracts.accounts import QuietHours
from resolvers import alerts, cards, preferences, rules
from resolvers.context import Info
from resolvers.refusals import or_refusal
from schema import results
from schema.cards import DeviceInput
from schema.demands import ALERTING, CARDS, DEVICES, STEP_UP
from schema.enums import AlertResponse
from schema.preferences import NotificationPreferencesInput
from schema.rule_inputs import AlertRuleInput
from schema.scalars import FeedCursor
from schema.views import argument, field

RuleArgument = Annotated[AlertRuleInput, argument("The rule.")]
RuleId = Annotated[strawberry.ID, argument("Global id of a rule of the customer's own.")]
AlertId = Annotated[strawberry.ID, argument("Global id of an alert.")]
CardId = Annotated[strawberry.ID, argument("Global id of a card.")]
DeviceId = Annotated[strawberry.ID, argument("Global id of a device.")]


async def _create_alert_rule(info: Info, input: RuleArgument) -> Any:
    return await or_refusal(info, lambda: rules.create(info, input.draft()), "input")


async def _update_alert_rule(info: Info, id: RuleId, input: RuleArgument) -> Any:
    return await or_refusal(info, lambda: rules.update(info, id, input.draft()), "input")


async def _delete_alert_rule(info: Info, id: RuleId) -> Any:
    return await or_refusal(info, lambda: rules.delete(info, id), "id")


async def _acknowledge_alert(info: Info, id: AlertId) -> Any:
    return await or_refusal(info, lambda: alerts.acknowledge(info, id), "id")


async def _mark_alerts_read(
    info: Info, up_to: Annotated[FeedCursor, argument("Up to and including the entry this cursor is of.")]
) -> Any:
    return await or_refusal(info, lambda: alerts.mark_read(info, up_to), "upTo")


async def _respond_to_alert(
    info: Info, id: AlertId, response: Annotated[AlertResponse, argument("The customer's answer.")]
) -> Any:
    return await or_refusal(info, lambda: alerts.respond(info, id, response), "id")


async def _freeze_card(info: Info, id: CardId) -> Any:
    return await or_refusal(info, lambda: cards.freeze(info, id), "id")


async def _unfreeze_card(info: Info, id: CardId) -> Any:
    return await or_refusal(info, lambda: cards.unfreeze(info, id), "id")


async def _register_device(info: Info, input: Annotated[DeviceInput, argument("The device.")]) -> Any:
    return await or_refusal(info, lambda: cards.register_device(info, input.platform, input.name), "input")


async def _remove_device(info: Info, id: DeviceId) -> Any:
    return await or_refusal(info, lambda: cards.remove_device(info, id), "id")


async def _update_notification_preferences(
    info: Info, input: Annotated[NotificationPreferencesInput, argument("All of the preferences.")]
) -> Any:
    hours = input.quiet_hours
    quiet_hours = None if hours is None else QuietHours(hours.start, hours.end)
    return await or_refusal(
        info,
        lambda: preferences.update(info, input.minimum_severity, input.push_enabled, input.muted_kinds, quiet_hours),
        "input",
    )


@strawberry.type(description="What can be changed. Mistakes are answered as InputErrors.")
class Mutation:
    create_alert_rule: results.CreateAlertRuleResult = field(
        "Put a rule in force; a customer has at most 50.", resolver=_create_alert_rule, demands=[ALERTING]
    )
    update_alert_rule: results.UpdateAlertRuleResult = field(
        "Replace a rule by a new version.", resolver=_update_alert_rule, demands=[ALERTING]
    )
    delete_alert_rule: results.DeleteAlertRuleResult = field(
        "Delete a rule.", resolver=_delete_alert_rule, demands=[ALERTING]
    )
    acknowledge_alert: results.AcknowledgeAlertResult = field(
        "Acknowledge an alert; repeating it changes nothing.", resolver=_acknowledge_alert, demands=[ALERTING]
    )
    mark_alerts_read: results.MarkAlertsReadResult = field(
        "Mark as read every NEW alert raised up to a cursor; repeating it changes nothing.",
        resolver=_mark_alerts_read,
        demands=[ALERTING],
    )
    respond_to_alert: results.RespondToAlertResult = field(
        'Answer "was this you?"; repeating it changes nothing.', resolver=_respond_to_alert, demands=[ALERTING, STEP_UP]
    )
    freeze_card: results.FreezeCardResult = field(
        "Freeze a card; repeating it changes nothing.", resolver=_freeze_card, demands=[CARDS, STEP_UP]
    )
    unfreeze_card: results.UnfreezeCardResult = field(
        "Lift a card's freeze; repeating it changes nothing.", resolver=_unfreeze_card, demands=[CARDS, STEP_UP]
    )
    register_device: results.RegisterDeviceResult = field(
        "Register a device.", resolver=_register_device, demands=[DEVICES, STEP_UP]
    )
    remove_device: results.RemoveDeviceResult = field(
        "Remove a device.", resolver=_remove_device, demands=[DEVICES, STEP_UP]
    )
    update_notification_preferences: results.UpdateNotificationPreferencesResult = field(
        "Replace what reaches the phone and when.", resolver=_update_notification_preferences, demands=[ALERTING]
    )
