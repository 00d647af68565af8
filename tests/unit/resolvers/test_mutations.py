"""Mutations write for the caller, answer what is true afterwards, and say what was wrong as data."""

import json
from typing import Any

import pytest

from contracts.failures import Problem
from resolvers.node_ids import encode_node_id
from tests.unit.resolvers.services import ANNA, BEN, CURSORS, Services, ask

CONDITIONS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (
        {"amount": {"amount": {"amount": "5.00", "currency": "EUR"}, "direction": "DEBIT"}},
        {"kind": "AMOUNT", "amount": {"amount": "5.00", "currency": "EUR"}, "direction": "DBIT"},
    ),
    (
        {"balance": {"threshold": {"amount": "-5.00", "currency": "EUR"}}},
        {"kind": "BALANCE", "threshold": {"amount": "-5.00", "currency": "EUR"}},
    ),
    (
        {"aggregate": {"comparison": "ABOVE", "windowHours": 24, "count": 3, "category": "CASH"}},
        {"kind": "AGGREGATE", "comparison": "ABOVE", "windowHours": 24, "count": 3, "category": "CASH"},
    ),
    ({"baseline": {"deviations": "3.5"}}, {"kind": "BASELINE", "deviations": "3.5"}),
    ({"country": {"homeCountries": ["DE", "AT"]}}, {"kind": "COUNTRY", "homeCountries": ["DE", "AT"]}),
]
CREATE = """mutation($input: AlertRuleInput!) { createAlertRule(input: $input) {
  ... on CreateAlertRuleSuccess { rule { name version cooldown accounts { displayName }
      condition { __typename ... on AmountCondition { raises } } } }
  ... on InputErrors { errors { code path } } } }"""


def rule(**more: Any) -> dict[str, Any]:
    return {"name": " Mine ", "severity": "LOW", "condition": CONDITIONS[0][0], "cooldown": 60} | more


@pytest.mark.parametrize(("condition", "sent"), CONDITIONS)
async def test_a_rule_is_sent_with_its_condition(
    services: Services, condition: dict[str, Any], sent: dict[str, Any]
) -> None:
    """Each kind of condition reaches the analytics service as the contract writes it, for the caller."""
    data = await ask(
        services, CREATE, input=rule(condition=condition, accountIds=[encode_node_id("Account", "a-card")])
    )
    assert data["createAlertRule"]["rule"]["condition"] == {
        "__typename": "AmountCondition",
        "raises": "LARGE_TRANSACTION",
    }
    body = json.loads(next(body for body in services.bodies if body))
    assert body["condition"] == sent
    assert (body["customerId"], body["name"], body["cooldownS"], body["accountIds"]) == (ANNA, "Mine", 60, ["a-card"])


@pytest.mark.parametrize(
    ("wrong", "code", "path"),
    [
        ({"name": "  "}, "BAD_NAME", ["name"]),
        ({"name": "x" * 81}, "BAD_NAME", ["name"]),
        ({"cooldown": -1}, "BAD_COOLDOWN", ["cooldown"]),
        ({"accountIds": ["x"] * 101}, "TOO_MANY", ["accountIds"]),
        (
            {"condition": {"amount": {"amount": {"amount": "5.001", "currency": "EUR"}}}},
            "BAD_AMOUNT",
            ["condition", "amount", "amount"],
        ),
        (
            {"condition": {"balance": {"threshold": {"amount": "5", "currency": "XXQ"}}}},
            "UNKNOWN_CURRENCY",
            ["condition", "balance", "threshold"],
        ),
        (
            {"condition": {"aggregate": {"comparison": "ABOVE", "windowHours": 1}}},
            "BAD_CONDITION",
            ["condition", "aggregate"],
        ),
    ],
)
async def test_a_mistake_in_a_rule_names_its_place(
    services: Services, wrong: dict[str, Any], code: str, path: list[str]
) -> None:
    """What is wrong comes back as data, and nothing is written."""
    data = await ask(services, CREATE, input=rule(**wrong))
    assert data["createAlertRule"]["errors"] == [{"code": code, "path": ["input", *path]}]
    assert services.bodies == [b""] * len(services.bodies)


async def test_what_a_service_refuses_is_an_input_error(services: Services) -> None:
    """The service's own code and pointer reach the app."""
    services.problems["/rules"] = Problem(409, "TOO_MANY_RULES", "You have 50 rules.", "/name")
    data = await ask(services, CREATE, input=rule())
    assert data["createAlertRule"]["errors"] == [{"code": "TOO_MANY_RULES", "path": ["input", "name"]}]


