"""Handing over, against everything that can happen between an alert and a phone.

The real outbox, log and stage on a real database; a clock, an account service and a notifier that the machine rules.
The machine's own account is the times at which things were so: what came out is checked against it.
"""

import asyncio
import itertools
import sqlite3
import tempfile
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from contracts.alerts import AlertReason, AnyAlert, DeliveryInput, LoginAlert, LowBalanceAlert
from contracts.failures import Rejected, Unavailable
from contracts.money import Money
from contracts.rules import AlertRule, NewDeviceCondition
from contracts.vocabulary import (
    AlertKind,
    AlertSeverity,
    DeliveryChannel,
    DeliveryStage,
    DevicePlatform,
    NotificationChannel,
    RuleState,
)
from services.analytics import metrics
from services.analytics.alert_log import SqliteAlertLog
from services.analytics.answers import acknowledge_delivery
from services.analytics.handing_over import PASS_MAX, HandingOver
from services.analytics.handoffs import LATE_S, Bounds, Recipient
from services.analytics.instants import micros_at, time_text
from services.analytics.notifications import Notification
from services.analytics.outbox import waiting_count
from services.analytics.raising import Raising
from services.analytics.sights import Finding, opening
from services.analytics.signals import Signal
from services.analytics.tables import SCHEMA
from services.database import Database
from tests.contract.notifier_contract import MemoryNotifier
from tests.examples import examples

T = TypeVar("T")
PUSH, SMS = NotificationChannel.PUSH, NotificationChannel.SMS
BOUNDS = Bounds(high_after_s=30, critical_after_s=10, next_after_s=120, age_s_max=86_400, event_age_s_max=3600)
START = datetime(2026, 3, 2, 21, 59, tzinfo=UTC)
CUSTOMER = "cust-1"
STEP_S = LATE_S
"""How often the stage is at work, so that it is never late by itself."""
PREFERENCES = st.builds(
    Recipient,
    st.just(ZoneInfo("UTC")),
    minimum_severity=st.sampled_from([AlertSeverity.INFO, AlertSeverity.INFO, AlertSeverity.CRITICAL]),
    push_enabled=st.sampled_from([True, True, False]),
    sms_enabled=st.booleans(),
    muted_kinds=st.sampled_from([frozenset({AlertKind.LOGIN}), frozenset()]),
    channels=st.sampled_from([{}, {AlertKind.LOGIN: [SMS]}, {AlertKind.LOGIN: [SMS, PUSH]}]),
    quiet_hours=st.sampled_from([(time(22), time(7)), None, (time(7), time(8))]),
)

TROUBLES = ["away", "broken", "refused", "killed before", "killed after"]


class Killed(BaseException):
    """The process ends here."""


class World:
    """The clock, the account service and the notifier."""

    def __init__(self) -> None:
        self.now = START
        self.recipient = Recipient(ZoneInfo("UTC"))
        self.accounts_away = self.accounts_broken = False
        self.received: list[Notification] = []
        self.troubles: list[str] = []
        self._notifier = MemoryNotifier(self.received)
        self.on_receive: Callable[[Notification], None] = lambda _: None

    async def of(self, customer_ids: Sequence[str]) -> dict[str, Recipient]:
        if self.accounts_away:
            raise Unavailable("Away.")
        if self.accounts_broken:
            raise KeyError("what nobody expected")
        return dict.fromkeys(customer_ids, self.recipient)

    async def hand_over(self, notification: Notification) -> None:
        trouble = self.troubles.pop() if self.troubles else ""
        if trouble == "killed before":
            raise Killed
        if trouble == "away":
            raise Unavailable("Away.")
        if trouble == "broken":
            raise KeyError("what nobody expected")
        if trouble == "refused" and notification.key not in {one.key for one in self.received}:
            raise Rejected("No such number.")
        known = len(self.received)
        await self._notifier.hand_over(notification)
        if len(self.received) > known:
            self.on_receive(notification)
        if trouble == "killed after":
            raise Killed


