"""The root of mutations. Each answers a mistake of the caller's as data; a service that is away is a GraphQL error."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import strawberry

from contracts.accounts import QuietHours
from contracts.alerts import ALERTS_AT_ONCE_MAX
from resolvers import alerts, cards, devices, preferences, rules
from resolvers.context import Info
from resolvers.devices import known_device, speaking_device
from resolvers.refusals import InputErrors, or_refusal
from schema import results
from schema.cards import DeviceInput, PushTokenInput
from schema.demands import ALERTING, CARDS, DEVICES, STEP_UP
from schema.enums import AlertResponse, DeliveryStage
from schema.preferences import NotificationPreferencesInput
from schema.rule_inputs import AlertRuleInput
from schema.scalars import FeedCursor
from schema.views import argument, field

RuleArgument = Annotated[AlertRuleInput, argument("The rule.")]
RuleId = Annotated[strawberry.ID, argument("Global id of a rule of the customer's own.")]
SpeakingDeviceId = Annotated[
    strawberry.ID | None,
    argument(
        "Global id of the customer's own device this happens on; null: the one the token is bound to, or none. A token "
        "bound to a device speaks for no other."
    ),
]
AlertIds = Annotated[list[strawberry.ID], argument(f"Global ids of 1 to {ALERTS_AT_ONCE_MAX} alerts.")]
AlertId = Annotated[strawberry.ID, argument("Global id of an alert.")]
CardId = Annotated[strawberry.ID, argument("Global id of a card.")]
DeviceId = Annotated[strawberry.ID, argument("Global id of a device.")]
PushTokenArgument = Annotated[PushTokenInput, argument("The token.")]


async def _create_alert_rule(info: Info, input: RuleArgument) -> Any:
    return await or_refusal(info, lambda: rules.create(info, input.draft()), "input")


async def _update_alert_rule(info: Info, id: RuleId, input: RuleArgument) -> Any:
    return await or_refusal(info, lambda: rules.update(info, id, input.draft()), "input")


async def _delete_alert_rule(info: Info, id: RuleId) -> Any:
    return await or_refusal(info, lambda: rules.delete(info, id), "id")


async def _on_device(
    info: Info, device_id: str | None, work: Callable[[str | None], Awaitable[Any]], argument: str
) -> Any:
    """Do what a device says, once it is settled which device speaks."""
    device = await or_refusal(info, lambda: speaking_device(info, device_id), "deviceId")
    if isinstance(device, InputErrors):
        return device
    return await or_refusal(info, lambda: work(device), argument)


async def _acknowledge_delivery(
    info: Info,
    ids: AlertIds,
    stage: Annotated[DeliveryStage, argument("How far they came: DELIVERED, SEEN or READ.")] = DeliveryStage.DELIVERED,
    device_id: SpeakingDeviceId = None,
) -> Any:
    return await _on_device(
        info, device_id, lambda device: alerts.acknowledge_delivery(info, ids, stage, device), "ids"
    )


async def _acknowledge_alert(info: Info, id: AlertId, device_id: SpeakingDeviceId = None) -> Any:
    return await _on_device(info, device_id, lambda device: alerts.acknowledge(info, id, device), "id")


async def _mark_alerts_read(
    info: Info,
    up_to: Annotated[FeedCursor, argument("Up to and including the entry this cursor is of.")],
    device_id: SpeakingDeviceId = None,
) -> Any:
    return await _on_device(info, device_id, lambda device: alerts.mark_read(info, up_to, device), "upTo")


async def _respond_to_alert(
    info: Info,
    id: AlertId,
    response: Annotated[AlertResponse, argument("The customer's answer.")],
    device_id: SpeakingDeviceId = None,
) -> Any:
    return await _on_device(info, device_id, lambda device: alerts.respond(info, id, response, device), "id")


async def _freeze_card(info: Info, id: CardId) -> Any:
    return await or_refusal(info, lambda: cards.freeze(info, id), "id")


async def _unfreeze_card(info: Info, id: CardId) -> Any:
    return await or_refusal(info, lambda: cards.unfreeze(info, id), "id")


async def _register_device(info: Info, input: Annotated[DeviceInput, argument("The device.")]) -> Any:
    return await or_refusal(info, lambda: cards.register_device(info, input.platform, input.name), "input")


async def _remove_device(info: Info, id: DeviceId) -> Any:
    return await or_refusal(info, lambda: cards.remove_device(info, id), "id")


async def _register_push_token(info: Info, input: PushTokenArgument, device_id: SpeakingDeviceId = None) -> Any:
    device = await or_refusal(info, lambda: known_device(info, device_id), "deviceId")
    if isinstance(device, InputErrors):
        return device
    return await or_refusal(
        info, lambda: devices.register_push_token(info, input.platform, input.token, device), "input"
    )


async def _remove_push_token(info: Info, input: PushTokenArgument) -> Any:
    return await or_refusal(info, lambda: devices.remove_push_token(info, input.platform, input.token), "input")


async def _update_notification_preferences(
    info: Info, input: Annotated[NotificationPreferencesInput, argument("All of the preferences.")]
) -> Any:
    hours = input.quiet_hours
    quiet_hours = None if hours is None else QuietHours(hours.start, hours.end)
    return await or_refusal(
        info,
        lambda: preferences.update(
            info,
            input.minimum_severity,
            input.push_enabled,
            input.muted_kinds,
            quiet_hours,
            input.sms_enabled,
            [(one.kind, one.channels) for one in input.channels],
        ),
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
    acknowledge_delivery: results.AcknowledgeDeliveryResult = field(
        "Tell how far alerts came on a device: all of them or, with a mistake, none; repeating it changes nothing. An "
        "alert from HIGH up that no device has told in time leaves by push: tell DELIVERED of each AlertRaised.",
        resolver=_acknowledge_delivery,
        demands=[ALERTING],
    )
    acknowledge_alert: results.AcknowledgeAlertResult = field(
        "Acknowledge an alert; repeating it changes nothing.", resolver=_acknowledge_alert, demands=[ALERTING]
    )
    mark_alerts_read: results.MarkAlertsReadResult = field(
        "Mark as read every unread alert raised up to a cursor; repeating it changes nothing.",
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
    register_push_token: results.RegisterPushTokenResult = field(
        "Have alerts pushed to a device: the one the token is bound to, or the one named. It takes the place of the "
        "device's token before; one that another device or customer had is no longer theirs. Of a customer's tokens "
        "the 20 that were registered last count. Repeating it changes nothing.",
        resolver=_register_push_token,
        demands=[DEVICES, STEP_UP],
    )
    remove_push_token: results.RemovePushTokenResult = field(
        "Push nothing more by a token, before signing out; only who knows the token can. Repeating it changes nothing.",
        resolver=_remove_push_token,
        demands=[DEVICES],
    )
    update_notification_preferences: results.UpdateNotificationPreferencesResult = field(
        "Replace what reaches the phone and when.", resolver=_update_notification_preferences, demands=[ALERTING]
    )
