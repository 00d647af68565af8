"""Hot calls beside the client's own: the same requests, answers, errors and retries, over a real socket."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import cache
from typing import Any, NamedTuple
from zlib import crc32

import pytest
from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession, get_session
from aiohttp import web
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError

from aws.signatures import Signer
from aws.signed_calls import SignedClient, open_http, proxy_of

KEYS = Credentials("AKID", "a secret", "a session's token")
ITEM = {
    "customerId": {"S": 'Zoë "ö" \\ \u2028'}, "seq": {"N": "7"}, "raw": {"B": b"\x00\xff bytes"}, "is": {"BOOL": True},
    "none": {"NULL": True}, "many": {"L": [{"S": "a"}, {"M": {"deep": {"N": "1.5"}}}]}, "set": {"SS": ["a", "b"]},
}  # fmt: skip
CALLS: list[tuple[str, str, dict[str, Any]]] = [
    ("dynamodb", "put_item", {"TableName": "t", "Item": ITEM, "ConditionExpression": "attribute_not_exists(seq)"}),
    ("dynamodb", "get_item", {"TableName": "t", "Key": {"customerId": {"S": "ada"}}, "ConsistentRead": True}),
    ("dynamodb", "query", {"TableName": "t", "KeyConditionExpression": "a = :a", "Limit": 3}),
    ("dynamodb", "transact_write_items", {"TransactItems": [{"Put": {"TableName": "t", "Item": ITEM}}]}),
    ("kinesis", "put_records", {"StreamName": "s", "Records": [{"PartitionKey": "k", "Data": b"\x00\xff"}]}),
    ("kinesis", "get_records", {"ShardIterator": "AAAA==", "Limit": 2000}),
]
WIRE_ITEM = json.loads(json.dumps(ITEM, default=lambda data: base64.b64encode(data).decode()))
ANSWERS: dict[str, dict[str, Any]] = {
    "put_item": {},
    "get_item": {"Item": WIRE_ITEM},
    "query": {"Items": [WIRE_ITEM], "Count": 1, "ScannedCount": 1, "LastEvaluatedKey": {"seq": {"N": "7"}}},
    "transact_write_items": {},
    "put_records": {"FailedRecordCount": 1, "Records": [{"ErrorCode": "ProvisionedThroughputExceededException"}]},
    "get_records": {
        "Records": [
            {"Data": "AP8=", "SequenceNumber": "49", "PartitionKey": "k", "ApproximateArrivalTimestamp": 1772366400.123}
        ],
        "NextShardIterator": "BBBB",
        "MillisBehindLatest": 12,
    },
}
REFUSALS: list[tuple[int, dict[str, Any] | bytes]] = [
    (400, {"__type": "com.amazonaws.dynamodb#ConditionalCheckFailedException", "message": "no", "Item": WIRE_ITEM}),
    (400, {"__type": "x#TransactionCanceledException", "Message": "no", "CancellationReasons": [
        {"Code": "None"}, {"Code": "ConditionalCheckFailed", "Item": WIRE_ITEM, "Message": "no"}]}),
    (400, {"__type": "x#ResourceNotFoundException", "message": "no"}),
    (400, {"__type": "com.amazon.coral.service#ExpiredTokenException", "message": "old"}),
    (400, {"__type": "x#ProvisionedThroughputExceededException", "message": "slow down"}),
    (400, {"__type": "ThrottlingException", "message": "slow down"}),
    (400, {"__type": "x#TransactionInProgressException", "message": "wait"}),
    (500, {"__type": "x#InternalServerError", "message": "oh"}),
    (503, b"<html>a balancer</html>"),
    (413, b""),
]  # fmt: skip


class Seen(NamedTuple):
    """A request as it arrived."""

    headers: dict[str, str]
    body: bytes


Answer = Callable[[web.Request], Awaitable[web.Response]]


class Server:
    """Answers every request with `answer` and keeps what it saw."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.answer: Answer = answering(200, {})
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        self.seen.append(Seen({name.lower(): value for name, value in request.headers.items()}, await request.read()))
        return await self.answer(request)


