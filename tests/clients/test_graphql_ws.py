"""The graphql-ws client, as web and React Native apps use it."""

import pytest
import pytest_asyncio

from tests.clients.conftest import AWAY, GREETING, INVALID, Facts, Run

pytestmark = [pytest.mark.clients, pytest.mark.asyncio(loop_scope="session")]

WHOLE_FEED = [1, 2, 3, 4, 5, 6]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def seen(run_script: Run) -> Facts:
    """What the client saw."""
    return await run_script("graphql-ws.mjs")


async def test_queries_and_mutations_run_over_the_socket(seen: Facts) -> None:
    """Each has one answer and ends."""
    assert seen["query"] == {"answers": [{"data": {"greeting": GREETING}}]}
    assert seen["mutation"] == {"answers": [{"data": {"rename": "Savings"}}]}


async def test_a_partial_answer_keeps_its_data(seen: Facts) -> None:
    """The error of one field comes beside the data of the others."""
    assert seen["partial"] == [{"data": {"away": None, "greeting": GREETING}, "errors": [AWAY]}]


async def test_a_refused_operation_ends_alone(seen: Facts) -> None:
    """A bad document or bad variables are an error of that operation; no answer precedes it."""
    assert seen["invalid"] == {"answers": [], "refused": [INVALID]}
    assert [error["code"] for error in seen["badVariables"]["refused"]] == ["BAD_USER_INPUT"]


async def test_a_subscription_delivers_in_order_and_ends(seen: Facts) -> None:
    """Every answer, then complete."""
    assert seen["count"] == {"answers": [{"data": {"count": number}} for number in (1, 2, 3)]}


async def test_a_subscription_that_fails_says_why(seen: Facts) -> None:
    """Its last answer has the error with its code."""
    first, last = seen["failing"]
    assert (first["data"], last["errors"][0]["code"]) == ({"failing": 1}, "UNAVAILABLE")


async def test_leaving_a_subscription_leaves_the_socket_usable(seen: Facts) -> None:
    """The client stops after two of a thousand, and asks something else."""
    assert seen["stopped"] == {"numbers": [1, 2], "after": {"answers": [{"data": {"greeting": GREETING}}]}}


async def test_a_socket_without_a_token_is_closed(seen: Facts) -> None:
    """With the code after which a client may come back with a token."""
    assert seen["unauthenticated"] == {"code": 4403, "reason": "Forbidden"}


async def test_a_cut_line_loses_and_repeats_nothing(seen: Facts) -> None:
    """The client connects again by itself and goes on after the last cursor."""
    assert (seen["cut"]["numbers"], seen["cut"]["starts"]) == (WHOLE_FEED, [None, "c3"])
    assert seen["cut"]["closes"][0]["code"] == 1006


async def test_an_expired_token_closes_and_a_fresh_one_goes_on(seen: Facts) -> None:
    """The server closes the socket; the client comes back with a fresh token and resumes."""
    assert (seen["expired"]["numbers"], seen["expired"]["starts"]) == (WHOLE_FEED, [None, "c3"])
    assert seen["expired"]["closes"][0] == {"code": 4403, "reason": "Token expired"}


async def test_a_renewed_token_keeps_the_socket(seen: Facts) -> None:
    """A ping with a fresh token outlives the first one, at whose expiry another socket is closed."""
    renewed = seen["renewed"]
    assert (renewed["answer"], renewed["other"]["reason"]) == ({"renewed": True}, "Token expired")
    assert (renewed["closes"], renewed["after"]) == ([], {"answers": [{"data": {"greeting": GREETING}}]})