class HandingOverMachine(RuleBasedStateMachine):
    """Alerts are raised and acknowledged, preferences change, services go away, the process is killed."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.database = Database(Path(self.folder.name) / "analytics.sqlite3", SCHEMA)
        self.do(self.database.start())
        self.world = World()
        self.world.on_receive = self.check_timing
        self.numbers = itertools.count()
        self.raised: dict[str, tuple[AnyAlert, datetime]] = {}
        self.acknowledged: set[str] = set()
        self.sent_at: dict[str, dict[NotificationChannel, datetime]] = {}
        self.refused = self.troubled = False
        self.start_process()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def start_process(self) -> None:
        world = self.world
        self.stage = HandingOver(self.database, world, world, BOUNDS, lambda: world.now, Signal())

    def teardown(self) -> None:
        try:
            self.settle()
        finally:
            self.do(self.database.stop())
            self.runner.close()
            self.folder.cleanup()

    def store(self, body: bytes, alert_id: str) -> None:
        query = "UPDATE outbox SET body = ? WHERE alert_id = ?"

        def commit(connection: sqlite3.Connection) -> None:
            connection.execute(query, (body, alert_id))

        self.do(self.database.write(commit))

    def now_text(self) -> str:
        return time_text(micros_at(self.world.now))

    @rule(
        severity=st.sampled_from([AlertSeverity.MEDIUM, AlertSeverity.HIGH, AlertSeverity.CRITICAL]),
        is_login=st.booleans(),
        event_age_s=st.sampled_from([1, 1, 7200]),
    )
    def raise_alert(self, severity: AlertSeverity, is_login: bool, event_age_s: int) -> None:
        rule = AlertRule("rule", "Rule", 1, RuleState.ACTIVE, severity, NewDeviceCondition(), 0)
        occurred_us = micros_at(self.world.now - timedelta(seconds=event_age_s))
        first = opening(rule, occurred_us, "Title", "Body", AlertReason("CODE", "1"))
        alert: AnyAlert = (
            LoginAlert(**first, device_id="d", platform=DevicePlatform.IOS)
            if is_login
            else LowBalanceAlert(**first, balance=Money("-1.00", "EUR"), threshold=Money("0.00", "EUR"))
        )
        finding, at = Finding(str(next(self.numbers)), occurred_us, alert), self.now_text()

        def commit(connection: Any) -> None:
            raising = Raising(connection, SqliteAlertLog(connection), BOUNDS)
            raising.raise_for(CUSTOMER, rule, finding, at)
            raising.finish()

        self.do(self.database.write(commit))
        for alert in self.alerts():
            if alert.id not in self.raised:
                self.raised[alert.id] = (alert, self.world.now)

    @rule(data=st.data(), stage=st.sampled_from([DeliveryStage.DELIVERED, DeliveryStage.DELIVERED, DeliveryStage.SEEN]))
    def acknowledge(self, data: st.DataObject, stage: DeliveryStage) -> None:
        if self.raised:
            alert_id = data.draw(st.sampled_from(list(self.raised)[::-1]))
            told = DeliveryInput(CUSTOMER, [alert_id], stage, "phone")
            self.do(self.database.write(lambda c: acknowledge_delivery(c, told, self.now_text())))
            self.acknowledged.add(alert_id)

    @initialize(preferences=PREFERENCES)
    def prefer_at_first(self, preferences: Recipient) -> None:
        self.world.recipient = preferences

    @rule(preferences=PREFERENCES)
    def prefer(self, preferences: Recipient) -> None:
        self.world.recipient = preferences

    @rule(away=st.booleans())
    def lose_the_account_service(self, away: bool) -> None:
        self.world.accounts_away = away

    @rule(troubles=st.lists(st.sampled_from(TROUBLES), max_size=3))
    def make_trouble(self, troubles: list[str]) -> None:
        self.world.troubles = troubles
        self.refused |= "refused" in troubles
        self.troubled |= bool(troubles)

    @rule(seconds=st.sampled_from([1, 11, 35, 121, 9 * 3600]))
    def live(self, seconds: int) -> None:
        """Let time pass with the stage at work."""
        until = self.world.now + timedelta(seconds=seconds)
        while self.world.now < until:
            left_s = (until - self.world.now).total_seconds()
            self.world.now += timedelta(seconds=min(left_s, STEP_S) if left_s <= 60 else min(left_s - 60, 7200))
            self.work()
        if not self.troubled and seconds > 30:
            self.check_nothing_critical_waits()

    def check_nothing_critical_waits(self) -> None:
        """Whatever the customer prefers and whoever is away."""
        for alert_id, (alert, raised_at) in self.raised.items():
            age_s = (self.world.now - raised_at).total_seconds()
            if alert.severity is AlertSeverity.CRITICAL and self.is_new(alert_id) and 60 < age_s < 80_000:
                assert alert_id in self.sent_at

    def is_new(self, alert_id: str) -> bool:
        """Say whether an alert that nobody acknowledged was raised by an event of its time."""
        alert, raised_at = self.raised[alert_id]
        on_time = alert.occurred_at > time_text(micros_at(raised_at - timedelta(seconds=60)))
        return on_time and alert_id not in self.acknowledged

    @rule(seconds=st.sampled_from([5, 60, 7200, 90_000]))
    def be_dead(self, seconds: int) -> None:
        """Let time pass without it."""
        self.world.now += timedelta(seconds=seconds)
        self.start_process()

    def work(self) -> None:
        for _ in range(20):
            try:
                if self.do(self.stage.run_once()) < PASS_MAX:
                    return
            except Killed:
                self.start_process()

    def check_timing(self, notification: Notification) -> None:
        """Check at the moment it comes out that it may."""
        alert, raised_at = self.raised[notification.collapse_key]
        world, is_critical = self.world, alert.severity is AlertSeverity.CRITICAL
        assert alert.severity is not AlertSeverity.MEDIUM
        assert alert.id not in self.acknowledged
        patience_s = BOUNDS.critical_after_s if is_critical else BOUNDS.high_after_s
        age_s = (world.now - raised_at).total_seconds()
        assert patience_s <= age_s <= BOUNDS.age_s_max
        before = self.sent_at.setdefault(alert.id, {})
        assert notification.channel not in before
        assert all((world.now - at).total_seconds() >= BOUNDS.next_after_s for at in before.values())
        before[notification.channel] = world.now
        if not is_critical:
            wanted, kind = world.recipient, AlertKind(str(alert.__struct_config__.tag))
            assert not world.accounts_away
            assert kind not in wanted.muted_kinds
            assert wanted.minimum_severity is AlertSeverity.INFO
            assert wanted.push_enabled if notification.channel is PUSH else wanted.sms_enabled
            assert not self.is_quiet()

    def is_quiet(self) -> bool:
        hours, clock = self.world.recipient.quiet_hours, self.world.now.time()
        if hours is None:
            return False
        start, end = hours
        return start <= clock < end if start < end else clock >= start or clock < end

    def alerts(self) -> list[AnyAlert]:
        rows = self.do(self.database.read(lambda c: c.execute("SELECT body FROM alerts").fetchall()))
        return [msgspec.json.decode(body, type=AnyAlert) for (body,) in rows]

    @invariant()
    def the_log_says_what_was_handed_over(self) -> None:
        """No channel is in the log that did not come out; the log has no hole."""
        came_out = {(one.collapse_key, DeliveryChannel(one.channel)) for one in self.world.received}
        told = {(one.id, each.channel) for one in self.alerts() for each in one.deliveries}
        assert {pair for pair in told if pair[1] is not DeliveryChannel.APP} <= came_out
        assert len({one.key for one in self.world.received}) == len(self.world.received)

    def settle(self) -> None:
        """In the end, with everything back: what was to come out has, once, is in the log, and no row is left."""
        self.world.troubles, self.world.accounts_away = [], False
        self.world.recipient = Recipient(ZoneInfo("UTC"), sms_enabled=True)
        fresh = {id for id, (_, at) in self.raised.items() if (self.world.now - at).total_seconds() < 3600}
        for seconds in (60, 180, 26 * 3600):
            self.live(seconds)
        assert self.do(self.database.read(waiting_count)) == 0
        came_out = {(one.collapse_key, one.channel) for one in self.world.received}
        for alert in self.alerts():
            told = {
                NotificationChannel(one.channel) for one in alert.deliveries if one.channel is not DeliveryChannel.APP
            }
            assert told == {channel for id, channel in came_out if id == alert.id}
            is_critical = alert.severity is AlertSeverity.CRITICAL
            if is_critical and self.is_new(alert.id) and alert.id in fresh and not self.refused:
                assert told == {PUSH, SMS}


TestHandingOver = HandingOverMachine.TestCase
TestHandingOver.settings = examples(8, stateful_step_count=20)


def test_one_that_the_code_fails_at_keeps_none_from_their_phones() -> None:
    """It is set aside and counted, the others are pushed; after a start with mended code it is, too, once."""
    machine = HandingOverMachine()
    failed = metrics.HAND_OFFS_SET_ASIDE._value.get()
    try:
        for _ in range(3):
            machine.raise_alert(severity=AlertSeverity.CRITICAL, is_login=False, event_age_s=1)
        first, *others = machine.raised
        query = "SELECT body FROM outbox WHERE alert_id = ?"
        ((body,),) = machine.do(machine.database.read(lambda c: c.execute(query, (first,)).fetchall()))
        machine.store(b"of a newer version", first)
        machine.live(seconds=35)
        assert [one.collapse_key for one in machine.world.received] == others
        machine.store(body, first)
        machine.live(seconds=11)
        assert machine.world.received[2:] == []
        machine.start_process()
        machine.live(seconds=35)  # it comes late now, so the app gets its time once more
        assert [one.collapse_key for one in machine.world.received] == [*others, first]
        assert metrics.HAND_OFFS_SET_ASIDE._value.get() == failed + 1
    finally:
        machine.teardown()


def test_preferences_that_cannot_be_read_as_expected_hold_up_nothing_critical() -> None:
    """However their service fails."""
    machine = HandingOverMachine()
    machine.world.accounts_broken = True
    try:
        machine.raise_alert(severity=AlertSeverity.CRITICAL, is_login=False, event_age_s=1)
        machine.live(seconds=11)
        assert len(machine.world.received) == 1
    finally:
        machine.teardown()
