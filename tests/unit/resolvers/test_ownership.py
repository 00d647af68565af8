"""What is not yours is exactly like what does not exist, by every path."""

from typing import Any

import pytest

from contracts.failures import Problem
from resolvers.node_ids import encode_node_id
from tests.cases import each
from tests.unit.resolvers.services import ANNA, BEN, CURSORS, SCHEMA, Services, ask, context_of

OWN = [
    ("Account", "a-current"),
    ("Alert", "alert-a"),
    ("AlertRule", "rule-a"),
    ("AlertRule", "bank-large"),
    ("Card", "card-a"),
    ("Customer", ANNA),
    ("Device", "phone-a"),
    ("Transaction", "t-1"),
]
FOREIGN = [
    ("Account", "b-current"),
    ("Alert", "alert-b"),
    ("AlertRule", "rule-b"),
    ("Card", "card-b"),
    ("Card", "card-other-holder"),
    ("Customer", BEN),
    ("Device", "phone-b"),
    ("Transaction", "t-9"),
]
MISSING = [
    ("Account", "nowhere"),
    ("Alert", "nowhere"),
    ("AlertRule", "nowhere"),
    ("Card", "nowhere"),
    ("Customer", "nowhere"),
    ("Device", "nowhere"),
    ("Transaction", "nowhere"),
    ("Nonsense", "t-1"),
]
NODE = "query($id: ID!) { node(id: $id) { id __typename } }"
RULE = {"name": "r", "severity": "LOW", "condition": {"amount": {"amount": {"amount": "5.00", "currency": "EUR"}}}}
REFUSED = "... on InputErrors { errors { code path } }"


@each(("kind", "id"), OWN)
async def test_what_is_yours_is_found_by_its_id(services: Services, kind: str, id: str) -> None:
    """Every type that is a Node is found again by the id it shows."""
    node_id = encode_node_id(kind, id)
    assert (await ask(services, NODE, id=node_id))["node"]["id"] == node_id


@each(("kind", "id"), [*FOREIGN, *MISSING])
async def test_what_is_not_yours_is_null_like_what_is_not_there(services: Services, kind: str, id: str) -> None:
    """A foreign object and a missing one answer the same null without an error."""
    assert await ask(services, NODE, id=encode_node_id(kind, id)) == {"node": None}


@pytest.mark.parametrize(("kind", "foreign"), FOREIGN)
async def test_what_is_not_yours_takes_as_long_as_what_is_not_there(kind: str, foreign: str) -> None:
    """The services are asked the same for both: no call more or less tells that something exists."""
    paths = []
    for id in (foreign, "nowhere"):
        services = Services()
        await ask(services, NODE, id=encode_node_id(kind, id))
        paths.append(services.paths())
    assert paths[0] == paths[1]


@each("id", ["", "x", "====", "QWNjb3VudA", "é", "A" * 300, "QWNjb3VudDo"])
async def test_what_is_no_id_is_null(services: Services, id: str) -> None:
    """Garbage is an id nothing has."""
    assert await ask(services, NODE, id=id) == {"node": None}


async def test_nodes_answers_each_id_in_its_place(services: Services) -> None:
    """Foreign and missing ids leave a null at their place."""
    ids = [encode_node_id(*FOREIGN[0]), encode_node_id("Account", "a-current"), "garbage"]
    data = await ask(services, "query($ids: [ID!]!) { nodes(ids: $ids) { __typename } }", ids=ids)
    assert data["nodes"] == [None, {"__typename": "CurrentAccount"}, None]


async def test_lists_show_only_what_is_yours(services: Services) -> None:
    """Alerts by transaction, reasons, cards, rules and previews come for all customers and leave for one."""
    data = await ask(
        services,
        """query($input: AlertRuleInput!) { viewer { cards { maskedPan } alertRules { name bankWide }
             accounts { ... on CardAccount { cards { maskedPan } } }
             alertRulePreview(input: $input) { alerts { title } }
             transactions { nodes { alerts { id } card { maskedPan } } }
             alerts { nodes { reasons { transactions { id } } } } } }""",
        input=RULE,
    )
    viewer = data["viewer"]
    assert [rule["name"] for rule in viewer["alertRules"]] == ["Large", "Declined", "Mine"]
    assert len(viewer["alertRulePreview"]["alerts"]) == 1
    assert viewer["cards"] == [{"maskedPan": "************1111"}]
    assert [one["cards"] for one in viewer["accounts"] if one] == [[{"maskedPan": "************1111"}]]
    assert [one["card"] and one["card"]["maskedPan"][-4:] for one in viewer["transactions"]["nodes"]] == [
        None,
        "1111",
        None,
    ]
    assert len(viewer["transactions"]["nodes"][0]["alerts"]) == 1
    assert len(viewer["alerts"]["nodes"][0]["reasons"][0]["transactions"]) == 1


async def test_a_filter_finds_nothing_on_accounts_that_are_not_yours(services: Services) -> None:
    """Foreign and missing ids in a filter are no condition met, and never reach a service."""
    query = "query($ids: [ID!]) { viewer { transactions(filter: {accountIds: $ids}) { nodes { id } } } }"
    foreign = [encode_node_id("Account", "b-current"), encode_node_id("Account", "nowhere"), "garbage"]
    assert await ask(services, query, ids=foreign) == {"viewer": {"transactions": {"nodes": []}}}
    assert "/transactions" not in services.paths()
    await ask(services, query, ids=[*foreign, encode_node_id("Account", "a-card")])
    assert services.calls[-1][2]["accountId"] == ["a-card"]


