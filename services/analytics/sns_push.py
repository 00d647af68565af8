"""The notifier on AWS: SNS mobile push, which hands on to Apple's and Google's push services.

    notification ──▶ tokens of the customer's devices (account service) ──each──▶ its endpoint ──Publish──▶ record

SNS knows no message that is published again, so what it took is recorded for each device, and only what is not recorded
is published. Between its answer and the record lie some milliseconds; killed within them, or without an answer, the
device is pushed to again, and the collapse key has the second take the place of the first. The client must not retry by
itself: it would repeat what SNS may have taken.

An endpoint is of one token for as long as it lives: another token of the device gets another endpoint. Told a new token
instead, as AWS suggests, an endpoint that two customers' devices had one after the other could change under a push.
A token that the push service does not know any more (`EndpointDisabled`) is removed at the account service.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Protocol
from weakref import WeakValueDictionary

import structlog

from aws.clients import translated
from aws.failures import Told
from contracts.accounts import PushToken
from contracts.failures import Failure, Overloaded, Rejected, Unavailable
from contracts.vocabulary import NotificationChannel, PushPlatform
from services.analytics import metrics
from services.analytics.instants import SECOND_US, micros_at, micros_of
from services.analytics.notifications import HandedOverInPart, Notification
from services.analytics.push_messages import message_of
from services.analytics.push_records import (
    Endpoint,
    digest_of,
    drop_endpoint,
    endpoint_of,
    endpoints_besides,
    pushed_to,
    put_endpoint,
    record_pushed,
)
from services.database import Database

ATTEMPTS_MAX = 1
READ_TIMEOUT_S = 2.0
"""Of the client: reading the tokens, making an endpoint and publishing fit what a hand-off may take."""
TTL_S_MIN = 60

NOT_FOUND, DISABLED = "NotFound", "EndpointDisabled"
TELLING = frozenset({NOT_FOUND, DISABLED, "InvalidParameter", "InvalidParameterValue", "ParameterValueInvalid"})
"""Errors that tell something of the endpoint or token; all others are of SNS itself."""
GONE = "No endpoint found"
"""With what `Publish` explains its InvalidParameter where somebody has deleted the endpoint."""
_EXISTS = re.compile(r"Endpoint (arn:\S+) already exists")
"""SNS names the endpoint that has the token in the text of its error, and nowhere else."""

_log = structlog.get_logger(__name__)


class PushTokens(Protocol):
    """Who knows where a customer's devices are reached."""

    async def push_tokens_of(self, customer_id: str) -> Sequence[PushToken]:
        """Return the tokens of a customer's devices.

        Raises:
            Unavailable: they cannot be read now.
        """

    async def forget_push_token(self, token: PushToken) -> None:
        """Remove a token that leads nowhere; repeating it changes nothing.

        Raises:
            Unavailable: that it was removed is not known.
        """


