"""Facts about GraphQL over HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from contracts.settings import Settings
from gateway.demo_issuer import ISSUER, DemoIssuer
from gateway.eagerness import begin
from gateway.edge import create_edge
from gateway.execution import Engine
from gateway.http import BODY_BYTES_MAX, Body
from gateway.identity import Authenticator
from gateway.jwks import FixedKeys
from gateway.media_types import GRAPHQL_RESPONSE, JSON
from gateway.rate_limits import RateLimits
from gateway.revocations import Revocations
from tests.cases import each
from tests.examples import examples

MODERN = {"Accept": GRAPHQL_RESPONSE}


def codes(response: httpx.Response) -> list[str]:
    return [error["extensions"]["code"] for error in response.json()["errors"]]


async def ask(
    client: httpx.AsyncClient, query: str, headers: dict[str, str] | None = None, **more: Any
) -> httpx.Response:
    return await client.post("/graphql", json={"query": query, **more}, headers=headers)


async def test_a_query_is_answered_for_the_tokens_customer(client: httpx.AsyncClient) -> None:
    """The context of a resolver holds the verified principal."""
    response = await ask(client, "query($n: String!) { hello(name: $n) }", variables={"n": "you"})
    assert response.json() == {"data": {"hello": "hello you, says customer-1"}}
    assert response.headers["content-type"] == "application/json; charset=utf-8"


async def test_a_mutation_is_executed(client: httpx.AsyncClient) -> None:
    """POST takes mutations."""
    assert (await ask(client, 'mutation { rename(name: "x") }')).json() == {"data": {"rename": "x"}}


async def test_without_a_token_nothing_is_answered(anonymous: httpx.AsyncClient) -> None:
    """401 with a challenge and a GraphQL error."""
    response = await ask(anonymous, "{ hello }")
    assert (response.status_code, codes(response)) == (401, ["UNAUTHENTICATED"])
    assert response.headers["www-authenticate"] == 'Bearer realm="belfry"'


@pytest.mark.parametrize("given", ["Bearer x", "Basic eDp5"])
async def test_a_challenge_says_that_a_token_is_not_valid(anonymous: httpx.AsyncClient, given: str) -> None:
    """RFC 6750, 3.1: only where there was one."""
    response = await anonymous.post("/graphql", json={"query": "{ hello }"}, headers={"Authorization": given})
    assert ('error="invalid_token"' in response.headers["www-authenticate"]) is given.startswith("Bearer")


@pytest.mark.parametrize("accept", [JSON, GRAPHQL_RESPONSE])
async def test_the_content_type_is_the_one_asked_for(client: httpx.AsyncClient, accept: str) -> None:
    """Both media types carry UTF-8."""
    response = await ask(client, "{ hello }", {"Accept": accept})
    assert response.headers["content-type"] == f"{accept}; charset=utf-8"
    assert "Accept" in response.headers["vary"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("query($n: Int!) { hello }", "GRAPHQL_VALIDATION_FAILED"),
        ("query($s: Int!) { item(size: $s) { name } }", "BAD_USER_INPUT"),
        ("query A { hello } query B { hello }", "OPERATION_RESOLUTION_FAILURE"),
    ],
)
async def test_a_refused_document_is_200_for_json_and_400_for_graphql_response(
    client: httpx.AsyncClient, query: str, code: str
) -> None:
    """Older clients read errors only from 200; newer ones get the status of what happened."""
    old, new = await ask(client, query), await ask(client, query, MODERN)
    assert (old.status_code, new.status_code) == (200, 400)
    assert codes(old)[0] == codes(new)[0] == code
    assert "data" not in new.json()


@pytest.mark.parametrize("query", ["{ ...A } fragment A on Query { ...A }", "{ ...A }"])
async def test_a_fragment_without_end_is_a_fault_like_any_other(client: httpx.AsyncClient, query: str) -> None:
    """It is found before validation, and answered as validation would."""
    response = await client.post("/graphql", json={"query": query}, headers={"Accept": JSON})
    assert (response.status_code, codes(response)) == (200, ["GRAPHQL_VALIDATION_FAILED"])


async def test_suggestions_are_hidden(client: httpx.AsyncClient) -> None:
    """A misspelt name does not reveal the schema."""
    for query in ("{ helo }", "{ item { nam } }", "{ hello(nam: 1) }", "mutation { renam(name: 1) }"):
        assert "Did you mean" not in (await ask(client, query)).text


async def test_internal_text_stays_inside(client: httpx.AsyncClient) -> None:
    """An unexpected exception becomes a code and a trace id that the log has too."""
    response = await ask(client, "{ broken hello }")
    error = response.json()["errors"][0]
    assert error["message"] == "Internal error."
    assert error["extensions"] == {"code": "INTERNAL", "traceId": response.headers["x-request-id"]}
    assert response.json()["data"]["hello"]
    assert "secret" not in response.text


async def test_a_failure_keeps_its_message_code_and_retry_advice(client: httpx.AsyncClient) -> None:
    """What contracts.failures says reaches the client, beside the rest of the answer."""
    body = (await ask(client, "{ away hello }", MODERN)).json()
    assert body["errors"][0]["extensions"] == {"code": "UNAVAILABLE", "retryAfter": 2.0}
    assert body["errors"][0]["path"] == ["away"]
    assert body["data"]["hello"]


async def test_the_deadline_ends_an_operation(client: httpx.AsyncClient) -> None:
    """Execution is cut off soon after its deadline."""
    response = await ask(client, "{ endless }")
    assert (response.status_code, codes(response)) == (200, ["TIMED_OUT"])


async def test_get_answers_queries(client: httpx.AsyncClient) -> None:
    """Parameters come from the URL; variables are a JSON text."""
    parameters = {"query": "query($n: String) { hello(name: $n) }", "variables": '{"n": "GET"}'}
    assert (await client.get("/graphql", params=parameters)).json()["data"]["hello"].startswith("hello GET")


async def test_get_never_executes_a_mutation(client: httpx.AsyncClient) -> None:
    """405, and the method that would do."""
    response = await client.get("/graphql", params={"query": 'mutation { rename(name: "x") }'})
    assert (response.status_code, response.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
async def test_other_methods_are_named_wrong(client: httpx.AsyncClient, method: str) -> None:
    """405 with the methods that are allowed."""
    response = await client.request(method, "/graphql")
    assert (response.status_code, response.headers["allow"]) == (405, "GET, POST")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": "application/json; charset=latin1"}, 415),
        ({"Content-Type": "application/json", "Content-Encoding": "gzip"}, 415),
        ({"Content-Type": "application/json", "Accept": "text/html"}, 406),
        ({"Content-Type": "application/json; charset=utf-8"}, 200),
    ],
)
async def test_media_types_are_checked(client: httpx.AsyncClient, headers: dict[str, str], status: int) -> None:
    """A form cannot send what the gateway takes, and compressed bodies are not unpacked."""
    response = await client.post("/graphql", content=b'{"query": "{ hello }"}', headers=headers)
    assert response.status_code == status


MALFORMED = [
    b"",
    b"5",
    b"null",
    b"true",
    b'"text"',
    b"[]",
    b'[{"query": "{ hello }"}]',
    b"{",
    b"{}",
    b'{"query": 1}',
    b'{"query": ["{ hello }"]}',
    b'{"query": ""}',
    b'{"query": "{ hello }", "variables": []}',
    b'{"query": "{ hello }", "variables": "{}"}',
    b'{"query": "{ hello }", "operationName": 1}',
    b'{"query": "{ hello }", "extensions": 1}',
    b'{"query": "{ hello }", "query": "{ item }"}',
    b'{"query": "{ hello }", "variables": {"a": 1, "a": 2}}',
    b'{"query": "{ hello }", "variables": {"a": NaN}}',
    b'{"query": "{ hello }", "variables": {"a": 1e999}}',
    b'{"query": "{ hello }", "variables": {"a": ' + b"9" * 5000 + b"}}",
    b'{"query": "{ hello }", "variables": {"a": "\\ud800"}}',
    b'{"query": "\xff"}',
    b"\xef\xbb\xbf{}",
    '{"query": "{ hello }"}'.encode("utf-16"),
    b'{"query": "{ hello }", "variables": {"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
    b'{"query": "{ hello }", "variables": {"a": ' + b'{"a":' * 30_000 + b"1" + b"}" * 30_000 + b"}}",
    b'{"query": "' + b'\\"' * 100_000,
    b"[" * 200_000,
    b"\x00" * 100,
]


@each("body", MALFORMED)
async def test_a_malformed_body_is_a_graphql_error(client: httpx.AsyncClient, body: bytes) -> None:
    """400 and one error with a code, whatever was sent."""
    response = await client.post("/graphql", content=body, headers={"Content-Type": JSON})
    assert response.status_code == 400
    assert codes(response)[0] in ("BAD_REQUEST", "MALFORMED_JSON")


@each(
    "query",
    ["variables=%7B", "query=%FF", "query=%7Bhello%7D&query=%7Bhello%7D", "variables=[]&query={hello}", "", "a=1"],
)
async def test_malformed_urls_are_refused(client: httpx.AsyncClient, query: str) -> None:
    """400 for what cannot be read, is given twice or is missing."""
    assert (await client.get(f"/graphql?{query}")).status_code == 400


async def test_a_long_url_is_refused(client: httpx.AsyncClient) -> None:
    """414 before it is read."""
    assert (await client.get("/graphql", params={"query": "{ hello }" + " " * 20_000})).status_code == 414


@pytest.mark.parametrize("declared", [True, False])
async def test_a_large_body_is_refused(client: httpx.AsyncClient, declared: bool) -> None:
    """413 from its declared length, or as soon as it is over when it declares none."""

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(BODY_BYTES_MAX // 1024 + 1):
            yield b" " * 1024

    content = b" " * (BODY_BYTES_MAX + 1) if declared else chunks()
    response = await client.post("/graphql", content=content, headers={"Content-Type": JSON})
    assert (response.status_code, codes(response)) == (413, ["TOO_LARGE"])


@examples(60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.one_of(
        st.binary(max_size=300),
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.text(),
            lambda inner: (
                st.lists(inner)
                | st.dictionaries(
                    st.sampled_from(["query", "variables", "operationName", "extensions", "persistedQuery"]), inner
                )
            ),
            max_leaves=10,
        ).map(lambda value: json.dumps(value).encode()),
    )
)
async def test_no_body_is_a_server_error(client: httpx.AsyncClient, body: bytes) -> None:
    """Random bytes and random JSON of the right keys: always a GraphQL answer, never a 5xx."""
    response = await client.post("/graphql", content=body, headers={"Content-Type": JSON, **MODERN})
    assert response.status_code < 500
    assert "errors" in response.json()


async def test_every_answer_has_security_headers_and_no_banner(client: httpx.AsyncClient) -> None:
    """Errors and unknown paths too."""
    for path in ("/graphql", "/nothing", "/health/live"):
        headers = (await client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert headers["cache-control"] == "no-store"
        assert "server" not in headers


async def test_browsers_are_told_to_stay_with_tls_over_tls_only(app: Starlette, client: httpx.AsyncClient) -> None:
    """RFC 6797 forbids the header over plain HTTP."""
    assert "strict-transport-security" not in (await client.get("/health/live")).headers
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://testserver") as secure:
        assert (await secure.get("/health/live")).headers["strict-transport-security"].startswith("max-age=63072000")


async def test_a_body_of_single_bytes_is_not_copied_with_each_of_them() -> None:
    """It moves to more room a hundred times for 256 KiB, not a quarter of a million times."""
    left = BODY_BYTES_MAX
    rooms: set[int] = set()

    async def receive() -> dict[str, Any]:
        nonlocal left
        rooms.add(body._arrived.__alloc__())
        left -= 1
        return {"type": "http.request", "body": b" ", "more_body": left > 0}

    body = Body(receive)
    await body.read()
    assert (len(body.data), left) == (BODY_BYTES_MAX, 0)
    assert 10 < len(rooms) < 200


async def test_a_body_that_is_there_needs_no_timer() -> None:
    """It is read before anything waits; one that is not is waited for."""
    ready = asyncio.Event()

    async def receive() -> dict[str, Any]:
        await ready.wait()
        return {"type": "http.request", "body": b"{}"}

    body = Body(receive)
    waiting = begin(body.read())
    ready.set()
    assert waiting is not None
    await waiting
    assert body.data == b"{}"
    assert begin(Body(receive).read()) is None


async def test_what_nobody_expected_to_fail_is_answered_like_everything_else(
    settings: Settings, engine: Engine, rates: RateLimits, issuer: DemoIssuer, revocations: Revocations, token: str
) -> None:
    """On every path: no text of ours, and the headers of every answer; one that has begun is left to the server."""

    def broken() -> float:
        raise RuntimeError("secret internal text")

    async def checks() -> dict[str, bool]:
        return {}

    async def boom(_: Request) -> Response:
        raise RuntimeError("secret internal text")

    async def half(_: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"half"
            broken()

        return StreamingResponse(pieces())

    keys = {ISSUER: FixedKeys([issuer.public_key])}
    edge = create_edge(
        settings,
        engine=engine,
        authenticator=Authenticator(keys, revocations, audience=settings.audience, clock=broken),
        rates=rates,
        checks=checks,
        routes=[Route("/boom", boom), Route("/half", half)],
    )
    transport = httpx.ASGITransport(edge, raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver", headers=headers) as client:
        for response in (await ask(client, "{ hello }"), await client.get("/boom")):
            trace_id = response.headers["x-request-id"]
            assert response.json()["errors"][0]["extensions"] == {"code": "INTERNAL", "traceId": trace_id}
            assert (response.status_code, response.headers["x-content-type-options"]) == (500, "nosniff")
            assert "secret" not in response.text
        assert (await client.get("/half")).text == "half"


async def test_another_host_is_not_served(client: httpx.AsyncClient) -> None:
    """A rebound DNS name does not reach the gateway."""
    response = await client.get("/graphql", headers={"Host": "evil.example"})
    assert (response.status_code, codes(response)) == (421, ["HOST_NOT_ALLOWED"])


async def test_health_is_told_under_any_name(client: httpx.AsyncClient) -> None:
    """A load balancer asks under the address of the process."""
    assert (await client.get("/health/live", headers={"Host": "10.20.30.40:8000"})).status_code == 200


async def test_cors_is_for_listed_origins_only(client: httpx.AsyncClient) -> None:
    """A listed origin gets its preflight; another gets nothing that would let it read."""
    preflight = {"Access-Control-Request-Method": "POST"}
    listed = await client.options("/graphql", headers={"Origin": "https://app.example", **preflight})
    other = await client.options("/graphql", headers={"Origin": "https://evil.example", **preflight})
    assert listed.headers["access-control-allow-origin"] == "https://app.example"
    assert "access-control-allow-origin" not in other.headers


async def test_a_request_id_is_kept_when_it_is_harmless(client: httpx.AsyncClient) -> None:
    """A strange one is replaced."""
    kept = await client.get("/health/live", headers={"X-Request-ID": "abc-12345678"})
    replaced = await client.get("/health/live", headers={"X-Request-ID": "x" * 500})
    assert kept.headers["x-request-id"] == "abc-12345678"
    assert len(replaced.headers["x-request-id"]) == 16


SERVICE_TOKEN = "s" * 32


@pytest.mark.parametrize(
    ("changes", "header", "shown"),
    [
        ({}, "", False),
        ({"demo": True}, "", True),
        ({"service_token": SERVICE_TOKEN}, f"Bearer {SERVICE_TOKEN}", True),
        ({"service_token": SERVICE_TOKEN, "demo": True}, "", False),
        ({"service_token": SERVICE_TOKEN}, f"Bearer {SERVICE_TOKEN[1:]}", False),
    ],
)
async def test_what_is_inside_is_shown_to_operators_only(
    settings: Settings,
    engine: Engine,
    authenticator: Authenticator,
    rates: RateLimits,
    changes: dict[str, Any],
    header: str,
    shown: bool,
) -> None:
    """Readiness says no more than yes or no to others, and metrics do not exist for them; this machine counts in the
    demo only, as a proxy too may be on it.
    """
    edge = create_edge(
        msgspec.structs.replace(settings, **changes),
        engine=engine,
        authenticator=authenticator,
        rates=rates,
        checks=_one_is_missing,
    )
    headers = {"Authorization": header} if header else {}
    transport = httpx.ASGITransport(edge, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver", headers=headers) as client:
        ready, metrics = await client.get("/health/ready"), await client.get("/metrics")
    assert ready.status_code == 503
    assert ready.json().get("checks", {}).get("analytics") == (False if shown else None)
    assert metrics.status_code == (200 if shown else 404)


async def _one_is_missing() -> dict[str, bool]:
    return {"accounts": True, "analytics": False}
