"""The few calls that are made all the time, signed and sent without the client: a fifth of its CPU a call.

A `SignedClient` stands in for an aiobotocore client of Kinesis or DynamoDB: the hot operations, asked and answered as
the client's own are (`put_item(TableName=…)` → dict, errors of the client's own classes), go over aiohttp with a
signature of ours; everything else is the client's. Endpoint, region and credentials are the client's too.
`tests/unit/aws/test_signed_calls.py` holds requests, answers, errors and retries against the client's.
"""

import asyncio
import random
import ssl
import time
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass
from uuid import uuid4
from zlib import crc32

import aiohttp
import msgspec
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    ReadTimeoutError,
)
from botocore.httpsession import get_cert_path
from botocore.retries.quota import RetryQuota
from yarl import URL

from aws.answers import ANSWERS, REFUSALS, Refusal
from aws.failures import THROTTLES
from aws.signatures import Signer

KEEP_ALIVE_S = 12.0
"""Below the time after which AWS closes a quiet connection."""
RETRIED_STATUSES = frozenset({500, 502, 503, 504})
RETRY_COST = 5
"""Of the client's quota of 500, which a call that succeeds refills by one: when AWS is down, retries end."""
PAUSE_S = 0.05
PAUSE_S_MAX = 1.0

PREFIXES = {"dynamodb": ("DynamoDB_20120810", "1.0"), "kinesis": ("Kinesis_20131202", "1.1")}
"""What a target begins with, and which JSON the service speaks."""

TOKENED = frozenset({"TransactWriteItems"})
"""What has a token, so that it is done once however often it is asked for."""

_encode = msgspec.json.Encoder().encode


class _Operation(NamedTuple):
    name: str
    target: str
    answers: msgspec.json.Decoder[Any]
    has_token: bool


class SignedClient:
    """Stands in for `client`; the hot operations of its service are attributes of this."""

    def __init__(self, client: Any, credentials: Any, http: aiohttp.ClientSession, *, attempts_max: int) -> None:
        """`credentials` are aiobotocore's, which renew themselves; `http` lives as long as this."""
        service = client.meta.service_model.service_name
        prefix, version = PREFIXES[service]
        self._client = client
        self._credentials = credentials
        self._http = http
        self._attempts_max = attempts_max
        self._quota = RetryQuota()
        self._url = URL(client.meta.endpoint_url).with_path("/")
        self._signer = Signer(service, client.meta.region_name, _host(self._url), f"application/x-amz-json-{version}")
        for method, (name, answer) in ANSWERS[service].items():
            decoder = msgspec.json.Decoder(answer, strict=False)  # times come as numbers
            operation = _Operation(name, f"{prefix}.{name}", decoder, name in TOKENED)
            setattr(self, method, partial(self._call, operation))

    def __getattr__(self, name: str) -> Any:
        """Return what the client has: whatever is not called all the time is its own."""
        return getattr(self._client, name)

    async def _call(self, operation: _Operation, **request: Any) -> Any:
        """Send a request until it is answered, refused for good, or has had its attempts.

        Raises:
            ClientError: AWS refuses it; of the class that the client would raise.
            HTTPClientError, NoCredentialsError: it was not answered, or cannot be asked.
        """
        if operation.has_token:
            request.setdefault("ClientRequestToken", str(uuid4()))
        body = _encode(request)
        attempt = 1
        while True:
            try:
                answer = await self._send(operation, body)
                self._quota.release(1)
                return answer
            except (ClientError, HTTPClientError) as error:
                if attempt == self._attempts_max or not _may_be_retried(error) or not self._quota.acquire(RETRY_COST):
                    raise
            pause_s = min(PAUSE_S * 2**attempt, PAUSE_S_MAX)
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, nothing secret
            attempt += 1

    async def _send(self, operation: _Operation, body: bytes) -> Any:
        if self._credentials is None:
            raise NoCredentialsError
        credentials = await self._credentials.get_frozen_credentials()
        headers = self._signer.headers(operation.target, body, credentials, time.time())
        address = str(self._url)
        try:
            async with self._http.post(self._url, data=body, headers=headers) as response:
                status, told, data = response.status, response.headers, await response.read()
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientPayloadError) as error:
            raise ConnectionClosedError(error=error, endpoint_url=address) from error
        except TimeoutError as error:
            raise ReadTimeoutError(error=error, endpoint_url=address) from error
        except aiohttp.ClientConnectionError as error:
            raise EndpointConnectionError(error=error, endpoint_url=address) from error
        except aiohttp.ClientError as error:
            raise HTTPClientError(error=error) from error
        if "x-amz-crc32" in told and int(told["x-amz-crc32"]) != crc32(data):
            raise HTTPClientError(error="the answer is not what was sent")
        if status != 200:
            raise self._refused(operation, status, told.get("x-amzn-errortype", ""), data)
        try:
            return operation.answers.decode(data)
        except msgspec.DecodeError as error:
            raise HTTPClientError(error=error) from error

    def _refused(self, operation: _Operation, status: int, kind: str, data: bytes) -> ClientError:
        """Return the client's own error for an answer that refuses."""
        try:
            said = REFUSALS.decode(data)
        except msgspec.DecodeError:  # somebody in between, such as a balancer
            said = Refusal()
        named: str = said.pop("__type", "") or kind
        code = named.partition(":")[0].rpartition("#")[2] or str(status)
        message = said.get("message") or said.get("Message", "")
        told = {"HTTPStatusCode": status, "RetryAttempts": 0}
        response = {**said, "Error": {"Code": code, "Message": message}, "ResponseMetadata": told}
        error: ClientError = self._client.exceptions.from_code(code)(response, operation.name)
        return error


def open_http(
    url: str, ca_bundle: str | None, *, connections: int, connect_timeout_s: float, read_timeout_s: float
) -> aiohttp.ClientSession:
    """Return a pool of connections to where `url` is, by the authorities and the proxy that the client would take."""
    tls = ssl.create_default_context(cafile=get_cert_path(ca_bundle or True))
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections, keepalive_timeout=KEEP_ALIVE_S, ssl=tls),
        timeout=aiohttp.ClientTimeout(sock_connect=connect_timeout_s, sock_read=read_timeout_s, total=None),
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        proxy=proxy_of(url),  # asked once: `trust_env` would have two threads ask it for each request
    )


def proxy_of(url: str) -> str | None:
    """Return the proxy that the environment names for this URL; None: there is none on the way."""
    parts = urlsplit(url)
    return None if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme)


def _may_be_retried(error: ClientError | HTTPClientError) -> bool:
    if isinstance(error, HTTPClientError):
        return True
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    return status in RETRIED_STATUSES or error.response["Error"]["Code"] in THROTTLES


def _host(url: URL) -> str:
    """Return the header `Host`, as aiohttp sends it."""
    host = url.host_subcomponent or ""
    return host if url.is_default_port() else f"{host}:{url.port}"
