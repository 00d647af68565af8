"""A service as a Lambda function: httpx's transport interface over `invoke`, with API Gateway's v2 payload.

`lambda://function` or `lambda://function:alias` is how such a service is reached; its handler is the one that API
Gateway or a function URL would call. What goes wrong on the way is answered as the problem it is, so that nothing above
knows the difference: throttled 429, timed out 504, broken 503. A function streams nothing.
"""

import base64
import time
from contextlib import AsyncExitStack
from typing import Any, Self
from uuid import uuid4

import msgspec

from aws.clients import USER_ATTEMPTS_MAX, aws_client, translated
from clients.transport import URL, Answer, AsyncBaseTransport, PreparedRequest
from contracts.failures import Failure, TimedOut, Unavailable

SCHEME = "lambda://"
INVOCATIONS_MAX = 64
"""Invocations of one function under way; further calls wait within their deadline."""
ANSWER_S_MAX = 29.0
"""No caller of ours waits longer."""

_encode = msgspec.json.Encoder().encode


class _Answer(msgspec.Struct, rename="camel"):
    """What a handler returns for HTTP."""

    status_code: int
    headers: dict[str, str] = {}
    body: str = ""
    is_base64_encoded: bool = False


class _Crash(msgspec.Struct, rename="camel"):
    """What Lambda returns of a handler that raised, ran out of time or of memory."""

    error_type: str = ""
    error_message: str = ""


_answers = msgspec.json.Decoder(_Answer)
_crashes = msgspec.json.Decoder(_Crash)


def address_of(url: str) -> URL:
    """Return a service's URL as httpx reads it: an alias is no port, and only the transport needs it."""
    return URL(url.rpartition(":")[0] if url.startswith(SCHEME) and url.count(":") > 1 else url)


class LambdaTransport(AsyncBaseTransport):
    """Sends requests to one function. Constructing is free; entering it makes the client."""

    def __init__(self, url: str) -> None:
        """Take the URL of the function, with an alias or version where one is meant."""
        self._function, _, self._alias = url.removeprefix(SCHEME).partition(":")
        self._clients = AsyncExitStack()
        self._client: Any = None

    async def __aenter__(self) -> Self:
        made = aws_client(
            "lambda", connections=INVOCATIONS_MAX, read_timeout_s=ANSWER_S_MAX, attempts_max=USER_ATTEMPTS_MAX
        )
        self._client = await self._clients.enter_async_context(made)
        return self

    async def aclose(self) -> None:
        """Close the client; repeating it is harmless."""
        self._client = None
        await self._clients.aclose()

    async def handle_async_request(self, request: PreparedRequest) -> Answer:  # type: ignore[override]  # no other
        """Invoke the function with a request and return its answer, whole; a failure on the way is a problem."""
        try:
            return _response(await self._invoke(_event(request)))
        except Failure as failure:
            headers = [(b"content-type", b"application/problem+json")]
            return Answer(failure.status, headers, body=_encode(failure.problem()))

    async def _invoke(self, event: dict[str, Any]) -> _Answer:
        if self._client is None:
            raise Unavailable("The function's client is not open.")
        alias = {"Qualifier": self._alias} if self._alias else {}
        with translated("service's function"):
            answer = await self._client.invoke(FunctionName=self._function, Payload=_encode(event), **alias)
            payload = await answer["Payload"].read()
        if answer.get("FunctionError"):
            raise _crash_of(payload)
        try:
            return _answers.decode(payload)
        except msgspec.DecodeError as error:
            raise Unavailable("The service's function answered something else.", detail=str(error)) from error


def _event(request: PreparedRequest) -> dict[str, Any]:
    """Return a request as API Gateway's payload, version 2.0."""
    path, _, query = request.target.partition("?")
    http = {"method": request.method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": ""}
    context = {
        "accountId": "anonymous",
        "apiId": "belfry",
        "domainName": request.url.host,
        "domainPrefix": request.url.host,
        "http": http,
        "requestId": str(uuid4()),
        "routeKey": "$default",
        "stage": "$default",
        "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime()),
        "timeEpoch": int(time.time() * 1000),
    }
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {name.lower(): value for name, value in request.pairs},
        "requestContext": context,
        "body": base64.b64encode(request.body).decode("ascii"),
        "isBase64Encoded": True,
    }


def _response(answer: _Answer) -> Answer:
    body = base64.b64decode(answer.body) if answer.is_base64_encoded else answer.body.encode()
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers.items()]
    return Answer(answer.status_code, headers, body=body)


def _crash_of(payload: bytes) -> Failure:
    """Return the failure of a function that gave no answer; what it said of itself is for operators."""
    try:
        crash = _crashes.decode(payload)
    except msgspec.DecodeError:
        return Unavailable("The service's function failed.")
    if "Task timed out" in crash.error_message or crash.error_type == "Sandbox.Timedout":
        return TimedOut("The service's function did not end in time.", detail=crash.error_type)
    return Unavailable("The service's function failed.", detail=crash.error_type)
