"""SNS's mobile push and an account service with push tokens, as AWS documents them: what the notifier is tried on.

Making an endpoint again with the same token and attributes returns it; with other attributes it is an error that names
it. An endpoint whose token the push service no longer knows is disabled, and publishing to it is refused. Publishing
again is another message. An answer may be lost though the message was taken.

https://docs.aws.amazon.com/sns/latest/dg/mobile-platform-endpoint.html
https://docs.aws.amazon.com/sns/latest/api/API_CreatePlatformEndpoint.html
"""

import asyncio
import itertools
import json
from collections.abc import Mapping
from typing import Any

import msgspec
from botocore.exceptions import ClientError, ReadTimeoutError

from contracts.accounts import PushToken
from contracts.failures import Unavailable
from contracts.vocabulary import AlertKind, AlertSeverity, NotificationChannel, PushPlatform
from services.analytics.notifications import Notification

APNS = "arn:aws:sns:eu-central-1:000000000000:app/APNS/belfry"
GCM = "arn:aws:sns:eu-central-1:000000000000:app/GCM/belfry"
APPLICATIONS = {PushPlatform.APNS: APNS, PushPlatform.FCM: GCM}

REFUSED_TOKEN = "f" * 64
"""What SNS takes for no token."""


class Message(msgspec.Struct):
    """What came out at the push service for a token."""

    token: str
    platform: str
    payload: dict[str, Any]
    attributes: dict[str, str]

    def told(self) -> dict[str, str]:
        """Return what the app is given."""
        if self.platform == "GCM":
            given: dict[str, str] = self.payload["fcmV1Message"]["message"]["data"]
            return given
        return {name: value for name, value in self.payload.items() if name != "aps"}


def message_at(token: str, application: str, published: Mapping[str, Any]) -> Message:
    """Return what comes out of a publication, as SNS takes it apart."""
    assert published["MessageStructure"] == "json"
    texts = json.loads(published["Message"])
    assert isinstance(texts["default"], str)
    attributes = {name: one["StringValue"] for name, one in published["MessageAttributes"].items()}
    platform = application.split("/")[1]
    return Message(token, platform, json.loads(texts[platform]), attributes)


def notification_at(message: Message, customer_id: str) -> Notification:
    """Return the notification that a phone of a customer's can make of what it was pushed."""
    told = message.told()
    if message.platform == "GCM":
        shown = message.payload["fcmV1Message"]["message"]
        title, collapse_key = shown["notification"]["title"], shown["android"]["notification"]["tag"]
    else:
        title, collapse_key = (
            message.payload["aps"]["alert"]["title"],
            message.attributes["AWS.SNS.MOBILE.APNS.COLLAPSE_ID"],
        )
    assert collapse_key == told["collapseKey"]
    return Notification(
        f"{collapse_key}:PUSH", NotificationChannel.PUSH, customer_id, told["alertId"], collapse_key,
        AlertKind(told["kind"]), AlertSeverity(told["severity"]), title, told["raisedAt"],
    )  # fmt: skip


class MobilePush:
    """SNS: a client's methods, the endpoints, and what came out. `faults`: what the next publications meet."""

    def __init__(self) -> None:
        self.endpoints: dict[str, dict[str, str]] = {}
        self.received: list[Message] = []
        self.faults: list[str] = []
        self.asked: list[str] = []
        self._numbers = itertools.count()

    async def create_platform_endpoint(self, **given: Any) -> dict[str, str]:
        await self._begin("create")
        application, token = given["PlatformApplicationArn"], given["Token"]
        if application not in APPLICATIONS.values():
            raise refused("CreatePlatformEndpoint", "NotFound", "PlatformApplication does not exist")
        if token == REFUSED_TOKEN:
            raise refused("CreatePlatformEndpoint", "InvalidParameter", "Invalid parameter: Token Reason: not one")
        wanted = {"Token": token, **given["Attributes"]}
        for arn, found in self.endpoints.items():
            if (found["Token"], application_of(arn)) == (token, application):
                if found == wanted:
                    return {"EndpointArn": arn}
                raise exists("CreatePlatformEndpoint", arn)
        arn = f"{application.replace(':app/', ':endpoint/')}/{next(self._numbers)}"
        self.endpoints[arn] = wanted
        return {"EndpointArn": arn}

    async def set_endpoint_attributes(self, **given: Any) -> None:
        await self._begin("set")
        told = given["EndpointArn"]
        if told not in self.endpoints:
            raise refused("SetEndpointAttributes", "NotFound", "Endpoint does not exist")
        for arn, found in self.endpoints.items():
            is_other = arn != told and application_of(arn) == application_of(told)
            if is_other and found["Token"] == given["Attributes"]["Token"]:
                raise exists("SetEndpointAttributes", arn)
        self.endpoints[told].update(given["Attributes"])

    async def delete_endpoint(self, **given: Any) -> None:
        await self._begin("delete")
        self.endpoints.pop(given["EndpointArn"], None)

    async def publish(self, **published: Any) -> dict[str, str]:
        await self._begin("publish")
        target = published.pop("TargetArn")
        fault = self.faults.pop(0) if self.faults else ""
        if fault in {"Throttled", "InternalError", "PlatformApplicationDisabled", "AuthorizationError"}:
            raise refused("Publish", fault, "no")
        if target not in self.endpoints:
            text = "Invalid parameter: TargetArn Reason: No endpoint found for the target arn specified"
            raise refused("Publish", "InvalidParameter", text)
        found = self.endpoints[target]
        if found["Enabled"] != "true":
            raise refused("Publish", "EndpointDisabled", "Endpoint is disabled")
        self.received.append(message_at(found["Token"], application_of(target), published))
        if fault == "lost":
            raise ReadTimeoutError(endpoint_url="https://sns")
        return {"MessageId": str(len(self.received))}

    def disable(self, token: str) -> None:
        """Have the push service say that it does not know a token any more."""
        for found in self.endpoints.values():
            if found["Token"] == token:
                found["Enabled"] = "false"

    async def _begin(self, what: str) -> None:
        self.asked.append(what)
        await asyncio.sleep(0)


def application_of(arn: str) -> str:
    return arn.rpartition("/")[0].replace(":endpoint/", ":app/")


def refused(operation: str, code: str, text: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": text}}, operation)


def exists(operation: str, arn: str) -> ClientError:
    text = (
        f"Invalid parameter: Token Reason: Endpoint {arn} already exists with the same Token, but different attributes."
    )
    return refused(operation, "InvalidParameter", text)


class Phones:
    """The account service's push tokens: `PushTokens`."""

    def __init__(self, *tokens: PushToken) -> None:
        self.tokens = list(tokens)
        self.is_away = False

    async def push_tokens_of(self, customer_id: str) -> list[PushToken]:
        if self.is_away:
            raise Unavailable("Away.")
        return [one for one in self.tokens if one.customer_id == customer_id]

    async def forget_push_token(self, token: PushToken) -> None:
        if self.is_away:
            raise Unavailable("Away.")
        self.tokens = [one for one in self.tokens if one != token]

    def customer_of(self, token: str) -> str:
        """Return whose device has a token."""
        return next(one.customer_id for one in self.tokens if one.token == token)
