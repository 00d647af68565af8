"""urql, which accepts every media type at once and must be given the one it can use."""

import pytest
import pytest_asyncio

from tests.clients.conftest import AWAY, GREETING, INVALID, Facts, Run

pytestmark = [pytest.mark.clients, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def seen(run_script: Run) -> Facts:
    """What the client saw."""
    return await run_script("urql.mjs")


async def test_queries_and_mutations_run_over_http(seen: Facts) -> None:
    """By POST, and a query by GET too."""
    assert seen["query"] == seen["byGet"] == {"data": {"greeting": GREETING}}
    assert seen["mutation"] == {"data": {"rename": "Savings"}}


async def test_a_partial_answer_keeps_its_data(seen: Facts) -> None:
    """The error of one field comes beside the data of the others."""
    assert seen["partial"] == {"data": {"away": None, "greeting": GREETING}, "errors": [AWAY]}


async def test_a_refused_operation_shows_its_errors(seen: Facts) -> None:
    """As GraphQL errors, not as a network error."""
    assert seen["invalid"] == {"errors": [INVALID]}


async def test_a_request_without_a_token_is_told_so(seen: Facts) -> None:
    """By status and by code."""
    assert seen["unauthenticated"]["status"] == 401
    assert [error["code"] for error in seen["unauthenticated"]["errors"]] == ["UNAUTHENTICATED"]


async def test_a_persisted_query_is_asked_for_by_its_hash(seen: Facts) -> None:
    """The hash, then hash and text, then the hash alone: all by GET."""
    assert seen["persisted"] == {"answers": [{"data": {"greeting": GREETING}}] * 2, "methods": ["GET"] * 3}


async def test_a_deferred_part_follows_the_rest(seen: Facts) -> None:
    """The screen shows what is there before the slow part is ready."""
    assert seen["defer"] == [
        {"data": {"report": {"id": "r1", "title": "Year"}}, "hasNext": True},
        {"data": {"report": {"id": "r1", "title": "Year", "details": "took a while"}}, "hasNext": False},
    ]


async def test_a_subscription_needs_no_other_package(seen: Facts) -> None:
    """Its own fetch reads server-sent events; when they end, it repeats the last answer to say so."""
    counted = [(answer["data"]["count"], answer["hasNext"]) for answer in seen["fetched"]]
    assert counted == [(1, True), (2, True), (3, True), (3, False)]
    assert [error["code"] for error in seen["fetchedFailing"][-1]["errors"]] == ["UNAVAILABLE"]


@pytest.mark.parametrize("transport", ["socket", "events"])
async def test_a_subscription_runs_over_another_client(seen: Facts, transport: str) -> None:
    """Over graphql-ws and over graphql-sse; urql repeats the last answer when they end."""
    assert seen[transport] == [1, 2, 3, 3]
