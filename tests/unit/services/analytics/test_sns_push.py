"""Pushes by SNS, on mobile push as AWS documents it: each device once, whatever fails, and only who has a token now."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from contracts.accounts import PushToken
from contracts.alerts import AlertReason, LogEntryKind, LoginAlert
from contracts.failures import Failure, Overloaded, Rejected, Unavailable
from contracts.vocabulary import AlertKind, AlertSeverity, AlertState, DevicePlatform, NotificationChannel, PushPlatform
from services.analytics import outbox, push_records
from services.analytics.alert_log import SqliteAlertLog
from services.analytics.handing_over import HandingOver
from services.analytics.handoffs import (
    ATTEMPTS_MAX,
    RETRY_S_MAX,
    Bounds,
    HandOff,
    Recipient,
    Send,
    after_failing,
    channels_for,
)
from services.analytics.instants import DAY_US, SECOND_US, micros_at
from services.analytics.notifications import HandedOverInPart, Notification
from services.analytics.signals import Signal
from services.analytics.sns_push import TTL_S_MIN, SnsPush
from services.analytics.tables import SCHEMA
from services.database import Database
from tests.contract.notifier_contract import notification
from tests.examples import examples
from tests.unit.services.analytics.mobile_push import (
    APNS,
    APPLICATIONS,
    GCM,
    REFUSED_TOKEN,
    MobilePush,
    Phones,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

START = datetime(2026, 3, 2, 10, 0, 10, tzinfo=UTC)
"""Ten seconds after the notifications of the contract were raised."""
AGE_S_MAX = 3600
IPHONE = PushToken("iphone", "cust-1", PushPlatform.APNS, "a" * 64)
PIXEL = PushToken("pixel", "cust-1", PushPlatform.FCM, "b" * 64)
OTHERS = PushToken("other", "cust-2", PushPlatform.APNS, "c" * 64)


class Setting:
    """A notifier with what is around it; `reopen` is a process started again."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.sns = MobilePush()
        self.phones = Phones(IPHONE, PIXEL, OTHERS)
        self.now = START
        self.reopen()

    def reopen(self) -> None:
        applications, phones = dict(APPLICATIONS), self.phones
        self.push = SnsPush(self.sns, self.database, phones, applications, age_s_max=AGE_S_MAX, clock=lambda: self.now)

    def tokens(self) -> list[str]:
        """The tokens that pushes came out at, in their order."""
        return [one.token for one in self.sns.received]

    async def until_done(self, one: Notification, tries: int = ATTEMPTS_MAX) -> None:
        """Hand over until it is taken, as the stage does."""
        for _ in range(tries):
            try:
                await self.push.hand_over(one)
            except (Unavailable, Overloaded):
                self.reopen()
                continue
            return


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def database(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Database]:
    """One file for all tests here: making one costs more than any of them."""
    database = Database(tmp_path_factory.mktemp("push") / "analytics.sqlite3", SCHEMA)
    await database.start()
    yield database
    await database.stop()


async def fresh(database: Database) -> Setting:
    """Return a setting in which nothing has happened yet."""
    for table in ("pushed", "push_endpoints"):
        await database.write(lambda c, table=table: c.execute(f"DELETE FROM {table}"))  # type: ignore[misc]  # noqa: S608
    return Setting(database)


@pytest_asyncio.fixture(loop_scope="module")
async def setting(database: Database) -> Setting:
    return await fresh(database)


