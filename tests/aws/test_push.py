"""Alerts pushed to phones over SNS: the notifier's suite on the emulator, and the journey from an event to a push."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from aws.clients import aws_client
from bench.processes import running
from contracts.accounts import PushToken
from contracts.vocabulary import PushPlatform
from services.analytics.instants import utc_now
from services.analytics.sns_push import ATTEMPTS_MAX, SnsPush
from services.analytics.tables import SCHEMA
from services.database import Database
from tests.aws.push_service import PushService, push_service
from tests.contract.notifier_contract import NotifierContract, Open, Received, notification
from tests.journey.bank import Bank, Json, kinds, take
from tests.unit.services.analytics.mobile_push import Phones, notification_at

EVERYTHING = ("events", "accounts", "analytics", "gateway")
PLATFORMS = {PushPlatform.APNS: "APNS", PushPlatform.FCM: "GCM"}
IPHONE, PIXEL = "a" * 64, "b" * 64


@pytest.fixture
async def sns(aws: dict[str, str]) -> AsyncIterator[Any]:
    """A client of the emulator itself."""
    async with aws_client("sns") as client:
        yield client


@pytest.fixture
async def applications(sns: Any, name: str) -> dict[PushPlatform, str]:
    """Platform applications of the test's own."""
    made = {}
    for platform, called in PLATFORMS.items():
        answer = await sns.create_platform_application(Name=name, Platform=called, Attributes={})
        made[platform] = answer["PlatformApplicationArn"]
    return made


@pytest.fixture
async def service(aws: dict[str, str], sns: Any, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PushService]:
    """What stands before the emulator, for clients that are made from here on."""
    async with push_service(sns, aws["AWS_ENDPOINT_URL"]) as (service, url):
        monkeypatch.setenv("AWS_ENDPOINT_URL_SNS", url)
        yield service


@pytest.fixture
async def notifier_parts(service: PushService, tmp_path: Path) -> AsyncIterator[tuple[Any, Database]]:
    database = Database(tmp_path / "analytics.sqlite3", SCHEMA)
    await database.start()
    async with aws_client("sns", attempts_max=ATTEMPTS_MAX) as client:
        yield client, database
    await database.stop()


@pytest.mark.parametrize("platform", list(PushPlatform))
class TestSnsPush(NotifierContract):
    """The adapter keeps every promise of the port over the wire."""

    has_sms = False

    @pytest.fixture
    def open_notifier(
        self, notifier_parts: tuple[Any, Database], applications: dict[PushPlatform, str], platform: PushPlatform
    ) -> Open:
        client, database = notifier_parts
        phones = Phones(PushToken("phone", "cust-1", platform, IPHONE))
        return lambda: SnsPush(client, database, phones, applications, age_s_max=86_400, clock=utc_now)

    @pytest.fixture
    def received(self, service: PushService) -> Received:
        return lambda: [notification_at(one, "cust-1") for one in service.received]


async def test_endpoints_are_made_and_taken_over_on_the_wire(
    notifier_parts: tuple[Any, Database],
    applications: dict[PushPlatform, str],
    service: PushService,
    sns: Any,
) -> None:
    """One a token; one that another system made for it is taken over; a dead one goes, with its token."""
    client, database = notifier_parts
    phones = Phones(PushToken("phone", "cust-1", PushPlatform.APNS, IPHONE))
    push = SnsPush(client, database, phones, applications, age_s_max=86_400, clock=utc_now)
    await push.hand_over(notification("alert-1:PUSH"))
    phones.tokens = [PushToken("phone", "cust-1", PushPlatform.APNS, PIXEL)]
    await push.hand_over(notification("alert-2:PUSH"))
    theirs = await sns.create_platform_endpoint(
        PlatformApplicationArn=applications[PushPlatform.APNS], Token="c" * 64, CustomUserData="another system's",
    )  # fmt: skip
    phones.tokens = [PushToken("tablet", "cust-1", PushPlatform.APNS, "c" * 64)]
    await push.hand_over(notification("alert-3:PUSH"))
    await sns.set_endpoint_attributes(EndpointArn=theirs["EndpointArn"], Attributes={"Enabled": "false"})
    phones.tokens.append(PushToken("other", "cust-1", PushPlatform.FCM, PIXEL))
    await push.hand_over(notification("alert-4:PUSH"))
    assert [one.token for one in service.received] == [IPHONE, PIXEL, "c" * 64, PIXEL]
    assert [one.device_id for one in phones.tokens] == ["other"]
    with pytest.raises(sns.exceptions.NotFoundException):
        await sns.get_endpoint_attributes(EndpointArn=theirs["EndpointArn"])