class SnsPush:
    """`Notifier` for pushes; `applications` are the platform applications' ARNs. There is no SMS."""

    def __init__(
        self,
        sns: Any,
        database: Database,
        tokens: PushTokens,
        applications: Mapping[PushPlatform, str],
        *,
        age_s_max: float,
        clock: Callable[[], datetime],
    ) -> None:
        """`age_s_max`: seconds since it was raised after which an alert is brought to nobody any more."""
        self._sns = sns
        self._database = database
        self._tokens = tokens
        self._applications = applications
        self._age_s_max = age_s_max
        self._clock = clock
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def hand_over(self, notification: Notification) -> None:
        """See `Notifier`; raises `HandedOverInPart` where some devices have it and others not yet."""
        if notification.channel is not NotificationChannel.PUSH:
            raise Rejected("There is no SMS.")
        turn = self._turns.setdefault(notification.key, asyncio.Lock())
        async with turn:
            await self._hand_over(notification)

    async def _hand_over(self, notification: Notification) -> None:
        tokens = await self._tokens.push_tokens_of(notification.customer_id)
        before = await self._database.read(lambda c: pushed_to(c, notification.key))
        wanted = [one for one in tokens if one.platform in self._applications and one.device_id not in before]
        done = await asyncio.gather(*(self._push(one, notification) for one in wanted), return_exceptions=True)
        waiting: list[Failure] = []
        for outcome in done:
            if isinstance(outcome, BaseException) and not isinstance(outcome, Failure):
                raise outcome
            if isinstance(outcome, Failure) and not isinstance(outcome, Rejected):
                _log.warning("push failed", alert=notification.alert_id, code=outcome.detail or outcome.reason)
                waiting.append(outcome)
        was_taken = bool(before) or True in done
        if waiting and was_taken:
            raise HandedOverInPart("Some devices have it, others not yet.") from waiting[0]
        if waiting:
            raise waiting[0]
        await self._sweep(notification.customer_id, {one.device_id for one in tokens})
        if not was_taken:
            raise Rejected("No device of the customer's can be pushed to.")

    async def _push(self, token: PushToken, notification: Notification) -> bool:
        """Publish to a device and record that; return False for one whose token leads nowhere.

        Raises:
            Rejected: SNS will never take it for this device.
            Unavailable, Overloaded: it was not taken, or that is not known.
        """
        application = self._applications[token.platform]
        arn = await self._endpoint(token, application)
        message = message_of(notification, application, self._ttl_s(notification))
        try:
            await _ask(self._sns.publish, TargetArn=arn, **message)
        except Told as told:
            await self._settle(token, arn, told)
            return False
        now_us = micros_at(self._clock())
        await self._database.write(lambda c: record_pushed(c, notification.key, token.device_id, now_us))
        metrics.PUSHES.labels("TAKEN").inc()
        return True

    async def _settle(self, token: PushToken, arn: str, told: Told) -> None:
        """Do what an error of `Publish` asks for."""
        if told.code == DISABLED:
            await self._tokens.forget_push_token(token)
            await self._delete(arn)
            metrics.PUSHES.labels("DISABLED").inc()
            _log.info("push token removed", device=token.device_id)
            return
        if told.code == NOT_FOUND or GONE in told.text:
            await self._database.write(lambda c: drop_endpoint(c, arn))
            raise Unavailable("The endpoint is gone; it is made again.", detail=told.code)
        raise _refused(token, told)

    async def _endpoint(self, token: PushToken, application: str) -> str:
        """Return the endpoint of a device's token, enabled."""
        known = await self._database.read(lambda c: endpoint_of(c, token.device_id))
        digest = digest_of(token)
        if known is not None:
            if (known.application, known.token_sha256) == (application, digest):
                return known.arn
            await self._delete(known.arn)
        made = Endpoint(application, digest, await self._create(token, application))
        await self._database.write(lambda c: put_endpoint(c, token, made))
        return made.arn

    async def _create(self, token: PushToken, application: str) -> str:
        wanted = {"PlatformApplicationArn": application, "Token": token.token, "Attributes": {"Enabled": "true"}}
        try:
            made: str = (await _ask(self._sns.create_platform_endpoint, **wanted))["EndpointArn"]
        except Told as told:
            exists = _EXISTS.search(told.text)
            if exists is not None:  # disabled, or with data of others: "the same Token, but different attributes"
                return await self._enable(token, exists[1])
            if told.code == NOT_FOUND:
                raise Unavailable("There is no such platform application.", detail=told.code) from told
            raise _refused(token, told) from told
        return made

    async def _enable(self, token: PushToken, arn: str) -> str:
        attributes = {"Token": token.token, "Enabled": "true"}
        try:
            await _ask(self._sns.set_endpoint_attributes, EndpointArn=arn, Attributes=attributes)
        except Told as told:
            raise Unavailable("The endpoint was not enabled.", detail=told.code) from told
        return arn

    async def _sweep(self, customer_id: str, device_ids: set[str]) -> None:
        """Delete the endpoints of devices that have no token any more; what fails is done another time."""
        for arn in await self._database.read(lambda c: endpoints_besides(c, customer_id, device_ids)):
            try:
                await self._delete(arn)
            except (Unavailable, Overloaded) as failure:
                _log.warning("endpoint not deleted", detail=failure.detail)

    async def _delete(self, arn: str) -> None:
        with suppress(Told):  # it is gone
            await _ask(self._sns.delete_endpoint, EndpointArn=arn)
        await self._database.write(lambda c: drop_endpoint(c, arn))

    def _ttl_s(self, notification: Notification) -> int:
        age_s = (micros_at(self._clock()) - micros_of(notification.raised_at)) / SECOND_US
        return max(TTL_S_MIN, round(self._age_s_max - age_s))


async def _ask(call: Callable[..., Awaitable[Any]], **given: Any) -> Any:
    """Ask SNS.

    Raises:
        Told: an error that tells something.
        Unavailable, Overloaded: it did not do it, or that is not known.
    """
    with translated("push service", telling=TELLING):
        return await call(**given)


def _refused(token: PushToken, told: Told) -> Rejected:
    metrics.PUSHES.labels("REFUSED").inc()
    _log.error("push refused", device=token.device_id, code=told.code)
    return Rejected("The push service does not take it.", detail=told.code)
