"""Apollo Client, as a React or native app uses it."""

import pytest
import pytest_asyncio

from tests.clients.conftest import AWAY, GREETING, INVALID, Facts, Run

pytestmark = [pytest.mark.clients, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def seen(run_script: Run) -> Facts:
    """What the client saw."""
    return await run_script("apollo.mjs")


async def test_queries_and_mutations_run_over_http(seen: Facts) -> None:
    """By POST, and a query by GET too."""
    assert seen["query"] == seen["byGet"] == {"data": {"greeting": GREETING}}
    assert seen["mutation"] == {"data": {"rename": "Savings"}}


async def test_a_partial_answer_keeps_its_data(seen: Facts) -> None:
    """The error of one field comes beside the data of the others, with its path, code and when to retry."""
    assert seen["partial"] == {"data": {"away": None, "greeting": GREETING}, "errors": [AWAY]}


async def test_a_refused_operation_shows_its_errors(seen: Facts) -> None:
    """As GraphQL errors, not as a network error, whatever the status."""
    assert seen["invalid"] == {"errors": [INVALID]}
    assert [error["code"] for error in seen["badVariables"]["errors"]] == ["BAD_USER_INPUT"]


async def test_a_request_without_a_token_is_told_so(seen: Facts) -> None:
    """The code is there for the app to sign in."""
    assert [error["code"] for error in seen["unauthenticated"]["errors"]] == ["UNAUTHENTICATED"]


async def test_a_persisted_query_sends_its_text_once(seen: Facts) -> None:
    """First the hash, then the text that goes with it, then the hash alone by GET."""
    assert seen["persisted"]["answers"] == [{"data": {"greeting": GREETING}}] * 2
    methods = [(request["method"], request["withText"]) for request in seen["persisted"]["requests"]]
    assert methods == [("GET", False), ("POST", True), ("GET", False)]


@pytest.mark.parametrize("format", ["defer", "deferLegacy"])
async def test_a_deferred_part_follows_the_rest(seen: Facts, format: str) -> None:
    """The screen shows what is there before the slow part is ready, in either format Apollo speaks."""
    report = {"__typename": "Report", "id": "r1", "title": "Year"}
    assert seen[format] == [
        {"ready": False, "data": {"report": report}},
        {"ready": True, "data": {"report": {**report, "details": "took a while"}}},
    ]


@pytest.mark.parametrize("format", ["stream", "streamLegacy"])
async def test_a_streamed_list_grows(seen: Facts, format: str) -> None:
    """The first items are shown before the next are ready, in either format Apollo speaks."""
    lines = [(state["ready"], state["data"]["report"]["lines"]) for state in seen[format]]
    assert lines == [(False, ["first"]), (True, ["first", "second"])]


@pytest.mark.parametrize("transport", ["multipart", "socket"])
async def test_a_subscription_delivers_in_order_and_ends(seen: Facts, transport: str) -> None:
    """Over HTTP as multipart, which needs no other package, and over graphql-ws."""
    assert seen[transport] == {"answers": [{"data": {"count": number}} for number in (1, 2, 3)]}


async def test_a_subscription_that_fails_says_why(seen: Facts) -> None:
    """Its last answer has the error with its code."""
    first, last = seen["multipartFailing"]["answers"]
    assert (first["data"], last["errors"][0]["code"]) == ({"failing": 1}, "UNAVAILABLE")


@pytest.mark.parametrize("transport", ["multipartCut", "socketCut"])
async def test_a_cut_line_loses_and_repeats_nothing(seen: Facts, transport: str) -> None:
    """The app subscribes again after the last cursor."""
    assert (seen[transport]["numbers"], seen[transport]["starts"]) == ([1, 2, 3, 4, 5, 6], [None, "c3"])
