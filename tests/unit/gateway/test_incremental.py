"""Facts about @defer and @stream, and about Apollo's multipart subscriptions."""

import json
from typing import Any

import httpx
import pytest

APOLLO = "multipart/mixed;deferSpec=20220824,application/graphql-response+json,application/json;q=0.9"
CURRENT = "multipart/mixed, application/json"
URQL = (
    "application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed"
)
DEFERRED = '{ item { name ... @defer(label: "later") { slow } } }'


def parts_of(response: httpx.Response) -> list[dict[str, Any]]:
    """Read a multipart body as a client does."""
    assert 'boundary="graphql"' in response.headers["content-type"]
    assert response.text.endswith("\r\n--graphql--\r\n")
    bodies = response.text.removesuffix("--\r\n").split("\r\n--graphql")[1:-1]
    return [json.loads(body.partition("\r\n\r\n")[2]) for body in bodies]


async def ask(client: httpx.AsyncClient, query: str, accept: str) -> httpx.Response:
    return await client.post("/graphql", json={"query": query}, headers={"Accept": accept})


async def test_a_deferred_fragment_comes_in_its_own_part(client: httpx.AsyncClient) -> None:
    """The current format: pending, then the piece by id."""
    first, second = parts_of(await ask(client, DEFERRED, CURRENT))
    assert first == {
        "data": {"item": {"name": "x"}},
        "pending": [{"id": "0", "path": ["item"], "label": "later"}],
        "hasNext": True,
    }
    assert second["incremental"] == [{"id": "0", "data": {"slow": "slow"}}]
    assert (second["completed"], second["hasNext"]) == ([{"id": "0"}], False)


async def test_apollo_gets_the_format_it_asks_for(client: httpx.AsyncClient) -> None:
    """deferSpec=20220824: pieces by path and label."""
    first, second = parts_of(await ask(client, DEFERRED, APOLLO))
    assert first == {"data": {"item": {"name": "x"}}, "hasNext": True}
    assert second == {"incremental": [{"path": ["item"], "label": "later", "data": {"slow": "slow"}}], "hasNext": False}


async def test_streamed_items_have_their_index(client: httpx.AsyncClient) -> None:
    """In the older format each piece of a list says where it goes."""
    parts = parts_of(await ask(client, "{ item { items @stream(initialCount: 1) { name } } }", APOLLO))
    assert parts[0]["data"]["item"]["items"] == [{"name": "x.0"}]
    pieces = [piece for part in parts[1:] for piece in part.get("incremental", ())]
    placed = {piece["path"][2] + offset: item["name"] for piece in pieces for offset, item in enumerate(piece["items"])}
    assert placed == {1: "x.1", 2: "x.2"}


@pytest.mark.parametrize("accept", ["application/json", "*/*", "application/graphql-response+json"])
async def test_a_client_that_does_not_ask_gets_one_plain_answer(client: httpx.AsyncClient, accept: str) -> None:
    """The directives are as if they were not there."""
    response = await ask(client, DEFERRED, accept)
    assert response.json() == {"data": {"item": {"name": "x", "slow": "slow"}}}


@pytest.mark.parametrize("accept", [APOLLO, URQL])
async def test_a_plain_query_is_answered_plainly(client: httpx.AsyncClient, accept: str) -> None:
    """Accepting parts is not asking for them."""
    assert (
        (await ask(client, "{ hello }", accept)).headers["content-type"].startswith("application/graphql-response+json")
    )


async def test_urql_gets_parts_for_a_deferred_query(client: httpx.AsyncClient) -> None:
    """It names multipart last and still understands it."""
    assert len(parts_of(await ask(client, DEFERRED, URQL))) == 2


async def test_a_client_of_events_gets_the_pieces_as_events(client: httpx.AsyncClient) -> None:
    """The same payloads as next events."""
    text = (await ask(client, DEFERRED, "text/event-stream")).text
    assert text.count("event: next") == 2
    assert '"hasNext":false' in text


@pytest.mark.parametrize("accept", [CURRENT, APOLLO])
async def test_the_deadline_ends_what_was_deferred(client: httpx.AsyncClient, accept: str) -> None:
    """The first part stays; the missing one is a typed error."""
    parts = parts_of(await ask(client, "{ item { name ... @defer { never } } }", accept))
    [late] = parts[1].get("completed") or parts[1]["incremental"]
    assert parts[0]["data"] == {"item": {"name": "x"}}
    assert late["errors"][0]["extensions"]["code"] == "TIMED_OUT"
    assert parts[1]["hasNext"] is False


STREAMED = "{ item { ...I } } fragment I on Item { items @stream(%s) { name } }"
IMPOSSIBLE = [
    STREAMED % "initialCount: -1",
    STREAMED % "initialCount: null",
    "query($n: Int) " + STREAMED % "initialCount: $n",
    "query($b: Boolean) " + STREAMED % "if: $b",
]


@pytest.mark.parametrize("query", IMPOSSIBLE)
async def test_an_impossible_stream_is_the_callers_mistake(client: httpx.AsyncClient, query: str) -> None:
    """It is refused before anything runs; graphql-core would fail, as if the fault were ours."""
    body = {"query": query, "variables": {"n": -1, "b": None}}
    response = await client.post("/graphql", json=body, headers={"Accept": CURRENT})
    assert [error["extensions"]["code"] for error in response.json()["errors"]] == ["BAD_USER_INPUT"]
    assert "data" not in response.json()


async def test_a_wrong_variable_is_a_status_not_a_part(client: httpx.AsyncClient) -> None:
    """Refused before anything was sent."""
    query = "query($n: Int!) { item(size: $n) { name ... @defer { slow } } }"
    response = await ask(client, query, APOLLO)
    assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (400, "BAD_USER_INPUT")


async def test_apollo_subscriptions_come_in_parts(client: httpx.AsyncClient) -> None:
    """Each answer inside payload, as its multipart subscription protocol says."""
    accept = (
        'multipart/mixed;boundary="graphql";subscriptionSpec="1.0",application/graphql-response+json,application/json'
    )
    response = await ask(client, "subscription { count(to: 2) { name } }", accept)
    assert [part["payload"]["data"]["count"]["name"] for part in parts_of(response)] == ["1", "2"]
    assert "subscriptionSpec=1.0" in response.headers["content-type"]