REGISTER_DEVICE = """mutation { registerDevice(input: {platform: IOS, name: "Phone"}) {
  ... on RegisterDeviceSuccess { device { id } } } }"""
REGISTER = """mutation($token: String!, $on: ID) {
  registerPushToken(input: {platform: APNS, token: $token}, deviceId: $on) {
  ... on RegisterPushTokenSuccess { device { id pushPlatform } } ... on InputErrors { errors { code path } } }
}"""
REMOVE = """mutation($token: String!) { removePushToken(input: {platform: APNS, token: $token}) {
  ... on RemovePushTokenSuccess { device { id } } } }"""
DELIVERIES = "{ viewer { alerts { nodes { id deliveries { channel stage } } } } }"


async def _open(bank: Bank, name: str, token: str) -> None:
    """A customer with an account, and a phone that has told its push token."""
    summary = await bank.post(bank.customer(name), bank.account(f"{name}-account", name))
    await bank.applied(summary["offset"])
    made = await bank.ask(name, REGISTER_DEVICE)
    answer = await bank.ask(name, REGISTER, token=token, on=made["data"]["registerDevice"]["device"]["id"])
    assert answer["data"]["registerPushToken"]["device"]["pushPlatform"] == "APNS", answer


def _overdrawn(bank: Bank, name: str) -> Json:
    """Take an account below zero just now: an alert of severity HIGH."""
    now = datetime.now(UTC)
    payment = bank.payment(f"{name}-account", "10.00", f"overdrawn-{name}-{now:%H%M%S%f}")
    return payment | {"time": now.isoformat()}


async def _until(service: PushService, token: str, count: int = 1) -> list[str]:
    """Wait until so many pushes came out for a token; return the alerts they were of."""
    async with asyncio.timeout(30):
        while True:
            pushed = [one.told()["alertId"] for one in service.received if one.token == token]
            if len(pushed) >= count:
                return pushed
            await asyncio.sleep(0.05)


async def test_what_no_app_acknowledged_is_at_the_phone_once_over_kills(
    service: PushService, applications: dict[PushPlatform, str], tmp_path: Path
) -> None:
    """Analytics dies after the alert, after the push, and between SNS's answer and its own record of it.

    Only the last one is pushed again, in the place of the first. The app that returns gets each alert once, under the
    id it was pushed under. A phone that was signed out is pushed nothing more.
    """
    settings = {
        "BELFRY_PUSH": "sns",
        "BELFRY_PUSH_APNS_APPLICATION": applications[PushPlatform.APNS],
        "BELFRY_PUSH_HIGH_AFTER_S": "1.5",
    }
    async with running(tmp_path / "belfry", *EVERYTHING, settings=settings) as belfry, Bank(belfry) as bank:

        async def restart() -> None:
            belfry.kill("analytics")
            await belfry.start("analytics")

        await _open(bank, "olga", IPHONE)
        async with bank.sse("olga") as feed:
            (caught_up,) = await take(feed, 1)
        await bank.applied((await bank.post(_overdrawn(bank, "olga")))["offset"])
        await restart()
        (pushed,) = await _until(service, IPHONE)
        await restart()
        assert "10.00" not in str(service.received)
        async with bank.websocket("olga", caught_up["cursor"]) as feed:
            told = [event for event in await take(feed, 3) if "alert" in event]
        assert kinds(told) == ["AlertRaised", "AlertChanged"]
        assert {event["alert"]["id"] for event in told} == {pushed}
        (alert,) = (await bank.ask("olga", DELIVERIES))["data"]["viewer"]["alerts"]["nodes"]
        assert alert == {"id": pushed, "deliveries": [{"channel": "PUSH", "stage": "SENT"}]}

        died = asyncio.Event()

        async def die() -> None:
            if not died.is_set():
                died.set()
                belfry.kill("analytics")

        await _open(bank, "pia", PIXEL)
        service.before_answer = die
        await bank.post(_overdrawn(bank, "pia"))
        await died.wait()
        await belfry.start("analytics")
        await _until(service, PIXEL, 2)
        twice = [one for one in service.received if one.token == PIXEL]
        assert len({one.attributes["AWS.SNS.MOBILE.APNS.COLLAPSE_ID"] for one in twice}) == 1

        await bank.ask("olga", REMOVE, token=IPHONE)
        await _open(bank, "quin", "c" * 64)
        await bank.post(_overdrawn(bank, "olga"), _overdrawn(bank, "quin"))
        await _until(service, "c" * 64)  # once hers is pushed, another of the one signed out would have been too
        assert [one.token for one in service.received] == [IPHONE, PIXEL, PIXEL, "c" * 64]
        assert IPHONE not in "".join(belfry.log(name) for name in EVERYTHING)
