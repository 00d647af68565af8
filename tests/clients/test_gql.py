"""Python's gql, as test suites and back offices use it: HTTP, multipart and WebSockets."""

import pytest
from gql import Client, GraphQLRequest
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.async_transport import AsyncTransport
from gql.transport.exceptions import TransportClosed, TransportConnectionFailed, TransportError, TransportQueryError
from gql.transport.httpx import HTTPXAsyncTransport
from gql.transport.websockets import WebsocketsTransport

from tests.clients.conftest import GREETING, Edge

pytestmark = [pytest.mark.clients, pytest.mark.asyncio(loop_scope="session")]

FEED = "subscription Feed($after: String) { feed(after: $after) { number cursor } }"
GREET = GraphQLRequest("query Greeting($name: String!) { greeting(name: $name) }", variable_values={"name": "Ada"})


def over_http(edge: Edge, kind: type[AIOHTTPTransport | HTTPXAsyncTransport]) -> AsyncTransport:
    return kind(url=f"http://{edge.address}/graphql", headers={"Authorization": f"Bearer {edge.token}"})


def over_socket(address: str, token: str) -> AsyncTransport:
    return WebsocketsTransport(url=f"ws://{address}/graphql", init_payload={"Authorization": f"Bearer {token}"})


def transports(edge: Edge) -> dict[str, AsyncTransport]:
    return {
        "aiohttp": over_http(edge, AIOHTTPTransport),
        "httpx": over_http(edge, HTTPXAsyncTransport),
        "websockets": over_socket(edge.address, edge.token),
    }


async def read_feed(edge: Edge, entries: list[dict[str, object]]) -> None:
    """Read on after the last entry through the tunnel, which is cut after the third."""
    after = entries[-1]["cursor"] if entries else None
    async with Client(transport=over_socket(edge.tunnel, edge.token)) as session:
        async for answer in session.subscribe(GraphQLRequest(FEED, variable_values={"after": after})):
            entries.append(answer["feed"])
            if len(entries) == 3:
                edge.cut()


@pytest.mark.parametrize("name", ["aiohttp", "httpx", "websockets"])
async def test_operations_run_and_fail_as_they_should(edge: Edge, name: str) -> None:
    """The schema is fetched and checked against, a mutation runs, a failing field raises with its code."""
    client = Client(transport=transports(edge)[name], fetch_schema_from_transport=True)
    async with client as session:
        assert await session.execute(GREET) == {"greeting": GREETING}
        assert await session.execute(GraphQLRequest('mutation { rename(name: "Savings") }')) == {"rename": "Savings"}
        with pytest.raises(TransportQueryError) as caught:
            await session.execute(GraphQLRequest('{ away greeting(name: "Ada") }'))
    assert caught.value.data == {"away": None, "greeting": GREETING}
    assert (caught.value.errors or [])[0]["extensions"]["code"] == "UNAVAILABLE"


async def test_a_socket_without_a_good_token_is_closed(edge: Edge) -> None:
    """The client cannot connect, and the close code is what caused it."""
    with pytest.raises(TransportError) as caught:
        async with Client(transport=over_socket(edge.address, "none")):
            pass
    assert "4403" in str(caught.value.__cause__)


async def test_a_cut_line_loses_and_repeats_nothing(edge: Edge) -> None:
    """The app subscribes again after the last cursor."""
    entries: list[dict[str, object]] = []
    with pytest.raises((TransportClosed, TransportConnectionFailed)):
        await read_feed(edge, entries)
    await read_feed(edge, entries)
    assert [entry["number"] for entry in entries] == [1, 2, 3, 4, 5, 6]
