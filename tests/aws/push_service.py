"""What the emulator leaves out of mobile push, before it: what is published comes out, a disabled endpoint refuses.

Everything else is the emulator's: a request is passed on as it came, and counts only when the emulator took it.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.serving import serving
from tests.unit.services.analytics.mobile_push import Message, message_at

DISABLED = """<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type>
<Code>EndpointDisabled</Code><Message>Endpoint is disabled</Message></Error><RequestId>r</RequestId></ErrorResponse>"""
"""https://docs.aws.amazon.com/sns/latest/api/API_Publish.html, errors"""


async def _answer_at_once() -> None: ...


class PushService:
    """What came out, oldest first; `before_answer` is awaited between taking a message and saying so."""

    def __init__(self, sns: Any, emulator: str) -> None:
        self.received: list[Message] = []
        self.before_answer: Callable[[], Awaitable[None]] = _answer_at_once
        self._sns = sns
        self._emulator = emulator

    async def answer(self, request: Request) -> Response:
        """Answer as SNS."""
        body = await request.body()
        given = dict(parse_qsl(body.decode(), keep_blank_values=True))
        if given.get("Action") != "Publish" or "TargetArn" not in given:
            return await self._passed_on(request, body)
        arn = given["TargetArn"]
        attributes = await self._attributes(arn)
        if attributes.get("Enabled") == "false":
            return Response(DISABLED, 400, media_type="text/xml")
        answer = await self._passed_on(request, body)
        if answer.status_code == 200:
            self.received.append(message_at(attributes["Token"], arn.rpartition("/")[0], _published(given)))
            await self.before_answer()
        return answer

    async def _attributes(self, arn: str) -> dict[str, str]:
        try:
            found: dict[str, str] = (await self._sns.get_endpoint_attributes(EndpointArn=arn))["Attributes"]
        except self._sns.exceptions.NotFoundException:
            return {}
        return found

    async def _passed_on(self, request: Request, body: bytes) -> Response:
        headers = {name: value for name, value in request.headers.items() if name not in {"host", "content-length"}}
        async with (
            aiohttp.ClientSession() as session,
            session.post(self._emulator, data=body, headers=headers) as answer,
        ):
            return Response(await answer.read(), answer.status, media_type="text/xml")


def _published(given: dict[str, str]) -> dict[str, Any]:
    names = {key.removesuffix(".Name"): value for key, value in given.items() if key.endswith(".Name")}
    attributes = {name: {"StringValue": given[f"{entry}.Value.StringValue"]} for entry, name in names.items()}
    return {**given, "MessageAttributes": attributes}


@asynccontextmanager
async def push_service(sns: Any, emulator: str) -> AsyncGenerator[tuple[PushService, str]]:
    """Run it; yield it and its URL."""
    service = PushService(sns, emulator)
    async with serving(Starlette(routes=[Route("/", service.answer, methods=["POST"])])) as (host, port):
        yield service, f"http://{host}:{port}"