MUTATIONS: list[tuple[str, str]] = [
    ("Card", "mutation($id: ID!) { done: freezeCard(id: $id) { %s } }"),
    ("Card", "mutation($id: ID!) { done: unfreezeCard(id: $id) { %s } }"),
    ("Device", "mutation($id: ID!) { done: removeDevice(id: $id) { %s } }"),
    ("Alert", "mutation($id: ID!) { done: acknowledgeAlert(id: $id) { %s } }"),
    ("Alert", "mutation($id: ID!) { done: respondToAlert(id: $id, response: CONFIRM) { %s } }"),
    ("AlertRule", "mutation($id: ID!) { done: deleteAlertRule(id: $id) { %s } }"),
]


SPEAKING = [
    "mutation($id: ID!, $device: ID) { done: acknowledgeDelivery(ids: [$id], deviceId: $device) { %s } }",
    "mutation($id: ID!, $device: ID) { done: acknowledgeAlert(id: $id, deviceId: $device) { %s } }",
    "mutation($id: ID!, $device: ID) { done: respondToAlert(id: $id, response: CONFIRM, deviceId: $device) { %s } }",
    "mutation($upTo: FeedCursor!, $device: ID) { done: markAlertsRead(upTo: $upTo, deviceId: $device) { %s } }",
    'mutation($device: ID) { done: registerPushToken(input: {platform: APNS, token: "t"}, deviceId: $device) { %s } }',
]


@each(
    ("bound", "named"),
    [(None, "phone-b"), (None, "nowhere"), ("phone-b", None), ("phone-a", "phone-b"), ("phone-b", "phone-a")],
)
@each("mutation", SPEAKING)
async def test_a_device_speaks_for_itself_and_its_owner_alone(
    services: Services, mutation: str, bound: str | None, named: str | None
) -> None:
    """Another customer's device, one that does not exist, and one the token is not bound to: nothing is written."""
    device = None if named is None else encode_node_id("Device", named)
    variables: dict[str, Any] = {
        "id": encode_node_id("Alert", "alert-a"),
        "device": device,
        "upTo": CURSORS.sign(ANNA, 1, 0),
    }
    answer = await ask(services, mutation % REFUSED, bound_to=bound, **variables)
    assert answer["done"] == {"errors": [{"code": "NOT_FOUND", "path": ["deviceId"]}]}
    assert {method for method, _, _ in services.calls} <= {"GET"}


async def test_alerts_are_delivered_all_yours_or_none(services: Services) -> None:
    """One foreign id among one's own, and nothing is written."""
    mutation = f"mutation($ids: [ID!]!) {{ done: acknowledgeDelivery(ids: $ids) {{ {REFUSED} }} }}"
    ids = [encode_node_id("Alert", "alert-a"), encode_node_id("Alert", "alert-b")]
    assert (await ask(services, mutation, ids=ids))["done"] == {"errors": [{"code": "NOT_FOUND", "path": ["ids"]}]}
    assert {method for method, _, _ in services.calls} <= {"GET"}


@pytest.mark.parametrize(("kind", "mutation"), MUTATIONS)
async def test_a_mutation_refuses_what_is_not_yours_like_what_is_not_there(
    services: Services, kind: str, mutation: str
) -> None:
    """Foreign, missing and mistyped ids get the same answer, and nothing is written."""
    foreign = next(id for name, id in FOREIGN if name == kind)
    ids = [encode_node_id(kind, foreign), encode_node_id(kind, "nowhere"), encode_node_id("Customer", ANNA), "garbage"]
    answers = [(await ask(services, mutation % REFUSED, id=id))["done"] for id in ids]
    assert answers == [{"errors": [{"code": "NOT_FOUND", "path": ["id"]}]}] * 4
    assert {method for method, _, _ in services.calls} <= {"GET"}


async def test_the_banks_rules_cannot_be_changed(services: Services) -> None:
    """A bank-wide rule is everyone's to see and nobody's to delete."""
    mutation = f"mutation($id: ID!) {{ deleteAlertRule(id: $id) {{ {REFUSED} }} }}"
    data = await ask(services, mutation, id=encode_node_id("AlertRule", "bank-large"))
    assert data["deleteAlertRule"]["errors"][0]["code"] == "NOT_FOUND"


async def test_a_rule_cannot_name_accounts_that_are_not_yours(services: Services) -> None:
    """An id inside an input is checked like any other."""
    mutation = f"mutation($input: AlertRuleInput!) {{ createAlertRule(input: $input) {{ {REFUSED} }} }}"
    for id in ("b-current", "nowhere"):
        rule = RULE | {"accountIds": [encode_node_id("Account", "a-card"), encode_node_id("Account", id)]}
        data = await ask(services, mutation, input=rule)
        assert data["createAlertRule"]["errors"] == [{"code": "NOT_FOUND", "path": ["input", "accountIds", "1"]}]
    assert {method for method, _, _ in services.calls} == {"GET"}


@pytest.mark.parametrize("id", [encode_node_id("Account", "b-current"), encode_node_id("Account", "nowhere"), "x"])
async def test_a_subscription_refuses_an_account_that_is_not_yours(services: Services, id: str) -> None:
    """The stream does not start; the error is typed."""
    result: Any = await SCHEMA.subscribe(
        "subscription($id: ID!) { accountChanged(id: $id) { id } }",
        variable_values={"id": id},
        context_value=context_of(services),
    )
    [answer] = [one async for one in result]
    assert answer.errors[0].original_error.reason == "NOT_FOUND"


async def test_a_customer_the_services_do_not_know_owns_nothing(services: Services) -> None:
    """A token for nobody sees empty lists, not an error about entitlements."""
    services.problems["/customers/anna/entitlements"] = Problem(404, "NOT_FOUND", "no")
    assert await ask(
        services, "{ viewer { accounts { id } transactions { nodes { id } } forecast { currency } } }"
    ) == {"viewer": {"accounts": [], "transactions": {"nodes": []}, "forecast": None}}
