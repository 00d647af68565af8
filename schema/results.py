"""What mutations answer: a union of what was achieved and the caller's mistakes."""

from typing import Annotated, Any, Union

import strawberry

from contracts.alerts import MarkReadResult
from resolvers import alerts, cards, devices, preferences, refusals, rules
from schema.alerts import Alert
from schema.cards import Card, Device
from schema.preferences import NotificationPreferences
from schema.rules import AlertRule
from schema.views import field, view


@view(refusals.InputError, description="A mistake in what was sent.")
class InputError:
    message: str = field("A sentence for the customer; in English.")
    path: list[str] = field("The argument, and the field within it, that is wrong.")
    code: str = field("A stable code, such as NOT_FOUND.")


@view(refusals.InputErrors, description="Nothing was changed, and why.", exact=True)
class InputErrors:
    errors: list[InputError] = field("The mistakes; at least one.")


@view(rules.RuleCreated, description="A rule is in force.", exact=True)
class CreateAlertRuleSuccess:
    rule: AlertRule = field("The new rule.")


@view(rules.RuleUpdated, description="A rule has a new version.", exact=True)
class UpdateAlertRuleSuccess:
    rule: AlertRule = field("The rule as it is now.")


@view(rules.RuleDeleted, description="A rule is gone; its alerts stay.", exact=True)
class DeleteAlertRuleSuccess:
    deleted_id: strawberry.ID = field("Global id it had.")


@view(alerts.AlertAcknowledged, description="An alert is acknowledged.", exact=True)
class AcknowledgeAlertSuccess:
    alert: Alert = field("The alert as it is now.")


@view(alerts.DeliveryAcknowledged, description="How far alerts came is noted.", exact=True)
class AcknowledgeDeliverySuccess:
    alerts: list[Alert] = field("The alerts as they are now, each once, in the order named.")


@view(alerts.AlertAnswered, description="An alert is answered.", exact=True)
class RespondToAlertSuccess:
    alert: Alert = field("The alert as it is now.")


@view(MarkReadResult, description="Alerts are read.", exact=True)
class MarkAlertsReadSuccess:
    changed_count: int = field("How many were unread before.")
    unread_count: int = field("How many still are.")


@view(cards.CardFrozen, description="A card is frozen.", exact=True)
class FreezeCardSuccess:
    card: Card = field("The card as it is now.")


@view(cards.CardUnfrozen, description="A card is no longer frozen.", exact=True)
class UnfreezeCardSuccess:
    card: Card = field("The card as it is now.")


@view(cards.DeviceRegistered, description="A device is registered.", exact=True)
class RegisterDeviceSuccess:
    device: Device = field("The new device.")


@view(cards.DeviceRemoved, description="A device is removed.", exact=True)
class RemoveDeviceSuccess:
    removed_id: strawberry.ID = field("Global id it had.")


@view(devices.PushTokenRegistered, description="Alerts are pushed to a device.", exact=True)
class RegisterPushTokenSuccess:
    device: Device = field("The device as it is now.")


@view(devices.PushTokenRemoved, description="None of the customer's alerts is pushed by that token.", exact=True)
class RemovePushTokenSuccess:
    device: Device | None = field("The device that had it; null where none of the customer's has.")


@view(preferences.PreferencesStored, description="The preferences are replaced.", exact=True)
class UpdateNotificationPreferencesSuccess:
    notification_preferences: NotificationPreferences = field("The preferences as they are now.")


def _result(name: str, success: type) -> Any:
    description = f"{success.__name__}, or InputErrors when nothing was changed."
    return Annotated[Union[success, InputErrors], strawberry.union(name, description=description)]  # noqa: UP007


CreateAlertRuleResult = _result("CreateAlertRuleResult", CreateAlertRuleSuccess)
UpdateAlertRuleResult = _result("UpdateAlertRuleResult", UpdateAlertRuleSuccess)
DeleteAlertRuleResult = _result("DeleteAlertRuleResult", DeleteAlertRuleSuccess)
AcknowledgeAlertResult = _result("AcknowledgeAlertResult", AcknowledgeAlertSuccess)
AcknowledgeDeliveryResult = _result("AcknowledgeDeliveryResult", AcknowledgeDeliverySuccess)
RespondToAlertResult = _result("RespondToAlertResult", RespondToAlertSuccess)
MarkAlertsReadResult = _result("MarkAlertsReadResult", MarkAlertsReadSuccess)
FreezeCardResult = _result("FreezeCardResult", FreezeCardSuccess)
UnfreezeCardResult = _result("UnfreezeCardResult", UnfreezeCardSuccess)
RegisterDeviceResult = _result("RegisterDeviceResult", RegisterDeviceSuccess)
RemoveDeviceResult = _result("RemoveDeviceResult", RemoveDeviceSuccess)
RegisterPushTokenResult = _result("RegisterPushTokenResult", RegisterPushTokenSuccess)
RemovePushTokenResult = _result("RemovePushTokenResult", RemovePushTokenSuccess)
UpdateNotificationPreferencesResult = _result(
    "UpdateNotificationPreferencesResult", UpdateNotificationPreferencesSuccess
)
