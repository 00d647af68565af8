"""GraphiQL as a frontend developer meets it: in a browser, on the gateway, with nothing from any other host."""

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from tests.browser.visits import Visit, shows

if TYPE_CHECKING:
    from playwright.async_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(loop_scope="module")
async def graphiql(visit: Visit, belfry_url: str) -> "AsyncGenerator[Page]":
    """The page, open; whatever a test does there, the browser must have nothing to complain about."""
    await visit.page.goto(f"{belfry_url}/graphiql")
    await shows(visit.page, ".graphiql-query-editor .view-line")
    yield visit.page
    assert visit.complaints == []
    assert visit.hosts == {urlsplit(belfry_url).netloc}


async def run(page: "Page", tab: str) -> None:
    """Open the tab of an operation and run it."""
    await page.locator(".graphiql-tab-button", has_text=tab).click()
    await page.get_by_role("button", name="Execute query").click()


async def test_a_query_runs_as_the_first_customer(graphiql: "Page") -> None:
    """The page signs in by itself: a query needs one click."""
    await run(graphiql, "Dashboard")
    await shows(graphiql, ".result-window", "Account adas")


async def test_choosing_a_customer_changes_whose_answers_come(graphiql: "Page") -> None:
    """The chosen customer's token is used from then on."""
    await graphiql.get_by_label("Customer").select_option("Bram Tester")
    await run(graphiql, "Dashboard")
    await shows(graphiql, ".result-window", "Account brams")


@pytest.mark.parametrize("transport", ["WebSocket", "Server-sent events"])
async def test_a_subscription_shows_what_arrives(graphiql: "Page", transport: str) -> None:
    """Subscriptions work over both transports."""
    await graphiql.get_by_label("Subscriptions").select_option(transport)
    await run(graphiql, "AlertFeed")
    await shows(graphiql, ".result-window", "FeedCaughtUp")


async def test_the_docs_explain_the_schema(graphiql: "Page") -> None:
    """The explorer is filled by introspection."""
    await graphiql.get_by_role("button", name="Show Documentation Explorer").click()
    await shows(graphiql, ".graphiql-doc-explorer", "Subscription")
