"""Services and intake as Lambda functions, under AWS's runtime client and runtime emulator."""

import base64
import json
import os
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from bench.emulated_function import EMULATOR, emulated_function
from bench.processes import running
from clients.deadline import Deadline
from clients.downstream import Downstream
from clients.lambda_transport import LambdaTransport, address_of
from clients.routes import Priority, reads
from clients.tries import Tries

INVOKE = "/2015-03-31/functions/function/invocations"
TOKEN = "t" * 40
anything = msgspec.json.Decoder(dict[str, Any])

if EMULATOR is None and not os.environ.get("REQUIRE_AWS"):
    pytest.skip("the runtime emulator is not installed: make test-aws", allow_module_level=True)


def customer(id: str) -> dict[str, Any]:
    data = {"customerId": id, "givenName": "Anna", "familyName": "Keller", "residencyCountry": "DE"}
    data |= {"locale": "de-DE", "timeZone": "Europe/Berlin"}
    return {
        "specversion": "1.0", "type": "belfry.customer.registered.v1", "source": "/bank", "id": f"c-{id}",
        "time": "2026-01-01T00:00:00Z", "data": data,
    }  # fmt: skip


def request(path: str) -> dict[str, Any]:
    """API Gateway's payload, version 2.0."""
    http = {"method": "GET", "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": ""}
    context = {"http": http, "domainName": "x", "stage": "$default", "requestId": "r"}
    return {
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "", "headers": {"host": "x"},
        "requestContext": context, "isBase64Encoded": False,
    }  # fmt: skip


async def invoked(url: str, event: dict[str, Any]) -> Any:
    async with aiohttp.ClientSession() as session, session.post(url + INVOKE, json=event) as answer:
        return await answer.json(content_type=None)


def queue_event(*bodies: str) -> dict[str, Any]:
    return {"Records": [{"messageId": f"m{place}", "body": body} for place, body in enumerate(bodies)]}


def stream_event(*data: bytes) -> dict[str, Any]:
    return {
        "Records": [
            {"kinesis": {"sequenceNumber": str(place), "partitionKey": "a", "data": base64.b64encode(one).decode()}}
            for place, one in enumerate(data)
        ]
    }


async def test_events_left_in_a_queue_are_taken(tmp_path: Path) -> None:
    """Those that are no events become dead letters of the service and are not handed over again; then it is away."""
    async with running(tmp_path / "belfry", "events") as belfry, aiohttp.ClientSession() as session:
        settings = {"BELFRY_EVENTS_URL": belfry.urls["events"]}
        with emulated_function("producers.functions.from_queue", tmp_path, settings) as url:
            first = await invoked(url, queue_event(json.dumps(customer("a"), indent=2), "no event", ""))
            async with session.get(f"{belfry.urls['events']}/dead-letters") as answer:
                letters = (await answer.json())["items"]
            async with session.get(f"{belfry.urls['events']}/events/stream") as answer:
                log = (await answer.read()).splitlines()
            belfry.kill("events")
            away = await invoked(url, queue_event(json.dumps(customer("b")), json.dumps(customer("c"))))
    assert first == {"batchItemFailures": []}
    assert (len(log), len(letters)) == (1, 2)
    assert away == {"batchItemFailures": [{"itemIdentifier": "m0"}, {"itemIdentifier": "m1"}]}


async def test_records_of_a_stream_are_taken_in_order(tmp_path: Path) -> None:
    """What was taken before is taken again without harm; while the service is away the shard stays where it is."""
    async with running(tmp_path / "belfry", "events") as belfry, aiohttp.ClientSession() as session:
        settings = {"BELFRY_EVENTS_URL": belfry.urls["events"]}
        lines = [json.dumps(customer(id)).encode() for id in "abc"]
        with emulated_function("producers.functions.from_stream", tmp_path, settings) as url:
            taken = [await invoked(url, stream_event(*lines[:2])), await invoked(url, stream_event(*lines))]
            async with session.get(f"{belfry.urls['events']}/events/stream") as answer:
                log = [json.loads(line)["event"]["id"] for line in (await answer.read()).splitlines()]
            belfry.kill("events")
            away = await invoked(url, stream_event(*lines))
    assert taken == [{"batchItemFailures": []}] * 2
    assert log == ["c-a", "c-b", "c-c"]
    assert away == {"batchItemFailures": [{"itemIdentifier": "0"}]}


@pytest.mark.parametrize("service", ["accounts", "analytics", "events"])
async def test_a_service_answers_as_a_function(
    service: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, aws: dict[str, str]
) -> None:
    """The gateway's own client reaches it by lambda://; who shows no token is refused, as over HTTP."""
    settings = {"BELFRY_DATA_DIR": str(tmp_path / "data"), "BELFRY_SERVICE_TOKEN": TOKEN}
    with emulated_function(f"services.{service}.function.handle", tmp_path, settings) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", url)
        path = "/dead-letters" if service == "events" else "/projection"
        async with LambdaTransport("lambda://function") as transport:
            known = Downstream(address_of("lambda://function"), Tries(transport, 20), TOKEN, service)
            asked = reads(path, anything, Priority.BALANCES)
            assert await known.call(asked, Deadline.after(20))
        stranger = await invoked(url, request(path))
    assert stranger["statusCode"] == 401