async def test_a_rule_is_updated_and_deleted_by_its_owner(services: Services) -> None:
    """Both go to the rule's own path."""
    id = encode_node_id("AlertRule", "rule-a")
    update = "mutation($id: ID!, $input: AlertRuleInput!) { updateAlertRule(id: $id, input: $input) { __typename } }"
    data = await ask(services, update, id=id, input=rule())
    assert data["updateAlertRule"] == {"__typename": "UpdateAlertRuleSuccess"}
    delete = "mutation($id: ID!) { deleteAlertRule(id: $id) { ... on DeleteAlertRuleSuccess { deletedId } } }"
    assert (await ask(services, delete, id=id))["deleteAlertRule"] == {"deletedId": id}
    assert services.calls[-1] == ("DELETE", "/rules/rule-a", {"customerId": [ANNA]})


async def test_alerts_are_acknowledged_and_answered_for_the_caller(services: Services) -> None:
    """The customer's id goes with the answer."""
    id = encode_node_id("Alert", "alert-a")
    await ask(services, "mutation($id: ID!) { acknowledgeAlert(id: $id) { __typename } }", id=id)
    assert json.loads(services.bodies[-1]) == {"customerId": ANNA}
    data = await ask(
        services,
        """mutation($id: ID!) { respondToAlert(id: $id, response: REPORT_FRAUD) {
             ... on RespondToAlertSuccess { alert { __typename state account { displayName } } } } }""",
        id=id,
    )
    assert data["respondToAlert"]["alert"]["account"] == {"displayName": "a-current"}
    assert {"customerId": ANNA, "response": "REPORT_FRAUD"} in [json.loads(body) for body in services.bodies if body]


DELIVER = """mutation($ids: [ID!]!, $on: ID) { done: acknowledgeDelivery(ids: $ids, stage: SEEN, deviceId: $on) {
  ... on AcknowledgeDeliverySuccess { alerts { id deliveries { channel stage device { name } } } }
  ... on InputErrors { errors { code path } } } }"""
PHONE = encode_node_id("Device", "phone-a")


@pytest.mark.parametrize(
    ("bound", "named", "sent"),
    [("phone-a", None, "phone-a"), ("phone-a", PHONE, "phone-a"), (None, PHONE, "phone-a"), (None, None, None)],
)
async def test_a_device_tells_how_far_alerts_came(
    services: Services, bound: str | None, named: str | None, sent: str | None
) -> None:
    """The token's own device, or the one that is named, goes with the alerts; others' devices are not shown."""
    id = encode_node_id("Alert", "alert-a")
    data = await ask(services, DELIVER, bound_to=bound, ids=[id], on=named)
    device = {"deviceId": sent} if sent else {}
    bodies = [json.loads(body) for body in services.bodies if body]
    assert bodies == [{"customerId": ANNA, "alertIds": ["alert-a"], "stage": "SEEN"} | device]
    assert data["done"]["alerts"][0]["deliveries"] == [
        {"channel": "APP", "stage": "SEEN", "device": {"name": "Phone"}},
        {"channel": "APP", "stage": "READ", "device": None},
        {"channel": "PUSH", "stage": "SENT", "device": None},
    ]


@pytest.mark.parametrize("count", [0, 101])
async def test_a_delivery_is_of_a_bounded_number_of_alerts(services: Services, count: int) -> None:
    """None, or more than a hundred, are refused before anything is asked for."""
    data = await ask(services, DELIVER, ids=[encode_node_id("Alert", "alert-a")] * count)
    assert data["done"]["errors"] == [{"code": "TOO_MANY", "path": ["ids"]}]
    assert services.calls == []


MARK = """mutation($upTo: FeedCursor!) { markAlertsRead(upTo: $upTo) {
  ... on MarkAlertsReadSuccess { changedCount unreadCount } ... on InputErrors { errors { code path } } } }"""


async def test_alerts_are_read_up_to_a_cursor(services: Services) -> None:
    """The cursor's seq is what is sent."""
    data = await ask(services, MARK, upTo=CURSORS.sign(ANNA, 7, 0))
    assert data["markAlertsRead"] == {"changedCount": 1, "unreadCount": 1}
    assert json.loads(services.bodies[-1]) == {"customerId": ANNA, "upToSeq": 7}


async def test_another_customers_cursor_marks_nothing(services: Services) -> None:
    """A foreign cursor is refused and nothing is sent."""
    data = await ask(services, MARK, upTo=CURSORS.sign(BEN, 7, 0))
    assert data["markAlertsRead"]["errors"] == [{"code": "BAD_CURSOR", "path": ["upTo"]}]
    assert services.calls == []


@pytest.mark.parametrize("done", ["freeze", "unfreeze"])
async def test_a_card_is_frozen_and_unfrozen(services: Services, done: str) -> None:
    """The answer is the card, with its account read afterwards."""
    data = await ask(
        services,
        f"""mutation($id: ID!) {{ done: {done}Card(id: $id) {{
              ... on {done.title()}CardSuccess {{ card {{ maskedPan account {{ displayName }} }} }} }} }}""",
        id=encode_node_id("Card", "card-a"),
    )
    assert data["done"]["card"]["account"] == {"displayName": "a-card"}
    assert ("POST", f"/cards/card-a/{done}", {}) in services.calls


