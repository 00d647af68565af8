"""What no app acknowledges is pushed, once, whatever is killed; and what the app has acknowledged is not."""

import asyncio
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from joserfc.jws import extract_compact

from tests.journey.bank import PATIENCE_S, Bank, Json, kinds, take

pytestmark = [pytest.mark.journey, pytest.mark.asyncio(loop_scope="session")]

TELL = "mutation($ids: [ID!]!) { acknowledgeDelivery(ids: $ids) { __typename } }"
DELIVERIES = "{ viewer { alerts { nodes { id deliveries { channel stage } } } } }"
PREFER = """mutation($muted: [AlertKind!]!) { updateNotificationPreferences(
  input: {minimumSeverity: INFO, pushEnabled: true, mutedKinds: $muted}) { __typename } }"""


WISH = """mutation($input: NotificationPreferencesInput!) {
  updateNotificationPreferences(input: $input) { __typename } }"""
RULE = """mutation { createAlertRule(input: {name: "Much", severity: CRITICAL, cooldown: 0,
  condition: {amount: {amount: {amount: "500.00", currency: "EUR"}, direction: DEBIT}}}) { __typename } }"""


def _overdrawn(bank: Bank, account_id: str, amount: str = "10.00") -> Json:
    """Take an account below zero just now: an alert of severity HIGH."""
    now = datetime.now(UTC)
    payment = bank.payment(account_id, amount, f"overdrawn-{account_id}-{now:%H%M%S%f}")
    return payment | {"time": now.isoformat()}


def _pushed(bank: Bank) -> list[Json]:
    path = bank.belfry.data_dir / "notifications.ndjson"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


async def _until_pushed(bank: Bank, *customers: str, times: int = 1) -> list[Json]:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            pushed = _pushed(bank)
            if Counter(dict.fromkeys(customers, times)) <= Counter(one["customerId"] for one in pushed):
                return pushed
            await asyncio.sleep(0.05)


async def _open(bank: Bank, *names: str) -> None:
    opening: list[Json] = []
    for name in names:
        opening += [bank.customer(name), bank.account(f"{name}-account", name)]
    await bank.settle(*opening)


async def _deliveries(bank: Bank, name: str) -> list[Any]:
    answer = await bank.ask(name, DELIVERIES)
    return [node["deliveries"] for node in answer["data"]["viewer"]["alerts"]["nodes"]]


async def test_what_no_app_acknowledged_is_pushed_once_over_kills(mortal_bank: Bank) -> None:
    """Analytics dies right after the alert and again after the push; the account service is away in between."""
    bank = mortal_bank
    await _open(bank, "olga")
    await bank.settle(_overdrawn(bank, "olga-account"))
    for name in ("analytics", "accounts"):
        bank.belfry.kill(name)
    await bank.belfry.start("analytics")
    await bank.belfry.start("accounts")
    (pushed,) = [one for one in await _until_pushed(bank, "olga") if one["customerId"] == "olga"]
    bank.belfry.kill("analytics")
    await bank.belfry.start("analytics")
    await _open(bank, "pia")
    await bank.post(_overdrawn(bank, "pia-account"))  # once hers is pushed, another of his would have been too
    everything = await _until_pushed(bank, "pia")
    assert [one["customerId"] for one in everything].count("olga") == 1
    assert await _deliveries(bank, "olga") == [[{"channel": "PUSH", "stage": "SENT"}]]
    (alert,) = (await bank.ask("olga", DELIVERIES))["data"]["viewer"]["alerts"]["nodes"]
    assert (pushed["alertId"], pushed["channel"], pushed["severity"]) == (alert["id"], "PUSH", "HIGH")
    assert not {"10.00", "olga-account"} & set(json.dumps(pushed).replace('"', " ").split())


async def test_what_the_app_acknowledged_is_not_pushed(mortal_bank: Bank) -> None:
    """One app tells that it has the alert, one customer mutes its kind; only the third's is pushed."""
    bank = mortal_bank
    await _open(bank, "quin", "rosa", "sven")
    await bank.ask("rosa", PREFER, muted=["LOW_BALANCE"])
    async with bank.sse("quin") as feed:
        await take(feed, 1)
        await bank.post(_overdrawn(bank, "quin-account"))
        (raised,) = await take(feed, 1)
        await bank.ask("quin", TELL, ids=[raised["alert"]["id"]])
        assert kinds(await take(feed, 1)) == ["AlertChanged"]
        await bank.post(_overdrawn(bank, "rosa-account"), _overdrawn(bank, "sven-account"))
        customers = [one["customerId"] for one in await _until_pushed(bank, "sven")]
    assert not {"quin", "rosa"} & set(customers)