def answering(status: int, said: dict[str, Any] | bytes, **headers: str) -> Answer:
    data = said if isinstance(said, bytes) else json.dumps(said).encode()

    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, body=data, headers=headers)

    return answer


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """Listen on a free port of this machine."""
    server = Server()
    app = web.Application(client_max_size=8 * 1024 * 1024)
    app.router.add_post("/", server.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield server
    await runner.cleanup()


@cache
def session_of(token: str | None) -> AioSession:
    """Return a session with these keys; what it has loaded serves every test."""
    session = get_session()
    session.set_credentials(KEYS.access_key, KEYS.secret_key, token)
    return session


class Both:
    """The client and what stands in for it, asking the same server with the same keys."""

    def __init__(self, url: str, read_timeout_s: float = 5.0) -> None:
        self._url = url
        self._read_timeout_s = read_timeout_s

    async def ask(self, service: str, method: str, request: dict[str, Any]) -> tuple[Any, Any]:
        """Return what each of them answers or raises."""
        config = AioConfig(
            read_timeout=self._read_timeout_s, retries={"mode": "standard", "total_max_attempts": 2},
            parameter_validation=False,
        )  # fmt: skip
        session = session_of(KEYS.token)
        made = session.create_client(service, region_name="eu-central-1", endpoint_url=self._url, config=config)
        http = open_http(self._url, None, connections=2, connect_timeout_s=1, read_timeout_s=self._read_timeout_s)
        async with made as client, http:
            signed = SignedClient(client, await session.get_credentials(), http, attempts_max=2)
            return await _outcome(getattr(client, method), request), await _outcome(getattr(signed, method), request)


async def _outcome(method: Callable[..., Awaitable[Any]], request: dict[str, Any]) -> Any:
    try:
        answer = await method(**request)
    except (ClientError, BotoCoreError) as error:
        return error
    answer.pop("ResponseMetadata", None)
    return answer


@pytest.mark.parametrize(("service", "method", "request_"), CALLS, ids=[call[1] for call in CALLS])
async def test_a_call_is_asked_and_answered_as_by_the_client(
    server: Server, service: str, method: str, request_: dict[str, Any]
) -> None:
    """The same headers but for time, signature and what names the client; the same content; the same answer."""
    server.answer = answering(200, ANSWERS[method])
    by_client, by_us = await Both(server.url).ask(service, method, request_)
    client, us = server.seen
    own = {"user-agent", "accept", "accept-encoding", "amz-sdk-invocation-id", "amz-sdk-request"}
    varying = {"x-amz-date", "authorization", "content-length"}
    assert us.headers.keys() == client.headers.keys() - own
    assert {name: us.headers[name] for name in us.headers.keys() - varying} == {
        name: client.headers[name] for name in us.headers.keys() - varying
    }
    asked, asked_by_client = json.loads(us.body), json.loads(client.body)
    tokens = {one.pop("ClientRequestToken", "") for one in (asked, asked_by_client)}
    assert len(tokens) == (2 if method == "transact_write_items" else 1)
    assert asked == asked_by_client
    assert by_us == by_client


@pytest.mark.parametrize("token", [None, "a session's token"])
async def test_the_signature_is_the_one_botocore_makes(token: str | None) -> None:
    """Over the same headers, body and time, with keys that expire and keys that do not; on another day, too."""
    keys = Credentials("AKID", "a secret", token)
    signer = Signer("kinesis", "eu-central-1", "127.0.0.1:4566", "application/x-amz-json-1.1")
    for at_s, body in ((time.time(), b"{}"), (time.time() - 86_400, b'{"a":1}')):
        made = signer.headers("Kinesis_20131202.PutRecords", body, keys, at_s)
        request = AWSRequest("POST", "http://127.0.0.1:4566/", data=body)
        for header in made.keys() - {"authorization"}:
            request.headers[header] = made[header]
        request.context["timestamp"] = made["x-amz-date"]
        theirs = SigV4Auth(keys, "kinesis", "eu-central-1")
        signature = theirs.signature(theirs.string_to_sign(request, theirs.canonical_request(request)), request)
        assert made["authorization"].endswith(f"Signature={signature}")
        assert f"Credential={theirs.scope(request)}, " in made["authorization"]


@pytest.mark.parametrize(("status", "said"), REFUSALS)
async def test_a_refusal_is_the_clients_own_error(server: Server, status: int, said: dict[str, Any] | bytes) -> None:
    """Of the same class, code and content, after as many attempts."""
    server.answer = answering(status, said)
    by_client, by_us = await Both(server.url).ask(*CALLS[3])
    assert (type(by_us), by_us.response["Error"]["Code"]) == (type(by_client), by_client.response["Error"]["Code"])
    assert by_us.response["Error"]["Message"] == by_client.response["Error"]["Message"] or isinstance(said, bytes)
    for told in ("Item", "CancellationReasons"):
        assert by_us.response.get(told) == by_client.response.get(told)
    attempts = len(server.seen) / 2
    assert attempts in {1, 2}
    assert [one.headers["authorization"].startswith("AWS4-") for one in server.seen] == [True] * len(server.seen)
    assert sum("amz-sdk-request" in one.headers for one in server.seen) == attempts


async def test_a_server_that_hangs_up_is_the_clients_own_error(server: Server) -> None:
    """Tried again, then the same class."""

    async def hang_up(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    server.answer = hang_up
    by_client, by_us = await Both(server.url).ask(*CALLS[0])
    assert type(by_us) is type(by_client)
    assert len(server.seen) == 4


async def test_a_server_that_says_nothing_is_the_clients_own_error(server: Server) -> None:
    """The time for an answer is bounded."""
    over = asyncio.Event()

    async def say_nothing(_: web.Request) -> web.Response:
        await over.wait()
        return web.Response()

    server.answer = say_nothing
    by_client, by_us = await Both(server.url, read_timeout_s=0.05).ask(*CALLS[0])
    over.set()
    assert type(by_us) is type(by_client)


async def test_nobody_there_is_the_clients_own_error(server: Server, unused_tcp_port: int) -> None:
    """A port where nobody listens."""
    by_client, by_us = await Both(f"http://127.0.0.1:{unused_tcp_port}").ask(*CALLS[0])
    assert type(by_us) is type(by_client)


async def test_an_answer_damaged_on_the_way_is_asked_for_again(server: Server) -> None:
    """DynamoDB sends a sum with what it says; an answer that does not fit it is never believed."""
    whole = json.dumps(ANSWERS["get_item"]).encode()
    server.answer = answering(200, whole, **{"x-amz-crc32": str(crc32(whole) ^ 1)})
    _, by_us = await Both(server.url).ask(*CALLS[1])
    assert isinstance(by_us, BotoCoreError)
    assert sum("amz-sdk-request" not in one.headers for one in server.seen) == 2
    server.answer = answering(200, whole, **{"x-amz-crc32": str(crc32(whole))})
    by_client, by_us = await Both(server.url).ask(*CALLS[1])
    assert by_us == by_client


async def test_retries_end_when_everything_fails(server: Server) -> None:
    """A quota is shared by all calls of a client: an outage is not answered with more load."""
    server.answer = answering(500, {"__type": "x#InternalServerError"})
    http = open_http(server.url, None, connections=4, connect_timeout_s=1, read_timeout_s=5)
    session = session_of(None)
    made = session.create_client("dynamodb", region_name="eu-central-1", endpoint_url=server.url)
    async with made as client, http:
        signed = SignedClient(client, await session.get_credentials(), http, attempts_max=3)
        await asyncio.gather(*(_outcome(signed.put_item, CALLS[0][2]) for _ in range(80)))
    assert len(server.seen) == 80 + 100  # of 500, at 5 a retry


def test_a_proxy_is_taken_where_the_environment_names_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the client does: by scheme, and not to hosts that are excepted."""
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert proxy_of("https://kinesis.eu-central-1.amazonaws.com") is None
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "127.0.0.1,dynamodb.eu-central-1.amazonaws.com")
    assert proxy_of("https://kinesis.eu-central-1.amazonaws.com") == "http://proxy.example:3128"
    assert proxy_of("https://dynamodb.eu-central-1.amazonaws.com") is None
    assert proxy_of("http://127.0.0.1:4566") is None