async def test_every_device_of_the_customer_is_pushed_to_in_its_own_terms(setting: Setting) -> None:
    """Nothing is said but what kind of alert there is; a later push takes the place of this one."""
    await setting.push.hand_over(notification())
    told = {
        "alertId": "global-alert-1", "kind": "LOGIN", "severity": "HIGH", "raisedAt": "2026-03-02T10:00:00Z",
        "collapseKey": "alert-1",
    }  # fmt: skip
    title = "A new device signed in"
    apple, google = sorted(setting.sns.received, key=lambda one: one.platform)
    assert apple.payload == {
        "aps": {"alert": {"title": title}, "sound": "default", "interruption-level": "active"},
        **told,
    }
    assert apple.attributes == {
        "AWS.SNS.MOBILE.APNS.TTL": "3590",
        "AWS.SNS.MOBILE.APNS.PUSH_TYPE": "alert",
        "AWS.SNS.MOBILE.APNS.PRIORITY": "10",
        "AWS.SNS.MOBILE.APNS.COLLAPSE_ID": "alert-1",
    }
    shown = {"tag": "alert-1", "notification_priority": "PRIORITY_HIGH"}
    aps = {"sound": "default", "interruption-level": "active"}
    message = {
        "notification": {"title": title},
        "data": told,
        "android": {"priority": "HIGH", "notification": shown},
        "apns": {"headers": {"apns-collapse-id": "alert-1", "apns-priority": "10"}, "payload": {"aps": aps}},
    }
    assert google.payload == {"fcmV1Message": {"message": message}}
    assert google.attributes == {"AWS.SNS.MOBILE.FCM.TTL": "3590"}
    assert {apple.token, google.token} == {IPHONE.token, PIXEL.token}


async def test_what_is_nearly_too_old_is_still_given_a_minute(setting: Setting) -> None:
    """The push service tries no longer than the alert is worth it."""
    setting.phones.tokens = [IPHONE]
    setting.now = datetime(2026, 3, 2, 10, 59, 59, tzinfo=UTC)
    await setting.push.hand_over(notification())
    assert setting.sns.received[0].attributes["AWS.SNS.MOBILE.APNS.TTL"] == str(TTL_S_MIN)


async def test_a_device_that_has_it_is_not_pushed_to_for_another_that_has_not(setting: Setting) -> None:
    """A throttle of one of two, and a restart: each has it once."""
    setting.sns.faults = ["", "Throttled"]
    with pytest.raises(HandedOverInPart):
        await setting.push.hand_over(notification())
    setting.reopen()
    await setting.push.hand_over(notification())
    assert sorted(setting.tokens()) == [IPHONE.token, PIXEL.token]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("Throttled", Overloaded),
        ("InternalError", Unavailable),
        ("PlatformApplicationDisabled", Unavailable),
        ("AuthorizationError", Unavailable),
    ],
)
async def test_what_sns_did_not_take_is_handed_over_again(setting: Setting, fault: str, kind: type[Failure]) -> None:
    """A typed failure, nothing recorded; then once."""
    setting.phones.tokens = [IPHONE]
    setting.sns.faults = [fault]
    with pytest.raises(kind):
        await setting.push.hand_over(notification())
    await setting.push.hand_over(notification())
    assert setting.tokens() == [IPHONE.token]


async def test_a_lost_answer_is_made_good_by_the_collapse_key(setting: Setting) -> None:
    """Whether SNS took it is not known: better twice, of which the phone shows one, than never."""
    setting.phones.tokens = [IPHONE]
    setting.sns.faults = ["lost"]
    with pytest.raises(Unavailable):
        await setting.push.hand_over(notification())
    await setting.push.hand_over(notification())
    keys = {one.attributes["AWS.SNS.MOBILE.APNS.COLLAPSE_ID"] for one in setting.sns.received}
    assert (setting.tokens(), keys) == ([IPHONE.token] * 2, {"alert-1"})


async def test_a_token_that_leads_nowhere_is_removed(setting: Setting) -> None:
    """At the account service and at SNS, as soon as both answer; the customer's other phone is not pushed to twice."""
    await setting.push.hand_over(notification("alert-1:PUSH"))
    setting.sns.disable(IPHONE.token)
    await setting.push.hand_over(notification("alert-2:PUSH"))
    assert setting.phones.tokens == [PIXEL, OTHERS]
    assert [one["Token"] for one in setting.sns.endpoints.values()] == [PIXEL.token]
    assert sorted(setting.tokens()) == [IPHONE.token, PIXEL.token, PIXEL.token]
    setting.sns.disable(PIXEL.token)
    with pytest.raises(Rejected):
        await setting.push.hand_over(notification("alert-3:PUSH"))
    assert setting.phones.tokens == [OTHERS]