async def test_customers_decide_what_reaches_them_outside_the_app(mortal_bank: Bank) -> None:
    """Quiet hours are those of their own clock, CRITICAL passes them on every channel, a kind takes those chosen."""
    bank = mortal_bank
    here, there = "Etc/GMT-6", "Etc/GMT+6"  # half a day apart
    now = datetime.now(ZoneInfo(here))
    quiet = {"start": f"{now - timedelta(hours=1):%H:%M}", "end": f"{now + timedelta(hours=1):%H:%M}"}
    wish = {"minimumSeverity": "INFO", "pushEnabled": True, "quietHours": quiet}
    chosen = {"smsEnabled": True, "channels": [{"kind": "LOW_BALANCE", "channels": ["SMS", "PUSH"]}]}
    await bank.post(bank.customer("uma", here), bank.customer("vera", there))
    summary = await bank.post(bank.account("uma-account", "uma"), bank.account("vera-account", "vera"))
    await bank.applied(summary["offset"])
    answers = [
        await bank.ask("uma", WISH, input=wish),
        await bank.ask("vera", WISH, input=wish | chosen),
        await bank.ask("uma", RULE),
    ]
    assert "errors" not in str(answers)
    assert "InputErrors" not in str(answers)
    await bank.post(_overdrawn(bank, "uma-account"))
    await bank.post(_overdrawn(bank, "uma-account", "600.00"), _overdrawn(bank, "vera-account"))
    pushed = await _until_pushed(bank, "uma", "vera", times=2)
    came = [(one["customerId"], one["severity"], one["channel"]) for one in pushed]
    assert [one[1:] for one in came if one[0] == "uma"] == [("CRITICAL", "PUSH"), ("CRITICAL", "SMS")]
    assert [one[1:] for one in came if one[0] == "vera"] == [("HIGH", "SMS"), ("HIGH", "PUSH")]


async def test_a_pushed_alert_comes_in_the_feed_under_the_same_id(mortal_bank: Bank) -> None:
    """The app returns with its cursor: it gets the alert once, knows it by its id, and sees that it was pushed."""
    bank = mortal_bank
    await _open(bank, "tina")
    async with bank.sse("tina") as feed:
        (caught_up,) = await take(feed, 1)
    await bank.post(_overdrawn(bank, "tina-account"))
    (pushed,) = [one for one in await _until_pushed(bank, "tina") if one["customerId"] == "tina"]
    async with bank.websocket("tina", caught_up["cursor"]) as feed:
        events = await take(feed, 3)
    told = [event for event in events if "alert" in event]  # the push may be recorded after the feed has caught up
    assert kinds(told) == ["AlertRaised", "AlertChanged"]
    assert {event["alert"]["id"] for event in told} == {pushed["alertId"]}


REGISTER_DEVICE = """mutation { registerDevice(input: {platform: ANDROID, name: "Phone"}) {
  ... on RegisterDeviceSuccess { device { id } } } }"""
REGISTER = """mutation($token: String!, $on: ID) {
  registerPushToken(input: {platform: FCM, token: $token}, deviceId: $on) {
    ... on RegisterPushTokenSuccess { device { pushPlatform } } ... on InputErrors { errors { code } } }
}"""
DEVICES = "{ viewer { devices { pushPlatform } } }"
PUSH_TOKEN = "fcm-token:" + "x" * 40


async def test_a_push_token_ends_with_the_access_token_it_was_registered_with(bank: Bank) -> None:
    """Revoked, its device is pushed nothing; it is on the audit record, but in no file except the account service's."""
    await _open(bank, "ulla")
    made = await bank.ask("ulla", REGISTER_DEVICE)
    device_id = made["data"]["registerDevice"]["device"]["id"]
    access_token = bank.token("ulla")
    answer = await bank.ask_with(access_token, REGISTER, token=PUSH_TOKEN, on=device_id)
    assert answer["data"] == {"registerPushToken": {"device": {"pushPlatform": "FCM"}}}
    revocation = {"tokenId": json.loads(extract_compact(access_token.encode()).payload)["jti"]}
    async with bank.http.post(f"{bank.belfry.urls['gateway']}/revocations", json=revocation) as revoked:
        assert revoked.status == 200
    devices = (await bank.ask("ulla", DEVICES))["data"]["viewer"]["devices"]
    assert devices == [{"pushPlatform": None}]
    chains = [path.read_text() for path in bank.belfry.data_dir.glob("audit/*.ndjson")]
    records = [json.loads(line) for chain in chains for line in chain.splitlines()]
    assert [one["subjects"] for one in records if one.get("actions") == ["registerPushToken"]] == [[device_id]]
    holding = {path.name for path in bank.belfry.data_dir.rglob("*") if path.is_file() and _holds(path, PUSH_TOKEN)}
    assert holding <= {"accounts.sqlite3", "accounts.sqlite3-wal"}


def _holds(path: Path, text: str) -> bool:
    return text.encode() in path.read_bytes()
