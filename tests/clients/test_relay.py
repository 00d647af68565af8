"""Relay's network layer, with documents by text and by the id its compiler gives them."""

import pytest
import pytest_asyncio

from tests.clients.conftest import AWAY, GREETING, Facts, Run

pytestmark = [pytest.mark.clients, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def seen(run_script: Run) -> Facts:
    """What the network layer saw."""
    return await run_script("relay.mjs")


async def test_queries_and_mutations_run_over_http(seen: Facts) -> None:
    """Each has one answer."""
    assert seen["query"] == [{"data": {"greeting": GREETING}}]
    assert seen["mutation"] == [{"data": {"rename": "Savings"}}]


async def test_a_partial_answer_keeps_its_data(seen: Facts) -> None:
    """The error of one field comes beside the data of the others."""
    assert seen["partial"] == [{"data": {"away": None, "greeting": GREETING}, "errors": [AWAY]}]


async def test_a_document_runs_by_its_id(seen: Facts) -> None:
    """Once it is known, the id is enough; an unknown one says so."""
    assert seen["byId"] == [{"data": {"greeting": GREETING}}]
    assert [error["code"] for error in seen["unknownId"][0]["errors"]] == ["PERSISTED_QUERY_NOT_FOUND"]


async def test_a_subscription_delivers_in_order_and_ends(seen: Facts) -> None:
    """Over graphql-ws."""
    assert seen["count"] == [{"data": {"count": number}} for number in (1, 2, 3)]
