"""A service behind `lambda://`: a real handler in the emulator, called through the typed client's own `Downstream`."""

import io
import zipfile
from collections.abc import AsyncIterator, Sequence

import msgspec
import pytest

from aws.clients import aws_client
from clients.backends import backends_over
from clients.deadline import Deadline
from clients.downstream import Downstream
from clients.lambda_transport import LambdaTransport, address_of
from clients.routes import Priority, Route, reads
from clients.transport import AiohttpTransport
from clients.tries import Tries
from contracts.failures import Failure, NotFound, Unavailable
from contracts.settings import Settings

HANDLER = """
import base64, json

def handle(event, context):
    path = event["rawPath"]
    if path == "/crash":
        raise RuntimeError("a secret of the service")
    if path == "/odd":
        return "odd"
    if path == "/missing":
        body = json.dumps({"status": 404, "code": "NOT_FOUND", "detail": "None."})
        return {"statusCode": 404, "headers": {"content-type": "application/problem+json"}, "body": body}
    sent = base64.b64decode(event["body"]).decode()
    told = {"method": event["requestContext"]["http"]["method"], "query": event["rawQueryString"], "sent": sent}
    told["token"] = event["headers"].get("authorization", "")
    body = base64.b64encode(json.dumps(told).encode()).decode()
    return {"statusCode": 200, "headers": {}, "body": body, "isBase64Encoded": True}
"""
ROLE = "arn:aws:iam::000000000000:role/service"
told = msgspec.json.Decoder(dict[str, str])


@pytest.fixture
async def service(aws: dict[str, str], name: str) -> AsyncIterator[Downstream]:
    """A function with an alias, and a client of it."""
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", HANDLER)
    async with aws_client("lambda") as client:
        await client.create_function(
            FunctionName=name, Runtime="python3.11", Role=ROLE, Handler="app.handle",
            Code={"ZipFile": code.getvalue()}, Publish=True,
        )  # fmt: skip
        await client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    url = f"lambda://{name}:live"
    async with LambdaTransport(url) as transport:
        yield Downstream(address_of(url), Tries(transport, 20), "t" * 32, "service")


async def get(service: Downstream, path: str, query: Sequence[tuple[str, str]] = ()) -> dict[str, str]:
    return await service.call(reads(path, told, Priority.BALANCES), Deadline.after(20), query)


async def test_a_request_arrives_whole_and_its_answer_too(service: Downstream) -> None:
    """Method, path, query, body and credentials, as API Gateway would hand them over."""
    got = await get(service, "/accounts", [("id", "a"), ("id", "b")])
    posted = await service.call(
        Route("POST", "/devices", told, Priority.BALANCES, repeatable=False), Deadline.after(20), body={"name": "✓"}
    )
    assert got == {"method": "GET", "query": "id=a&id=b", "sent": "", "token": f"Bearer {'t' * 32}"}
    assert (posted["method"], posted["sent"]) == ("POST", '{"name":"✓"}')


@pytest.mark.parametrize(("path", "kind"), [("/missing", NotFound), ("/crash", Unavailable), ("/odd", Unavailable)])
async def test_what_goes_wrong_in_a_function_is_a_failure(service: Downstream, path: str, kind: type[Failure]) -> None:
    """A problem is the failure it names; a crash says nothing of what the function raised."""
    with pytest.raises(kind) as failed:
        await get(service, path)
    assert type(failed.value) is kind
    assert "secret" not in failed.value.message


async def test_a_function_that_is_not_there_is_unavailable_or_not_found(aws: dict[str, str], name: str) -> None:
    """A typed failure, whatever AWS calls it."""
    async with LambdaTransport(f"lambda://{name}") as transport:
        with pytest.raises(Failure):
            await get(Downstream(address_of(f"lambda://{name}"), Tries(transport, 20)), "/x")


def test_a_service_is_a_function_by_its_url() -> None:
    """The alias is no port; nothing is opened before the gateway starts."""
    settings = Settings(accounts_url="lambda://belfry-accounts:live", events_url="lambda://belfry-events")
    backends = backends_over(AiohttpTransport(), settings)
    assert [one._function + one._alias for one in backends.functions] == ["belfry-accountslive", "belfry-events"]
    assert str(address_of("lambda://belfry-accounts:live")) == "lambda://belfry-accounts"
