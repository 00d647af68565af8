"""Server-sent events: the graphql-sse client, and the EventSource of browsers, which knows no GraphQL."""

import pytest
import pytest_asyncio

from tests.clients.conftest import AWAY, GREETING, INVALID, Facts, Run

pytestmark = [pytest.mark.clients, pytest.mark.asyncio(loop_scope="session")]

WHOLE_FEED = [1, 2, 3, 4, 5, 6]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def seen(run_script: Run) -> Facts:
    """What the clients saw."""
    return await run_script("graphql-sse.mjs")


async def test_queries_and_mutations_run_over_events(seen: Facts) -> None:
    """Each has one answer and ends."""
    assert seen["query"] == [{"data": {"greeting": GREETING}}]
    assert seen["mutation"] == [{"data": {"rename": "Savings"}}]


async def test_a_partial_answer_keeps_its_data(seen: Facts) -> None:
    """The error of one field comes beside the data of the others."""
    assert seen["partial"] == [{"data": {"away": None, "greeting": GREETING}, "errors": [AWAY]}]


async def test_a_refused_operation_shows_its_errors(seen: Facts) -> None:
    """They come as an answer: this client hides the body of a status that is no success."""
    assert seen["invalid"] == [{"errors": [INVALID]}]


async def test_a_subscription_delivers_in_order_and_ends(seen: Facts) -> None:
    """Every answer, then complete."""
    assert seen["count"] == [{"data": {"count": number}} for number in (1, 2, 3)]


async def test_a_subscription_that_fails_says_why(seen: Facts) -> None:
    """Its last answer has the error with its code."""
    first, last = seen["failing"]
    assert (first["data"], last["errors"][0]["code"]) == ({"failing": 1}, "UNAVAILABLE")


async def test_a_stream_without_a_token_is_refused(seen: Facts) -> None:
    """By status, before anything is streamed."""
    assert seen["unauthenticated"] == {"status": 401}


async def test_a_cut_line_loses_and_repeats_nothing(seen: Facts) -> None:
    """The client sends its request again and goes on after the last cursor."""
    first, *again = seen["cut"]["starts"]
    # Node's pool may first try another of its lines that was cut as well, so the request may be made more than once.
    assert (seen["cut"]["numbers"], first, set(again)) == (WHOLE_FEED, None, {"c3"})


async def test_an_expired_token_ends_the_stream_and_says_so(seen: Facts) -> None:
    """The last answer tells the app to subscribe again with a fresh token; the client does not by itself."""
    assert (seen["expired"]["numbers"], seen["expired"]["starts"]) == ([1, 2, 3], [None])
    assert [error["code"] for error in seen["expired"]["answers"][-1]["errors"]] == ["UNAUTHENTICATED"]


async def test_an_event_source_resumes_by_itself(seen: Facts) -> None:
    """It sends the id of the last event, which is the feed's cursor, and the operation goes on after it."""
    assert seen["eventSource"] == {"numbers": WHOLE_FEED, "resumed": [None, "c3"]}