async def test_an_app_that_comes_back_with_the_same_token_is_pushed_to(setting: Setting) -> None:
    """Its endpoint was disabled at a time nobody pushed: it is enabled again, and not taken for dead."""
    setting.phones.tokens = [IPHONE]
    for attributes in ({"Enabled": "false"}, {"Enabled": "true", "CustomUserData": "another system's"}):
        arn = f"{APNS.replace(':app/', ':endpoint/')}/{len(attributes)}"
        setting.sns.endpoints = {arn: {"Token": IPHONE.token, **attributes}}
        await setting.push.hand_over(notification(f"alert-{len(attributes)}:PUSH"))
        await setting.database.write(lambda c: c.execute("DELETE FROM push_endpoints"))
    assert setting.tokens() == [IPHONE.token] * 2
    assert setting.phones.tokens == [IPHONE]


async def test_another_token_of_a_device_gets_another_endpoint(setting: Setting) -> None:
    """The one before goes; one that there is for the new token is taken over."""
    setting.phones.tokens = [IPHONE]
    await setting.push.hand_over(notification("alert-1:PUSH"))
    theirs = f"{APNS.replace(':app/', ':endpoint/')}/theirs"
    for number, token in ((2, "d" * 64), (3, "e" * 64)):
        if number == 3:
            setting.sns.endpoints[theirs] = {"Token": token, "Enabled": "false"}
        setting.phones.tokens = [PushToken("iphone", "cust-1", PushPlatform.APNS, token)]
        await setting.push.hand_over(notification(f"alert-{number}:PUSH"))
        assert [one["Token"] for one in setting.sns.endpoints.values()] == [token]
    assert list(setting.sns.endpoints) == [theirs]
    assert setting.tokens() == [IPHONE.token, "d" * 64, "e" * 64]


async def test_an_endpoint_is_never_told_another_token(setting: Setting) -> None:
    """Two customers' devices that had one token after the other, at once: each alert is at its own customer's phone."""
    await setting.push.hand_over(notification("alert-1:PUSH"))
    fresh = PushToken("iphone", "cust-1", PushPlatform.APNS, "d" * 64)
    setting.phones.tokens = [fresh, PushToken("new", "cust-2", PushPlatform.APNS, IPHONE.token)]
    to_new = Notification(**{**_fields(notification("alert-2:PUSH")), "customer_id": "cust-2"})
    await asyncio.gather(setting.until_done(to_new), setting.until_done(notification("alert-3:PUSH")))
    later = {(one.told()["collapseKey"], one.token) for one in setting.sns.received[2:]}
    assert later == {("alert-2", IPHONE.token), ("alert-3", fresh.token)}


async def test_a_device_that_changes_its_platform_leaves_no_endpoint_behind(setting: Setting) -> None:
    """The one of the other platform application goes."""
    setting.phones.tokens = [IPHONE]
    await setting.push.hand_over(notification("alert-1:PUSH"))
    setting.phones.tokens = [PushToken("iphone", "cust-1", PushPlatform.FCM, "d" * 64)]
    await setting.push.hand_over(notification("alert-2:PUSH"))
    assert [(one["Token"], arn.split("/")[1]) for arn, one in setting.sns.endpoints.items()] == [("d" * 64, "GCM")]


async def test_a_phone_that_changed_hands_is_pushed_only_its_customers_alerts(setting: Setting) -> None:
    """The endpoint goes on for who has the token now; tidying up after who had it does not take it away."""
    await setting.push.hand_over(notification("alert-1:PUSH"))
    setting.phones.tokens = [PIXEL, PushToken("new", "cust-2", PushPlatform.APNS, IPHONE.token)]
    to_new = Notification(**{**_fields(notification("alert-2:PUSH")), "customer_id": "cust-2"})
    await setting.push.hand_over(to_new)
    await setting.push.hand_over(notification("alert-3:PUSH"))
    await setting.push.hand_over(Notification(**{**_fields(to_new), "key": "alert-4:PUSH"}))
    of_iphone = [one.told()["collapseKey"] for one in setting.sns.received if one.token == IPHONE.token]
    assert of_iphone == ["alert-1", "alert-2", "alert-2"]
    assert len(setting.sns.endpoints) == 2


