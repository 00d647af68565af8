"""Facts about batches: off unless allowed, bounded, and nothing is cheaper or freer in them."""

from collections.abc import AsyncGenerator
from typing import Any

import httpx
import msgspec
import pytest
from starlette.applications import Starlette

from contracts.settings import Settings
from gateway.edge import create_edge
from gateway.engines import Assembly
from gateway.identity import Authenticator

HELLO = {"query": "{ hello }"}


@pytest.fixture
def batching(settings: Settings, assembly: Assembly, authenticator: Authenticator) -> Starlette:
    """An edge that takes batches of three."""

    async def ready() -> dict[str, bool]:
        return {}

    return create_edge(
        msgspec.structs.replace(settings, batch_max=3),
        engine=assembly.engine,
        authenticator=authenticator,
        rates=assembly.rates,
        checks=ready,
    )


@pytest.fixture
async def batcher(batching: Starlette, token: str) -> AsyncGenerator[httpx.AsyncClient]:
    """A client of it."""
    headers = {"Authorization": f"Bearer {token}"}
    transport = httpx.ASGITransport(batching)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver", headers=headers) as client:
        yield client


async def test_no_batch_is_taken_unless_allowed(client: httpx.AsyncClient) -> None:
    """The default."""
    assert (await client.post("/graphql", json=[HELLO])).status_code == 400


async def test_each_operation_is_answered_in_its_place_and_fails_alone(batcher: httpx.AsyncClient) -> None:
    """A failing field, a bad document and no request at all leave the others their answers."""
    response = await batcher.post("/graphql", json=[HELLO, {"query": "{ nothing }"}, 5])
    first, second, third = response.json()
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json; charset=utf-8")
    assert first["data"]["hello"].startswith("hello world")
    assert [one["errors"][0]["extensions"]["code"] for one in (second, third)] == [
        "GRAPHQL_VALIDATION_FAILED",
        "BAD_REQUEST",
    ]


@pytest.mark.parametrize("batch", [[], [HELLO] * 4, [[HELLO]] * 4])
async def test_a_batch_has_a_bound(batcher: httpx.AsyncClient, batch: list[Any]) -> None:
    """Neither none nor more than allowed."""
    response = await batcher.post("/graphql", json=batch)
    assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (400, "BAD_REQUEST")


async def test_what_a_single_request_may_not_a_batch_may_not(batcher: httpx.AsyncClient) -> None:
    """Nested batches, subscriptions, missing scopes and costly operations are refused one by one."""
    deep = "{ item { items { items { items { items { name } } } } } }"
    answers = (
        await batcher.post("/graphql", json=[[HELLO], {"query": "subscription { silent { name } }"}, {"query": deep}])
    ).json()
    codes = [one["errors"][0]["extensions"]["code"] for one in answers]
    assert codes == ["BAD_REQUEST", "BAD_REQUEST", "COST_TOO_HIGH"]
    (denied,) = (await batcher.post("/graphql", json=[{"query": "mutation { freeze }"}])).json()
    assert denied["errors"][0]["extensions"]["code"] == "MISSING_SCOPE"


async def test_mutations_run_in_order(batcher: httpx.AsyncClient, assembly: Assembly) -> None:
    """And each is recorded."""
    batch = [{"query": f'mutation {{ rename(name: "{name}") }}'} for name in ("a", "b")]
    assert [one["data"]["rename"] for one in (await batcher.post("/graphql", json=batch)).json()] == ["a", "b"]


async def test_a_batch_is_charged_like_as_many_requests(batcher: httpx.AsyncClient, assembly: Assembly) -> None:
    """To the customer by cost, to the address by number."""
    buckets = assembly.rates._addresses._levels, assembly.rates._customers._levels
    assembly.rates._addresses._refill = assembly.rates._customers._refill = 1e-9  # time brings nothing back meanwhile
    (await batcher.post("/graphql", json=HELLO)).raise_for_status()
    before = [levels[key][0] for levels, key in zip(buckets, ("127.0.0.1", "customer-1"), strict=True)]
    answer = (await batcher.post("/graphql", json=[HELLO] * 3)).raise_for_status()
    after = [levels[key][0] for levels, key in zip(buckets, ("127.0.0.1", "customer-1"), strict=True)]
    assert [round(one - other) for one, other in zip(before, after, strict=True)] == [3, 3]
    assert f";r={int(after[1])};" in answer.headers["ratelimit"]


async def test_a_client_of_streams_gets_no_batch(batcher: httpx.AsyncClient) -> None:
    """It would not understand the answer."""
    response = await batcher.post("/graphql", json=[HELLO], headers={"Accept": "text/event-stream"})
    assert response.status_code == 406