async def test_an_expired_card_is_an_input_error(services: Services) -> None:
    """A conflict is the caller's to see."""
    services.problems["/cards/card-a/freeze"] = Problem(409, "CARD_EXPIRED", "The card has expired.")
    mutation = "mutation($id: ID!) { freezeCard(id: $id) { ... on InputErrors { errors { code message } } } }"
    data = await ask(services, mutation, id=encode_node_id("Card", "card-a"))
    assert data["freezeCard"]["errors"] == [{"code": "CARD_EXPIRED", "message": "The card has expired."}]


async def test_a_device_is_registered_and_removed(services: Services) -> None:
    """Both are the caller's own."""
    data = await ask(
        services,
        """mutation { registerDevice(input: {platform: IOS, name: " Phone "}) {
             ... on RegisterDeviceSuccess { device { id } } } }""",
    )
    assert json.loads(services.bodies[-1]) == {"customerId": ANNA, "platform": "IOS", "name": "Phone"}
    id = data["registerDevice"]["device"]["id"]
    removal = "mutation($id: ID!) { removeDevice(id: $id) { ... on RemoveDeviceSuccess { removedId } } }"
    assert (await ask(services, removal, id=id))["removeDevice"] == {"removedId": id}


REGISTER_PUSH = """mutation($on: ID) { done: registerPushToken(input: {platform: FCM, token: "secret"}, deviceId: $on) {
  ... on RegisterPushTokenSuccess { device { id } } ... on InputErrors { errors { code path } } } }"""
REMOVE_PUSH = """mutation { done: removePushToken(input: {platform: FCM, token: "secret"}) {
  ... on RemovePushTokenSuccess { device { id } } } }"""


@pytest.mark.parametrize(("bound", "named"), [("phone-a", None), (None, PHONE)])
async def test_a_push_token_is_registered_for_the_device_that_speaks(
    services: Services, bound: str | None, named: str | None
) -> None:
    """The token's own or the one named; it goes to the account service in a body and is in no answer."""
    data = await ask(services, REGISTER_PUSH, bound_to=bound, on=named)
    assert data["done"] == {"device": {"id": PHONE}}
    assert services.calls[-1] == ("PUT", "/devices/phone-a/push-token", {})
    assert json.loads(services.bodies[-1]) == {"customerId": ANNA, "platform": "FCM", "token": "secret"}


async def test_no_push_token_is_registered_for_no_device(services: Services) -> None:
    """A token bound to none must say which it is; nothing is asked for."""
    data = await ask(services, REGISTER_PUSH)
    assert data["done"]["errors"] == [{"code": "DEVICE_NEEDED", "path": ["deviceId"]}]
    assert services.calls == []


async def test_who_knows_a_push_token_may_remove_it(services: Services) -> None:
    """Of the caller's own devices."""
    assert (await ask(services, REMOVE_PUSH))["done"] == {"device": {"id": PHONE}}
    assert json.loads(services.bodies[-1]) == {"customerId": ANNA, "platform": "FCM", "token": "secret"}


PREFER = """mutation($hours: QuietHoursInput) { updateNotificationPreferences(
  input: {minimumSeverity: HIGH, pushEnabled: true, mutedKinds: [LOGIN, VELOCITY, LOGIN], quietHours: $hours,
    smsEnabled: true, channels: [{kind: LOW_BALANCE, channels: [SMS, PUSH]}]}) {
  ... on UpdateNotificationPreferencesSuccess { notificationPreferences {
    mutedKinds smsEnabled channels { kind channels } quietHours { start } } }
  ... on InputErrors { errors { code path } } } }"""


async def test_preferences_are_replaced(services: Services) -> None:
    """All of them are sent, each kind once."""
    data = await ask(services, PREFER, hours={"start": "22:00", "end": "07:00"})
    stored = data["updateNotificationPreferences"]["notificationPreferences"]
    assert stored["channels"] == [{"kind": "LOGIN", "channels": ["SMS"]}]
    assert json.loads(services.bodies[-1]) == {
        "customerId": ANNA,
        "minimumSeverity": "HIGH",
        "pushEnabled": True,
        "mutedKinds": ["LOGIN", "VELOCITY"],
        "quietHours": {"start": "22:00", "end": "07:00"},
        "smsEnabled": True,
        "channels": [{"kind": "LOW_BALANCE", "channels": ["SMS", "PUSH"]}],
    }


async def test_quiet_hours_are_times_of_day(services: Services) -> None:
    """A time no clock shows is refused with its place."""
    data = await ask(services, PREFER, hours={"start": "22:00", "end": "24:00"})
    assert data["updateNotificationPreferences"]["errors"] == [
        {"code": "BAD_TIME", "path": ["input", "quietHours", "end"]}
    ]