async def test_an_endpoint_is_deleted_once_its_device_has_no_token(setting: Setting) -> None:
    """Signed out or removed: with the next push to another device of the customer's."""
    await setting.push.hand_over(notification("alert-1:PUSH"))
    setting.phones.tokens = [PIXEL]
    await setting.push.hand_over(notification("alert-2:PUSH"))
    assert [one["Token"] for one in setting.sns.endpoints.values()] == [PIXEL.token]


async def test_an_endpoint_that_somebody_deleted_is_made_again(setting: Setting) -> None:
    """With the next try."""
    setting.phones.tokens = [IPHONE]
    await setting.push.hand_over(notification("alert-1:PUSH"))
    setting.sns.endpoints.clear()
    with pytest.raises(Unavailable):
        await setting.push.hand_over(notification("alert-2:PUSH"))
    await setting.push.hand_over(notification("alert-2:PUSH"))
    assert setting.tokens() == [IPHONE.token] * 2


async def test_a_token_that_sns_takes_for_none_is_refused_for_good(setting: Setting) -> None:
    """It stays registered, as the fault may be a setting; other devices have their push."""
    broken = PushToken("broken", "cust-1", PushPlatform.APNS, REFUSED_TOKEN)
    setting.phones.tokens = [broken, PIXEL]
    await setting.push.hand_over(notification("alert-1:PUSH"))
    assert setting.tokens() == [PIXEL.token]
    setting.phones.tokens = [broken]
    with pytest.raises(Rejected):
        await setting.push.hand_over(notification("alert-2:PUSH"))
    assert setting.phones.tokens == [broken]


async def test_a_key_that_was_taken_is_never_refused(setting: Setting) -> None:
    """Though the customer has signed out everywhere since; records are left out once no alert is that old."""
    await setting.push.hand_over(notification("alert-1:PUSH"))
    setting.phones.tokens = []
    await setting.push.hand_over(notification("alert-1:PUSH"))
    with pytest.raises(Rejected):
        await setting.push.hand_over(notification("alert-2:PUSH"))
    later = micros_at(START) + push_records.KEPT_US + DAY_US
    await setting.database.write(lambda c: push_records.record_pushed(c, "alert-9:PUSH", "x", later))
    left = await setting.database.read(lambda c: c.execute("SELECT key FROM pushed").fetchall())
    assert left == [("alert-9:PUSH",)]


async def test_an_application_that_is_not_set_is_waited_for_and_one_not_configured_is_not(setting: Setting) -> None:
    """The operator has named one that does not exist; or none for that platform."""
    nowhere = {PushPlatform.APNS: APNS.replace("belfry", "nowhere")}
    push = SnsPush(setting.sns, setting.database, setting.phones, nowhere, age_s_max=1, clock=lambda: setting.now)
    with pytest.raises(Unavailable):
        await push.hand_over(notification("alert-1:PUSH"))
    setting.phones.tokens = [IPHONE]
    push = SnsPush(
        setting.sns, setting.database, setting.phones, {PushPlatform.FCM: GCM}, age_s_max=1, clock=lambda: setting.now
    )
    with pytest.raises(Rejected):
        await push.hand_over(notification("alert-1:PUSH"))
    assert setting.tokens() == []


FAULTS = st.lists(st.sampled_from(["", "", "Throttled", "InternalError", "lost"]), max_size=6)


@given(faults=FAULTS, alerts=st.integers(1, 3), disabled=st.booleans())
@examples(12)
async def test_each_device_has_each_alert_once_and_again_only_for_a_lost_answer(
    database: Database, faults: list[str], alerts: int, disabled: bool
) -> None:
    """Whatever SNS answers, with a process started anew after each failure.

    A token found dead is removed; SNS may still take what was under way to it, as it does before it knows.
    """
    setting = await fresh(database)
    if disabled:
        await setting.push.hand_over(notification("alert-0:PUSH"))
        setting.sns.received.clear()
        setting.sns.disable(IPHONE.token)
    setting.sns.faults = list(faults)
    keys = [f"alert-{number + 1}" for number in range(alerts)]
    await asyncio.gather(*(setting.until_done(notification(f"{key}:PUSH"), tries=20) for key in keys))
    devices = [PIXEL] if disabled else [IPHONE, PIXEL]
    assert setting.phones.tokens == [*devices, OTHERS]
    came = [(one.told()["collapseKey"], one.token) for one in setting.sns.received]
    assert {(key, device.token) for key in keys for device in devices} <= set(came)
    assert set(came) <= {(key, device.token) for key in keys for device in (IPHONE, PIXEL)}
    assert len(came) <= len(set(came)) + faults.count("lost")


def _fields(one: Notification) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__struct_fields__}


def _alert(severity: AlertSeverity = AlertSeverity.HIGH) -> LoginAlert:
    return LoginAlert(
        id="alert-1", customer_id="cust-1", seq=1, severity=severity, state=AlertState.NEW, title="T", body="B",
        occurred_at="2026-03-02T10:00:00Z", raised_at="2026-03-02T10:00:00Z", rule_id="r", rule_version=1,
        reasons=[AlertReason("CODE", "1")], device_id="d", platform=DevicePlatform.IOS,
    )  # fmt: skip


async def test_what_some_devices_have_is_recorded_as_sent_in_the_end(setting: Setting) -> None:
    """Once the other devices are given up: the alert's log does not hide that it was pushed."""

    class Half:
        async def hand_over(self, _: Notification) -> None:
            raise HandedOverInPart("Some have it.")

    class Nobody:
        async def of(self, _: Any) -> dict[str, Any]:
            raise Unavailable("Away.")

    alert = _alert(AlertSeverity.CRITICAL)
    database, bounds = setting.database, Bounds(channels=(NotificationChannel.PUSH,))

    def raise_alert(connection: Any) -> None:
        SqliteAlertLog(connection).append_if(0, LogEntryKind.RAISED, alert.raised_at, alert)
        outbox.put(connection, HandOff(alert.id, micros_at(START), was_late=True))

    await database.write(raise_alert)
    stage = HandingOver(database, Nobody(), Half(), bounds, lambda: setting.now, Signal())
    channels = []
    for attempt in range(ATTEMPTS_MAX):
        setting.now = datetime(2026, 3, 2, 10, 2 * attempt + 1, tzinfo=UTC)
        await stage.run_once()
        found = await database.read(lambda c: SqliteAlertLog(c).find(alert.id))
        channels.append([one.channel for one in found.deliveries] if found else None)
    assert channels == [[]] * (ATTEMPTS_MAX - 1) + [["PUSH"]]


async def test_where_there_is_no_sms_who_chose_it_alone_is_pushed_to() -> None:
    """A choice that cannot be had does not silence an alert; whoever wants no push gets none."""
    push, sms = NotificationChannel.PUSH, NotificationChannel.SMS
    chosen = Recipient(ZoneInfo("UTC"), sms_enabled=True, channels={AlertKind.LOGIN: [sms]})
    silent = Recipient(ZoneInfo("UTC"), push_enabled=False, sms_enabled=True)
    assert channels_for(_alert(), chosen, (push,)) == [push]
    assert channels_for(_alert(), silent, (push,)) == []
    assert channels_for(_alert(AlertSeverity.CRITICAL), silent, (push,)) == [push]


async def test_the_last_channel_is_not_given_up_for_an_outage() -> None:
    """There is no other: it is tried each minute until the alert is too old."""
    send, hand_off = Send(NotificationChannel.PUSH, is_last=True), HandOff("alert-1", 0)
    for _ in range(3 * ATTEMPTS_MAX):
        hand_off = after_failing(hand_off, send, 0, for_good=False)
    assert (hand_off.failed, hand_off.due_us) == ((), RETRY_S_MAX * SECOND_US)
    assert after_failing(hand_off, send, 0, for_good=True).failed == (NotificationChannel.PUSH,)
    given_up = after_failing(hand_off, Send(NotificationChannel.PUSH, is_last=False), 0, for_good=False)
    assert given_up.failed == (NotificationChannel.PUSH,)
